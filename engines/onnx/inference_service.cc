#include "engines/onnx/inference_service.h"

#include <fmt/format.h>

#include "engines/onnx/protocol.h"

namespace hitless::onnx {
namespace {

net::HttpResponse json_answer(int status, std::string body) {
  return {
      .status = status, .headers = {{"Content-Type", "application/json"}}, .body = std::move(body)};
}

net::HttpResponse refuse(int status, std::string_view reason) {
  return json_answer(status, error_text(reason));
}

net::HttpResponse not_loaded() {
  net::HttpResponse response = refuse(503, "the model is being loaded");
  response.headers.add("Retry-After", "1");
  return response;
}

net::HttpResponse wrong_method(std::string_view allowed) {
  net::HttpResponse response = refuse(405, fmt::format("only {} is answered here", allowed));
  response.headers.add("Allow", std::string(allowed));
  return response;
}

int status_of(Code code) {
  return code == Code::invalid ? 400 : 500;
}

}  // namespace

net::HttpResponse InferenceService::handle(const net::HttpRequest& request) const {
  const std::string_view path = request.path();
  if (path == "/") return request.method == "POST" ? infer(request) : wrong_method("POST");

  constexpr std::string_view models = "/v2/models/";
  if (path.substr(0, models.size()) == models) {
    return answer_model(request, path.substr(models.size()));
  }
  const bool known =
      path == "/v2" || path == "/v2/health/live" || path == "/v2/health/ready" || path == "/health";
  if (!known) return refuse(404, fmt::format("no such address: {}", path));
  if (request.method != "GET" && request.method != "HEAD") return wrong_method("GET");
  if (path == "/v2") return json_answer(200, server_metadata_text(runtime_version_));
  if (path == "/v2/health/live") return json_answer(200, R"({"live":true})");
  return ready();
}

net::HttpResponse InferenceService::answer_model(const net::HttpRequest& request,
                                                 std::string_view rest) const {
  const std::size_t slash = rest.find('/');
  const std::string_view name = rest.substr(0, slash);
  const std::string_view what = slash == rest.npos ? "" : rest.substr(slash + 1);
  if (name != model_) {
    return refuse(404, fmt::format("no model [{}] here, only [{}]", name, model_));
  }
  if (what == "infer") return request.method == "POST" ? infer(request) : wrong_method("POST");
  if (!what.empty() && what != "ready") {
    return refuse(404, fmt::format("no such address: {}", request.path()));
  }
  if (request.method != "GET" && request.method != "HEAD") return wrong_method("GET");
  return what.empty() ? metadata() : ready();
}

net::HttpResponse InferenceService::ready() const {
  return session_.load() == nullptr ? not_loaded() : json_answer(200, R"({"ready":true})");
}

net::HttpResponse InferenceService::metadata() const {
  const Session* session = session_.load();
  if (session == nullptr) return not_loaded();
  return json_answer(200, model_metadata_text(model_, {session->inputs(), session->outputs()}));
}

net::HttpResponse InferenceService::infer(const net::HttpRequest& request) const {
  const Session* session = session_.load();
  if (session == nullptr) return not_loaded();
  if (request.headers.has("Inference-Header-Content-Length")) {
    return refuse(400, "binary tensor data is not supported; send the tensors as JSON");
  }
  auto parsed = parse_infer_request(request.body, {session->inputs(), session->outputs()});
  if (!parsed) return refuse(400, parsed.error().text());
  auto outputs = session->run(parsed->inputs, parsed->outputs);
  if (!outputs) return refuse(status_of(outputs.error().code()), outputs.error().text());
  return json_answer(200, infer_response_text(model_, parsed->id, *outputs));
}

}  // namespace hitless::onnx
