// The API as it runs: a real store in a temporary directory, the real server on a Unix socket and
// a TCP port, a FakePort behind it.
#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <memory>
#include <string>

#include "api/api.h"
#include "base/file.h"
#include "net/http_client.h"
#include "net/http_server.h"
#include "tests/support/fake_port.h"

namespace hitless::testing {

constexpr const char* k_project = "0123456789abcdef0123456789abcdef";
constexpr const char* k_token = "token-of-the-test";

class ApiFixture : public ::testing::Test {
 protected:
  void SetUp() override {
    auto directory = TemporaryDirectory::make("hitless-api");
    ASSERT_TRUE(directory) << directory.error().text();
    state_ = std::make_unique<TemporaryDirectory>(std::move(*directory));
    auto store = store::Store::open(state_->path() / "hitless.db");
    ASSERT_TRUE(store) << store.error().text();
    store_ = std::move(*store);
    port_ = std::make_unique<FakePort>(*store_);
    start_server();
    ASSERT_TRUE(write_file_atomically(state_->path() / "token", k_token, 0600));
  }

  // Again after server().stop(), as a serve that was restarted.
  void start_server() {
    server_.reset();
    api::ApiOptions options;
    options.project_id = k_project;
    options.token = k_token;
    options.uid = ::getuid();
    options.version = "0.1.0";
    options.warnings = [] { return std::vector<std::string>{"cgroups are not writable"}; };
    net::HttpServerOptions server = server_options_;
    server.listen = {Address{"", 0, (state_->path() / "api.sock").string()},
                     Address{"127.0.0.1", 0, ""}};
    auto started = net::HttpServer::start(server, api::make_handler(options, *store_, *port_));
    ASSERT_TRUE(started) << started.error().text();
    server_ = std::move(*started);
  }

  void TearDown() override {
    if (server_) server_->stop();
  }

  net::HttpResponse send(net::HttpRequest request, bool tcp = false) {
    net::HttpCall call;
    call.to = server_->addresses()[tcp ? 1 : 0];
    call.request = std::move(request);
    auto response = client_->fetch(std::move(call));
    EXPECT_TRUE(response) << response.error().text();
    return response ? *response : net::HttpResponse{0, {}, {}};
  }

  // `path` below the project: "/services".
  net::HttpResponse call(const std::string& method, const std::string& path,
                         const std::string& body = "") {
    return send({method, "/v1/" + std::string(k_project) + path, {}, body});
  }

  // The same, checked to be 200 with a JSON object.
  json::object ask(const std::string& method, const std::string& path,
                   const std::string& body = "") {
    const net::HttpResponse response = call(method, path, body);
    EXPECT_EQ(response.status, 200) << method << " " << path << ": " << response.body;
    EXPECT_EQ(response.headers.get("Content-Type"), "application/json");
    return object_of(response);
  }

  static json::object object_of(const net::HttpResponse& response) {
    const auto value = parse_json(response.body);
    EXPECT_TRUE(value && value->is_object()) << response.body;
    return value && value->is_object() ? value->get_object() : json::object();
  }

  static std::string text(const json::object& from, std::string_view name) {
    const json::value* value = from.if_contains(name);
    return value != nullptr && value->is_string() ? std::string(value->get_string()) : "";
  }

  // "400 ModelArts.0101".
  static std::string refusal(const net::HttpResponse& response) {
    return std::to_string(response.status) + " " + text(object_of(response), "error_code");
  }

  std::string add_model(const std::string& version, const std::string& name = "vad") {
    const std::string body = R"({"model_name":")" + name + R"(","model_version":")" + version +
                             R"(","model_type":"ONNX","source_location":"/srv/vad"})";
    return text(ask("POST", "/models", body), "model_id");
  }

  static std::string entry(const std::string& model, const std::string& more = "") {
    return R"({"model_id":")" + model + R"(","specification":"hitless.cpu.small",)" +
           R"("instance_count":1)" + more + "}";
  }

  static std::string service_body(const std::string& name, const std::string& entries,
                                  const std::string& more = "") {
    return R"({"service_name":")" + name + R"(","infer_type":"real-time","config":[)" + entries +
           "]" + more + "}";
  }

  std::string add_service(const std::string& name, const std::string& model) {
    return text(ask("POST", "/services", service_body(name, entry(model))), "service_id");
  }

  FakePort& port() { return *port_; }
  store::Store& store() { return *store_; }
  const std::filesystem::path& state() const { return state_->path(); }
  Address tcp_address() const { return server_->addresses()[1]; }
  net::HttpServer& server() { return *server_; }

  net::HttpServerOptions server_options_;  // but for where it listens; before SetUp()

 private:
  std::unique_ptr<TemporaryDirectory> state_;
  std::unique_ptr<store::Store> store_;
  std::unique_ptr<FakePort> port_;
  std::unique_ptr<net::HttpServer> server_;
  std::unique_ptr<net::HttpClient> client_ = net::HttpClient::make();
};

}  // namespace hitless::testing
