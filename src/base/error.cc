#include "base/error.h"

#include <cerrno>
#include <cstring>

namespace hitless {
namespace {

Code code_of(int error_number) {
  switch (error_number) {
    case ENOENT: return Code::not_found;
    case EACCES:
    case EPERM: return Code::forbidden;
    case EEXIST: return Code::conflict;
    case ENOSPC:
    case EDQUOT:
    case EMFILE:
    case ENFILE:
    case ENOMEM: return Code::exhausted;
    case ECONNREFUSED:
    case ECONNRESET:
    case EPIPE:
    case EAGAIN: return Code::unavailable;
    case ETIMEDOUT: return Code::timeout;
    default: return Code::internal;
  }
}

}  // namespace

std::string_view to_text(Code code) {
  switch (code) {
    case Code::invalid: return "invalid";
    case Code::not_found: return "not_found";
    case Code::conflict: return "conflict";
    case Code::unauthenticated: return "unauthenticated";
    case Code::forbidden: return "forbidden";
    case Code::exhausted: return "exhausted";
    case Code::unavailable: return "unavailable";
    case Code::timeout: return "timeout";
    case Code::cancelled: return "cancelled";
    case Code::unsupported: return "unsupported";
    case Code::corrupt: return "corrupt";
    case Code::internal: return "internal";
  }
  return "internal";
}

Error Error::context(std::string_view doing) const& {
  return Error(*this).context(doing);
}

Error Error::context(std::string_view doing) && {
  text_.insert(0, ": ").insert(0, doing);
  return std::move(*this);
}

Error system_error(std::string_view call, std::string_view object, int error_number) {
  char buffer[128];
  std::string text(call);
  if (!object.empty()) text.append(" ").append(object);
  text.append(": ").append(strerror_r(error_number, buffer, sizeof buffer));
  return Error(code_of(error_number), std::move(text));
}

}  // namespace hitless
