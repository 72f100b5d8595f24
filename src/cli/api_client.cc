#include "cli/api_client.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cstdlib>

#include "base/file.h"

namespace hitless::cli {
namespace {

constexpr std::size_t k_token_bytes_max = 4096;                   // the file holds one line
constexpr Duration k_predict_timeout = std::chrono::seconds(40);  // contract: calling a service

Code code_of(int status) {
  switch (status) {
    case 401: return Code::unauthenticated;
    case 403: return Code::forbidden;
    case 404: return Code::not_found;
    case 409: return Code::conflict;
    default: return status < 500 ? Code::invalid : Code::internal;
  }
}

Error refusal(const net::HttpResponse& response) {
  const Result<json::value> body = parse_json(response.body);
  const json::object* object = body ? body->if_object() : nullptr;
  if (object == nullptr || !object->contains("error_msg")) {
    return Error(code_of(response.status), fmt::format("HTTP {} from hitless", response.status));
  }
  const std::string code = find_string(*object, "error_code").value_or(std::nullopt).value_or("");
  const std::string text = find_string(*object, "error_msg").value_or(std::nullopt).value_or("");
  return Error(code_of(response.status), fmt::format("{} ({})", text, code));
}

Error unreachable(const Target& target, const Error& cause) {
  if (!target.url.empty()) {
    return Error(Code::unavailable,
                 fmt::format("nothing answers at {} ({}): is hitless serve running there?",
                             target.url, cause.text()));
  }
  return Error(Code::unavailable,
               fmt::format("hitless serve is not running for {}: start it with `hitless serve "
                           "--state {}`, or name another directory with --state",
                           target.state.string(), target.state.string()));
}

}  // namespace

std::filesystem::path default_state_directory() {
  if (const char* state = std::getenv("HITLESS_STATE"); state != nullptr && *state != '\0') {
    return state;
  }
  if (::geteuid() == 0) return "/var/lib/hitless";
  if (const char* state = std::getenv("XDG_STATE_HOME"); state != nullptr && *state != '\0') {
    return std::filesystem::path(state) / "hitless";
  }
  const char* home = std::getenv("HOME");
  return std::filesystem::path(home == nullptr ? "." : home) / ".local/state/hitless";
}

std::string percent_encoded(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const bool plain = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
                       c == '-' || c == '_' || c == '.' || c == '~';
    out += plain ? std::string(1, c) : fmt::format("%{:02X}", static_cast<unsigned char>(c));
  }
  return out;
}

Result<Url> parse_url(std::string_view url) {
  constexpr std::string_view k_scheme = "http://";
  if (!url.starts_with(k_scheme)) {
    return Error(Code::invalid, fmt::format("{} is no address of the form http://HOST:PORT", url));
  }
  std::string_view rest = url.substr(k_scheme.size());
  std::string host(rest.substr(0, rest.find('/')));
  const std::string path(rest.substr(std::min(rest.size(), host.size())));
  if (host.starts_with("localhost:")) host.replace(0, 9, "127.0.0.1");
  Result<Address> address = parse_address(host);
  if (!address) return address.error().context(url);
  return Url{std::move(*address), path};
}

ApiClient::ApiClient(Target target, Address api)
    : target_(std::move(target)), api_(std::move(api)), http_(net::HttpClient::make()) {}

Result<std::unique_ptr<ApiClient>> ApiClient::connect(Target target) {
  Address api;
  if (target.url.empty()) {
    HL_TRY_ASSIGN(api, parse_address("unix:" + (target.state / "api.sock").string()));
  } else {
    HL_TRY_ASSIGN(const Url url, parse_url(target.url));
    api = url.address;
  }
  if (!target.token_file.empty()) {
    auto token = read_file(target.token_file, k_token_bytes_max);
    if (!token) return std::move(token).error().context("--token-file");
  }
  std::unique_ptr<ApiClient> client(new ApiClient(std::move(target), std::move(api)));
  Result<net::HttpResponse> response = client->call("GET", "/hitless/v1/status", "");
  if (!response) return unreachable(client->target_, response.error());
  HL_TRY_ASSIGN(const std::string text, client->answered(std::move(response)));
  HL_TRY_ASSIGN(json::value status, parse_json(text));
  if (!status.is_object())
    return Error(Code::corrupt, "the status that hitless answers is no object");
  client->status_ = std::move(status.get_object());
  HL_TRY_ASSIGN(client->project_, get_string(client->status_, "project_id"));
  return client;
}

std::string ApiClient::token() const {
  const auto file = target_.token_file.empty() ? target_.state / "token" : target_.token_file;
  Result<std::string> token = read_file(file, k_token_bytes_max);
  if (!token) return {};  // the Unix socket needs none; others say themselves that it is missing
  token->erase(token->find_last_not_of(" \r\n") + 1);
  return std::move(*token);
}

Result<net::HttpResponse> ApiClient::call(std::string method, std::string target,
                                          std::string body) {
  net::HttpCall call;
  call.to = api_;
  call.request.method = std::move(method);
  call.request.target = std::move(target);
  if (!body.empty()) call.request.headers.add("Content-Type", "application/json");
  if (!api_.is_unix()) {
    if (const std::string secret = token(); !secret.empty()) {
      call.request.headers.add("X-Auth-Token", secret);
    }
  }
  call.request.body = std::move(body);
  return http_->fetch(std::move(call));
}

Result<std::string> ApiClient::answered(Result<net::HttpResponse> response) const {
  if (!response) return unreachable(target_, response.error());
  if (response->status / 100 != 2) {
    Error error = refusal(*response);
    if (error.code() != Code::unauthenticated || api_.is_unix()) return error;
    return Error(error.code(), error.text() + ": name the file that holds it with --token-file");
  }
  return std::move(response->body);
}

Result<json::object> ApiClient::get(const std::string& path) {
  return send("GET", path, json::value());
}

Result<json::object> ApiClient::send(const std::string& method, const std::string& path,
                                     const json::value& body) {
  HL_TRY_ASSIGN(const std::string text,
                answered(call(method, "/v1/" + project_ + path,
                              body.is_null() ? std::string() : to_json_text(body))));
  HL_TRY_ASSIGN(json::value value, parse_json(text));
  if (!value.is_object()) return Error(Code::corrupt, "hitless answered no JSON object");
  return std::move(value.get_object());
}

Result<std::string> ApiClient::get_text(const std::string& path) {
  return answered(call("GET", "/v1/" + project_ + path, ""));
}

Result<std::unique_ptr<net::EventClient>> ApiClient::events(const std::string& path,
                                                            const std::string& last_id) {
  net::EventCall call;
  call.to = api_;
  call.target = "/v1/" + project_ + path;
  if (!last_id.empty()) call.headers.add("Last-Event-ID", last_id);
  if (const std::string secret = api_.is_unix() ? "" : token(); !secret.empty()) {
    call.headers.add("X-Auth-Token", secret);
  }
  return net::EventClient::open(std::move(call));
}

Result<net::HttpResponse> ApiClient::predict(const std::string& url, net::HttpRequest request) {
  HL_TRY_ASSIGN(Url where, parse_url(url));
  net::HttpCall call;
  call.to = std::move(where.address);
  call.total_timeout = k_predict_timeout;
  call.request = std::move(request);
  call.request.target = where.path;
  if (const std::string secret = token(); !secret.empty()) {
    call.request.headers.add("X-Auth-Token", secret);
  }
  return http_->fetch(std::move(call));
}

}  // namespace hitless::cli
