// The flags that say how services are called over TLS: the same for `gateway` and, with a word
// more, for `serve`, which passes them on.
#pragma once

#include <optional>
#include <string>

#include "app/options.h"
#include "gateway/options.h"

namespace CLI {
class App;
}

namespace hitless::app {

// `prefix`: what stands before "tls-…".
void add_tls_flags(CLI::App& command, const std::string& prefix, GatewayTls& options);
// The flags that say the same to `gateway`, which has another working folder.
void add_tls_arguments(const GatewayTls& options, std::vector<std::string>& arguments);
// None when TLS is not asked for.
Result<std::optional<gateway::TlsOptions>> tls_options(const GatewayTls& options,
                                                       const std::string& prefix);

}  // namespace hitless::app
