#include "control/warm_up_call.h"

#include <fmt/format.h>

#include "base/duration_text.h"
#include "control/limits.h"

namespace hitless::control {

net::HttpCall warm_up_call(const model::WarmUpRequest& request, const Address& to,
                           const std::string& id) {
  net::HttpCall call;
  call.to = to;
  call.request = {
      .method = request.method, .target = request.path, .headers = {}, .body = request.body};
  for (const auto& [name, value] : request.headers) call.request.headers.add(name, value);
  const auto add = [&](const char* name, const std::string& value) {
    if (!call.request.headers.has(name)) call.request.headers.add(name, value);
  };
  add("X-Request-Id", id);
  add("X-Forwarded-For", "127.0.0.1");
  add("X-Forwarded-Proto", "http");
  call.connect_timeout = request.timeout;
  call.total_timeout = request.timeout;
  call.body_bytes_max = k_warm_up_answer_bytes_max;
  return call;
}

std::string warm_up_fault(const model::WarmUpRequest& request,
                          const Result<net::HttpResponse>& answer) {
  const std::string name = model::name_of(request);
  if (!answer && answer.error().code() == Code::timeout) {
    return fmt::format("{} was not answered within {}", name, duration_text(request.timeout));
  }
  if (!answer) {
    return fmt::format("{} was not answered, expected {}: {}", name, request.status,
                       answer.error().text());
  }
  const std::string fault = model::fault_of(request, answer->status, answer->body);
  return fault.empty() ? "" : name + " " + fault;
}

}  // namespace hitless::control
