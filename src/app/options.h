// What the commands of this room are started with, read from flags, variables and one file into
// one value before anything else happens.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "base/log.h"

namespace hitless::app {

// Where the gateway is called over TLS; each certificate goes with the key at the same place.
struct GatewayTls {
  std::string listen;  // empty: it is not
  std::vector<std::string> certificates;
  std::vector<std::string> keys;
  bool redirect = false;
};

// What a gateway tells of itself.
struct SignalFlags {
  std::string access_record;              // empty: beside everything else; "off": none
  std::uint64_t access_record_mib = 128;  // of the file and the one before it
  std::string admin_listen;               // empty: on the admin socket alone
  bool is_given = false;                  // or else as the gateway before, if there was one
};

struct ServeOptions {
  std::filesystem::path state;
  std::string api_listen = "127.0.0.1:7070";
  std::string gateway_listen = "127.0.0.1:7080";
  std::size_t gateway_workers = 2;
  GatewayTls gateway_tls;
  SignalFlags gateway_signals;
  std::filesystem::path engines;  // folder with hitless-onnx and its runtime library
  // Until projects come with identity there is one.
  std::string project = "00000000000000000000000000000000";
  std::int64_t memory_mib = 0;  // of the pool; 0: the machine's
  std::int64_t cpu_millis = 0;  // of the pool; 0: not counted
  int gpus = 0;                 // of the pool: devices 0, 1, …
  std::chrono::seconds deploy_timeout_min{180};
  std::uint16_t port_first = 20000;
  std::uint16_t port_last = 29999;
  std::string log_level = "info";
  std::string log_file;  // empty: standard error
};

struct GatewayCommand {
  std::filesystem::path state;
  std::string listen = "127.0.0.1:7080";
  GatewayTls tls;
  SignalFlags signals;
  std::size_t workers = 2;           // with take_over, 0: as many as the gateway before has
  bool take_over = false;            // the place of the gateway that runs
  std::chrono::seconds wait{60};     // for one's turn to take over
  std::chrono::seconds drain{1800};  // what the gateway before has in progress may last so long
  int report_fd = -1;                // says there that it serves, or why not
};

struct UpgradeOptions {
  std::size_t workers = 0;  // 0: as many as the gateway before has
  SignalFlags signals;
  std::chrono::seconds wait{60};
  std::chrono::seconds drain{1800};
};

struct DownOptions {
  std::filesystem::path state;
  std::chrono::seconds grace{10};  // for instances that still work
};

}  // namespace hitless::app
