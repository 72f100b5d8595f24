// What the engine answers: the Open Inference Protocol's REST addresses over one Session.
//
// Owner: main().  handle() from any number of threads; become_ready() once, from any thread.  Until
// then everything that needs the model answers 503.
//
//   GET  /v2  /v2/health/live  /v2/health/ready  /health (= ready)
//   GET  /v2/models/NAME  /v2/models/NAME/ready
//   POST /v2/models/NAME/infer, and / for the same: a service's call address is its root
#pragma once

#include <atomic>
#include <string>

#include "engines/onnx/session.h"
#include "net/http.h"

namespace hitless::onnx {

class InferenceService {
 public:
  InferenceService(std::string model, std::string runtime_version)
      : model_(std::move(model)), runtime_version_(std::move(runtime_version)) {}

  // The session outlives us.
  void become_ready(const Session& session) { session_.store(&session); }

  net::HttpResponse handle(const net::HttpRequest& request) const;

 private:
  net::HttpResponse answer_model(const net::HttpRequest& request, std::string_view rest) const;
  net::HttpResponse infer(const net::HttpRequest& request) const;
  net::HttpResponse metadata() const;
  net::HttpResponse ready() const;

  // Constant after construction.
  const std::string model_;
  const std::string runtime_version_;

  std::atomic<const Session*> session_{nullptr};
};

}  // namespace hitless::onnx
