// An HTTP request and its answer as values, for the control side: the API, its clients, health
// probes and the engines.  The gateway's data path has its own codec (net/http1.h).
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace hitless::net {

// Header fields in order; names compare without case (RFC 9110 section 5.1).
class HttpHeaders {
 public:
  HttpHeaders() = default;
  HttpHeaders(std::initializer_list<std::pair<std::string, std::string>> fields)
      : fields_(fields) {}

  void add(std::string name, std::string value) {
    fields_.emplace_back(std::move(name), std::move(value));
  }
  // The first value of that name; empty when absent.
  std::string_view get(std::string_view name) const;
  bool has(std::string_view name) const;

  auto begin() const { return fields_.begin(); }
  auto end() const { return fields_.end(); }

 private:
  std::vector<std::pair<std::string, std::string>> fields_;
};

struct HttpRequest {
  std::string method;  // upper case
  std::string target;  // origin form, as sent: "/v1/x?limit=1"
  HttpHeaders headers;
  std::string body;

  std::string_view path() const;   // target up to '?', still percent-encoded
  std::string_view query() const;  // behind '?', or empty
};

// Whether a method, a target or a field's name holds neither blanks nor controls: outside data must
// not be able to add fields, or a second request, to ours.
bool is_sendable(std::string_view text);

class HttpStream;

struct HttpResponse {
  int status = 200;
  HttpHeaders headers;
  std::string body;
  // Of HttpServer's handlers only: instead of `body`, one that goes on (net/http_stream.h).
  std::shared_ptr<HttpStream> stream = nullptr;
};

}  // namespace hitless::net
