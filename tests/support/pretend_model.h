// What the pretend model answers: a text that names its version and proves that the whole body
// arrived.  Shared by the model server and the load client, so that the client can tell a wrong or
// cut body on either way.  Pure functions.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace hitless::tests {

// `pad` bytes of filler make the answer as long as the caller wants.
std::string pretend_answer(std::string_view version, std::string_view body, std::size_t pad);

// The version that answered; nullopt when this is not the answer to `body`.
std::optional<std::string> version_of_answer(std::string_view answer, std::string_view body,
                                             std::size_t pad);

}  // namespace hitless::tests
