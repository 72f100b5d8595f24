#include "app/tls_flags.h"

#include <CLI/CLI.hpp>

namespace hitless::app {
namespace {

std::string absolute(const std::string& file) {
  return std::filesystem::absolute(file).string();
}

}  // namespace

// The same flags with and without the word that tells the gateway's from serve's own.
void add_tls_flags(CLI::App& command, const std::string& prefix, GatewayTls& options) {
  command.add_option(prefix + "tls-listen", options.listen, "Where services are called over TLS");
  command.add_option(prefix + "tls-certificate", options.certificates,
                     "PEM file: a certificate and those that vouch for it; may be repeated, the "
                     "client's server name chooses");
  command.add_option(prefix + "tls-key", options.keys,
                     "PEM file: the certificate's key; as many, in the same order");
  command.add_flag(prefix + "tls-redirect", options.redirect,
                   "Answer plain requests with the way to TLS");
}

void add_tls_arguments(const GatewayTls& options, std::vector<std::string>& arguments) {
  const auto add = [&](const char* flag, const std::string& value) {
    arguments.insert(arguments.end(), {flag, value});
  };
  if (!options.listen.empty()) add("--tls-listen", options.listen);
  for (const std::string& file : options.certificates) add("--tls-certificate", absolute(file));
  for (const std::string& file : options.keys) add("--tls-key", absolute(file));
  if (options.redirect) arguments.emplace_back("--tls-redirect");
}

Result<std::optional<gateway::TlsOptions>> tls_options(const GatewayTls& options,
                                                       const std::string& prefix) {
  if (options.listen.empty()) {
    if (options.certificates.empty() && options.keys.empty() && !options.redirect) {
      return std::optional<gateway::TlsOptions>();
    }
    return Error(Code::invalid, prefix + "tls-listen must be given with the other TLS flags");
  }
  if (options.certificates.empty() || options.certificates.size() != options.keys.size()) {
    return Error(Code::invalid,
                 prefix + "tls-certificate and " + prefix + "tls-key must be given, equally often");
  }
  gateway::TlsOptions made;
  auto listen = parse_address(options.listen);
  if (!listen) return std::move(listen).error().context(prefix + "tls-listen");
  made.listen = *listen;
  for (std::size_t i = 0; i < options.keys.size(); ++i) {
    // A gateway that takes over reads them again, from wherever it was started.
    made.certificates.push_back(
        {.certificate = absolute(options.certificates[i]), .key = absolute(options.keys[i])});
  }
  made.redirect = options.redirect;
  return std::optional(std::move(made));
}

}  // namespace hitless::app
