// The HTTP API: the contract's operations on models and services, and hitless' own beside them.
//
// make_handler gives the one function that an HttpServer calls; it reads from the store and changes
// through control's port, both of which must outlive it.  Any number of threads; between requests
// it keeps no more than the feeds of the streams that are open.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <functional>
#include <string>
#include <vector>

#include "control/port.h"
#include "model/service.h"
#include "net/http_server.h"
#include "store/store.h"

namespace hitless::api {

// A specification that an instance can be deployed on.
struct Flavor {
  std::string name;
  model::Resources resources;
  std::string display;  // for people
};

std::vector<Flavor> default_flavors();  // for every machine
Flavor gpu_flavor();                    // for one that has GPUs to give

struct ApiOptions {
  std::string project_id;      // 32 hex digits: the only project, until identity comes
  std::string owner = "root";  // answers name it as owner
  std::string tenant;          // answers name it as account; empty: the project
  std::string version;         // of hitless

  // Who may call: over TCP whoever sends `token`; over a Unix socket root and `uid`.
  std::string token;
  uid_t uid = 0;

  std::vector<Flavor> flavors = default_flavors();
  std::int64_t gpus = 0;                                      // that the pool has
  std::vector<std::string> model_types = {"ONNX", "Custom"};  // what this hitless can run
  std::vector<std::string> pools;                             // dedicated ones, by name

  // The contract's lower bound; tests of deployments that never get ready want less.
  std::chrono::seconds deploy_timeout_min{180};

  // What someone should know about this machine ("no memory limits: cgroups are not writable").
  std::function<std::vector<std::string>()> warnings = {};
};

net::HttpServer::Handler make_handler(ApiOptions options, store::Store& store, control::Port& port);

// One row of the route table, for the test that compares it with the OpenAPI documents.
struct RouteName {
  std::string method;
  std::string pattern;  // "/v1/{project_id}/services/{service_id}"
  std::string name;     // operationId
};
std::vector<RouteName> route_names();

}  // namespace hitless::api
