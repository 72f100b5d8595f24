// The client side of the API, for the commands: finds hitless serve, asks, and turns refusals into
// Errors that say what to do next.
//
// Owner: the running command; one thread.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/address.h"
#include "base/json.h"
#include "base/result.h"
#include "net/event_client.h"
#include "net/http_client.h"

namespace hitless::cli {

// Where hitless is, as the command line says.
struct Target {
  std::filesystem::path state;       // the state directory: its api.sock, its token
  std::string url;                   // "http://127.0.0.1:8443"; empty: the state directory's socket
  std::filesystem::path token_file;  // empty: the state directory's
};

// $HITLESS_STATE, else /var/lib/hitless for root, else hitless in $XDG_STATE_HOME or, without that,
// in ~/.local/state.  serve takes the same.
std::filesystem::path default_state_directory();

class ApiClient {
 public:
  // Asks for the status, so that whatever is wrong with the connection is said first.
  // unavailable: nothing answers there.
  static Result<std::unique_ptr<ApiClient>> connect(Target target);

  // `path` is below /v1/{project_id}: "/services?limit=1".  An answer that is no 2xx is an Error
  // with the server's error_code and words.
  Result<json::object> get(const std::string& path);
  Result<json::object> send(const std::string& method, const std::string& path,
                            const json::value& body);
  Result<std::string> get_text(const std::string& path);

  // A stream of events below /v1/{project_id}; `last_id` of those read before, or empty.  Errors as
  // net::EventClient::open gives them.
  Result<std::unique_ptr<net::EventClient>> events(const std::string& path,
                                                   const std::string& last_id);

  // A request to a deployed service at its access_address; any status is a value.
  Result<net::HttpResponse> predict(const std::string& url, net::HttpRequest request);

  const json::object& status() const { return status_; }
  const Target& target() const { return target_; }

 private:
  ApiClient(Target target, Address api);
  Result<net::HttpResponse> call(std::string method, std::string target, std::string body);
  Result<std::string> answered(Result<net::HttpResponse> response) const;
  std::string token() const;

  Target target_;
  Address api_;
  std::unique_ptr<net::HttpClient> http_;
  json::object status_;
  std::string project_;
};

// "http://127.0.0.1:8080/v1/x" → its address and "/v1/x".
struct Url {
  Address address;
  std::string path;
};
Result<Url> parse_url(std::string_view url);

// Everything but unreserved characters as %XX, for one segment or query value.
std::string percent_encoded(std::string_view text);

}  // namespace hitless::cli
