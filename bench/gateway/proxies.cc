#include "bench/gateway/proxies.h"

#include <fmt/format.h>
#include <signal.h>

#include <thread>

#include "base/check.h"
#include "base/file.h"
#include "bench/gateway/interrupt.h"
#include "bench/gateway/link.h"
#include "bench/gateway/peers.h"
#include "bench/gateway/template.h"

namespace hitless::bench {
namespace {

namespace fs = std::filesystem;

constexpr std::chrono::seconds k_start_patience{60};
constexpr std::chrono::seconds k_stop_patience{60};
constexpr int k_port_tries = 5;
constexpr std::size_t k_config_bytes_max = 64 * 1024;
// Room for what the scenarios open; of nginx, on both sides.
constexpr int k_connections_max = 10'100;
constexpr int k_descriptors_max = 19'000;
// HAProxy wants two descriptors for each, and valgrind keeps some for itself.
constexpr int k_counted_connections_max = 9000;

std::string tuning_mark(Tuning tuning) {
  switch (tuning) {
    case Tuning::small: return "";
    case Tuning::large: return "large";
    case Tuning::stream: return "stream";
  }
  return "";
}

class Peer final : public Proxy {
 public:
  explicit Peer(const ProxyOptions& options) {
    for (int i = 0; i < k_port_tries && !try_start(options); ++i) {
    }
    if (!child_ || child_->has_ended()) {
      give_up(fmt::format("{} does not start: {}", to_text(options.kind), output()));
    }
  }

  const Address& address() const override { return address_; }
  pid_t pid() const override { return child_->pid(); }
  std::string output() const override { return child_ ? child_->output() : ""; }
  void stop() override {
    // SIGQUIT lets nginx's workers write what valgrind counted; HAProxy knows SIGUSR1 for that.
    child_->signal(is_nginx_ ? SIGQUIT : SIGUSR1);
    child_->wait(k_stop_patience);
    child_.reset();
  }

 private:
  bool try_start(const ProxyOptions& options) {
    is_nginx_ = options.kind == Kind::nginx;
    address_ = free_address();
    const fs::path config = write_config(options);
    std::vector<std::string> argv = options.launcher;
    if (is_nginx_) {
      const std::string folder = options.folder.string() + "/";
      argv.insert(argv.end(), {peer_program("nginx"), "-e", "stderr", "-p", folder, "-c", config});
    } else {
      argv.insert(argv.end(), {peer_program("haproxy"), "-db", "-q", "-f", config});
    }
    child_ = std::make_unique<Child>(argv, options.folder / "output", options.core);
    const auto give_up = std::chrono::steady_clock::now() + k_start_patience;
    while (!child_->has_ended() && std::chrono::steady_clock::now() < give_up) {
      if (answers(address_)) return true;
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    return false;
  }

  fs::path write_config(const ProxyOptions& options) const {
    const char* name = is_nginx_ ? "nginx.conf" : "haproxy.cfg";
    auto text = read_file(fs::path(HITLESS_BENCH_CONFIGS) / name, k_config_bytes_max);
    HL_CHECK(text);
    std::map<std::string, std::string> values{
        {"listen", hitless::to_text(address_)},
        {"upstream", upstream_of(options)},
        {"connections", fmt::format("{}", connections_of(options))}};
    if (is_nginx_) {
      values["folder"] = options.folder;
      values["user"] = user_name();
      values["descriptors"] = fmt::format("{}", k_descriptors_max);
    }
    const fs::path made = options.folder / name;
    const auto written =
        write_file_atomically(made, fill_template(*text, values, tuning_mark(options.tuning)));
    HL_CHECK(written);
    return made;
  }

  int connections_of(const ProxyOptions& options) const {
    if (is_nginx_) return k_descriptors_max;
    return options.launcher.empty() ? k_connections_max : k_counted_connections_max;
  }

  std::string upstream_of(const ProxyOptions& options) const {
    if (!options.upstream.is_unix()) return hitless::to_text(options.upstream);
    return (is_nginx_ ? "unix:" : "unix@") + options.upstream.path;
  }

  bool is_nginx_ = false;
  Address address_;
  std::unique_ptr<Child> child_;
};

// `hitless gateway` as `serve` would start it, with a table as control would publish it.
class Ours final : public Proxy {
 public:
  explicit Ours(const ProxyOptions& options) {
    const fs::path state = options.folder / "state";
    std::vector<std::string> argv = options.launcher;
    argv.insert(argv.end(), {HITLESS_GATEWAY_BINARY, "gateway", "--state", state, "--listen",
                             "127.0.0.1:0", "--workers", "1"});
    child_ = std::make_unique<Child>(argv, options.folder / "output", options.core);
    link_ = std::make_unique<Link>(state / "gateway.sock");
    address_ = link_->attach(k_start_patience);
    if (address_.port == 0) {
      give_up(fmt::format("the gateway does not start: {}", output()));
      return;
    }
    link_->adopt({route_to(k_service,
                           {{.instance = model::InstanceId("one"), .address = options.upstream}})});
  }

  const Address& address() const override { return address_; }
  pid_t pid() const override { return child_->pid(); }
  std::string output() const override { return child_->output(); }
  void stop() override {
    link_.reset();
    child_->signal(SIGTERM);
    child_->wait(k_stop_patience);
    child_.reset();
  }

 private:
  std::unique_ptr<Child> child_;
  std::unique_ptr<Link> link_;
  Address address_;
};

}  // namespace

std::string to_text(Kind kind) {
  switch (kind) {
    case Kind::hitless: return "hitless";
    case Kind::nginx: return "nginx";
    case Kind::haproxy: return "haproxy";
  }
  return "";
}

std::unique_ptr<Proxy> start_proxy(const ProxyOptions& options) {
  fs::create_directories(options.folder);
  if (options.kind == Kind::hitless) return std::make_unique<Ours>(options);
  return std::make_unique<Peer>(options);
}

}  // namespace hitless::bench
