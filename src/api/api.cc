#include "api/api.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "api/auth.h"
#include "api/call.h"
#include "api/limits.h"
#include "api/routes.h"
#include "base/crypto.h"
#include "base/log.h"

namespace hitless::api {
namespace {

bool is_sane_id(std::string_view id) {
  return !id.empty() && id.size() <= k_request_id_bytes_max &&
         std::all_of(id.begin(), id.end(), [](char c) {
           return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
                  c == '-' || c == '_' || c == '.';
         });
}

Checked<void> check_project(const ApiOptions& options, const Params& path) {
  const auto project = path.find("project_id");
  if (project == path.end() || project->second == options.project_id) return {};
  return Failure(Cause::other_project, "The project " + project->second +
                                           " in the path is not the project of the token.");
}

net::HttpResponse refuse_method(const net::HttpRequest& request, const RouteMatch& match) {
  net::HttpResponse response = to_response(Failure(
      Cause::method_unknown, request.method + " is not possible on " + std::string(request.path()) +
                                 "; possible: " + match.methods + "."));
  response.headers.add("Allow", match.methods);
  return response;
}

// What one handler works with, for all its requests.
struct Parts {
  const ApiOptions options;
  store::Store& store;
  control::Port& port;
  Feeds feeds{};
};

Reply handle(Parts& parts, const net::HttpRequest& request, const net::HttpPeer& peer) {
  const ApiOptions& options = parts.options;
  HL_TRY(check_caller(options, request, peer));
  RouteMatch match = find_route(request.method, request.path());
  if (!match.path_known) {
    return Failure(Cause::path_unknown, "The API " + std::string(request.path()) +
                                            " does not exist or has not been published.");
  }
  if (match.row == nullptr) return refuse_method(request, match);
  HL_TRY(check_project(options, match.params));
  const Call call{options,
                  parts.store,
                  parts.port,
                  parts.feeds,
                  request,
                  std::move(match.params),
                  parse_query(request.query()),
                  caller_name(peer)};
  return match.row->handler(call);
}

}  // namespace

net::HttpServer::Handler make_handler(ApiOptions options, store::Store& store,
                                      control::Port& port) {
  // Aggregates with a mutex are made where they stay.
  const std::shared_ptr<Parts> parts(
      new Parts{.options = std::move(options), .store = store, .port = port});
  return [parts](const net::HttpRequest& request, const net::HttpPeer& peer) {
    const std::string_view given = request.headers.get("X-Request-Id");
    const std::string id = is_sane_id(given) ? std::string(given) : random_hex(16);
    Reply reply = handle(*parts, request, peer);
    net::HttpResponse response = reply ? std::move(reply).value() : to_response(reply.error());
    if (response.status >= 500) {
      log_error("api_failed", {{"request", id},
                               {"call", request.method + " " + std::string(request.path())},
                               {"error", reply ? response.body : reply.error().text()}});
    }
    response.headers.add("X-Request-Id", id);
    return response;
  };
}

}  // namespace hitless::api
