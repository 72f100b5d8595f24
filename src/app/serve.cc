#include "app/serve.h"

#include <fmt/format.h>
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include <atomic>
#include <memory>

#include "api/api.h"
#include "app/gateway_keeper.h"
#include "app/state_dir.h"
#include "app/tls_flags.h"
#include "app/version.h"
#include "base/crypto.h"
#include "base/log.h"
#include "base/thread_annotations.h"
#include "control/control.h"
#include "gateway/client.h"
#include "net/http_server.h"
#include "net/listen_socket.h"
#include "objects/package_cache.h"
#include "pools/process_pool.h"
#include "store/store.h"

namespace hitless::app {
namespace {

Result<LogLevel> log_level(const std::string& text) {
  if (text == "debug") return LogLevel::debug;
  if (text == "info") return LogLevel::info;
  if (text == "warn") return LogLevel::warn;
  if (text == "error") return LogLevel::error;
  return Error(Code::invalid, "--log-level must be debug, info, warn or error");
}

// The API answers whoever holds the token; until identity comes that is for this machine alone.
Result<Address> loopback(const std::string& text, const char* flag) {
  auto address = parse_address(text);
  if (!address) return std::move(address).error().context(flag);
  if (!address->is_loopback()) {
    return Error(Code::invalid,
                 fmt::format("{}: {} is not a loopback address; this version of hitless has no "
                             "users yet and listens on its own machine only",
                             flag, text));
  }
  return address;
}

// Before anything is started or written: what cannot listen leaves nothing behind.
Result<std::vector<net::ListenSocket>> open_api(const Address& address, const StateDir& state) {
  // Whoever may connect is told by their user id, not by the file's mode.
  constexpr unsigned k_socket_mode = 0666;
  auto tcp = net::ListenSocket::open(address, k_socket_mode);
  if (!tcp && tcp.error().code() == Code::conflict) {
    return Error(Code::conflict,
                 fmt::format("the API cannot listen on {}, which is in use already: stop what "
                             "listens there, or choose another address with --listen",
                             to_text(address)));
  }
  if (!tcp) return std::move(tcp).error().context("--listen");
  HL_TRY_ASSIGN(auto local,
                net::ListenSocket::open(
                    {.host = {}, .port = 0, .path = state.api_socket().string()}, k_socket_mode));
  std::vector<net::ListenSocket> sockets;
  sockets.push_back(*std::move(tcp));
  sockets.push_back(std::move(local));
  return sockets;
}

// serve holds a descriptor for every shim and every client.
void raise_descriptor_limit() {
  rlimit limit;
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
}

sigset_t block_ending_signals() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  ::signal(SIGPIPE, SIG_IGN);
  return signals;
}

// Wakes control while there is one: the parts below it start earlier and end later, and have news
// of their own threads at any time.
class Bell {
 public:
  void connect(control::Control* control) {
    const MutexLock lock(mutex_);
    control_ = control;
  }
  void ring() {
    const MutexLock lock(mutex_);
    if (control_ != nullptr) control_->wake();
  }

 private:
  Mutex mutex_;
  control::Control* control_ HL_GUARDED_BY(mutex_) = nullptr;
};

// Connects for as long as it lives, whichever way its scope is left.
class BellConnection {
 public:
  BellConnection(Bell& bell, control::Control& control) : bell_(bell) { bell_.connect(&control); }
  ~BellConnection() { bell_.connect(nullptr); }
  BellConnection(const BellConnection&) = delete;
  BellConnection& operator=(const BellConnection&) = delete;

 private:
  Bell& bell_;
};

GatewayCommand gateway_command(const ServeOptions& options, const StateDir& state) {
  GatewayCommand made;
  made.state = state.path();
  made.listen = options.gateway_listen;
  made.tls = options.gateway_tls;
  made.workers = options.gateway_workers;
  made.signals = options.gateway_signals;
  return made;
}

api::ApiOptions api_options(const ServeOptions& options, const std::string& token,
                            pools::PoolDriver& pool) {
  api::ApiOptions made;
  made.project_id = options.project;
  made.version = k_version;
  made.token = token;
  made.uid = ::geteuid();
  made.deploy_timeout_min = options.deploy_timeout_min;
  made.gpus = options.gpus;
  if (options.gpus > 0) made.flavors.push_back(api::gpu_flavor());
  made.warnings = [&pool] { return pool.status().warnings; };
  return made;
}

void announce(const net::HttpServer& server, const StateDir& state, pools::PoolDriver& pool) {
  for (const std::string& warning : pool.status().warnings) {
    log_warn("pool", {{"warning", warning}});
  }
  std::string addresses;
  for (const Address& address : server.addresses()) addresses += to_text(address) + " ";
  log_info("serving", {{"version", k_version},
                       {"api", addresses},
                       {"state", state.path().string()},
                       {"pid", fmt::format("{}", ::getpid())}});
}

// Now, and not in the gateway's log only.
Result<void> check_tls(const GatewayTls& options, const StateDir& state) {
  HL_TRY_ASSIGN(const auto made, tls_options(options, "--gateway-"));
  if (!made.has_value()) return {};
  HL_TRY(net::TlsIdentity::load(made->certificates));
  return expect_gateway_can_listen(made->listen, "--gateway-tls-listen", state);
}

}  // namespace

Result<void> run_serve(const ServeOptions& options) {
  HL_TRY_ASSIGN(const LogLevel level, log_level(options.log_level));
  HL_TRY(open_log(level, options.log_file));
  HL_TRY_ASSIGN(const Address api_listen, loopback(options.api_listen, "--listen"));
  HL_TRY_ASSIGN(const Address gateway_listen, loopback(options.gateway_listen, "--gateway-listen"));
  const sigset_t signals = block_ending_signals();
  raise_descriptor_limit();

  HL_TRY_ASSIGN(const StateDir state, StateDir::open(options.state));
  HL_TRY_ASSIGN(const UniqueFd lock, state.lock());
  HL_TRY_ASSIGN(std::vector<net::ListenSocket> sockets, open_api(api_listen, state));
  HL_TRY(expect_gateway_can_listen(gateway_listen, "--gateway-listen", state));
  HL_TRY(check_tls(options.gateway_tls, state));
  HL_TRY_ASSIGN(const std::string token, state.ensure_token());
  HL_TRY_ASSIGN(const auto store, store::Store::open(state.database()));
  HL_TRY_ASSIGN(const auto packages, objects::PackageCache::open(state.packages()));
  HL_TRY_ASSIGN(control::EngineKit engines,
                control::install_engines(options.engines, state.path()));

  Bell bell;
  HL_TRY_ASSIGN(const auto pool, pools::open_process_pool({.directory = state.instances(),
                                                           .shim = "/proc/self/exe",
                                                           .port_first = options.port_first,
                                                           .port_last = options.port_last,
                                                           .gpus = options.gpus},
                                                          [&bell] { bell.ring(); }));
  GatewayKeeper keeper(state, gateway_command(options, state));
  std::atomic<gateway::GatewayClient*> link{nullptr};
  std::unique_ptr<gateway::GatewayClient> gateway;
  gateway = gateway::GatewayClient::start(state.gateway_socket(), [&] {
    if (const gateway::GatewayClient* client = link.load()) {
      keeper.attached(client->attached());
    }
    bell.ring();
  });
  link.store(gateway.get());
  keeper.attached(gateway->attached());

  const SystemClock clock;
  HL_TRY_ASSIGN(const auto control,
                control::Control::start({.token_digests = {sha256_hex(token)},
                                         .capacity = {.cpu_millis = options.cpu_millis,
                                                      .memory_mib = options.memory_mib},
                                         .engines = std::move(engines)},
                                        {.store = *store,
                                         .pool = *pool,
                                         .gateway = *gateway,
                                         .packages = packages,
                                         .clock = clock}));
  const BellConnection connection(bell, *control);
  control->wake();
  HL_TRY_ASSIGN(const auto server,
                net::HttpServer::start(
                    {}, std::move(sockets),
                    api::make_handler(api_options(options, token, *pool), *store, *control)));
  announce(*server, state, *pool);

  int signal = 0;
  sigwait(&signals, &signal);
  log_info("stopping", {{"signal", strsignal(signal)},
                        {"note", "the gateway and the instances go on; `hitless down` ends them"}});
  server->stop();
  control->stop();
  return {};
}

}  // namespace hitless::app
