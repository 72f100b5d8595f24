#include "gateway/server.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include <cerrno>
#include <latch>

#include "base/log.h"
#include "gateway/footing.h"
#include "net/socket.h"

namespace hitless::gateway {
namespace {

// The gateway that hands over gives up before.
constexpr auto k_take_place_patience = k_successor_patience + std::chrono::seconds(10);
// A gateway that ends together with us, beyond the budget of both.
constexpr auto k_predecessor_end = std::chrono::seconds(2);

std::vector<int> numbers_of(const std::vector<UniqueFd>& fds) {
  std::vector<int> numbers;
  for (const UniqueFd& fd : fds) numbers.push_back(fd.get());
  return numbers;
}

// Two workers may share a listener, and one may have several: none that was handed over is closed,
// because connections wait in it, and none is added, because it would be lost if we died.
Result<std::vector<std::vector<UniqueFd>>> share(std::vector<UniqueFd> listeners,
                                                 std::size_t workers) {
  std::vector<std::vector<UniqueFd>> shares(workers);
  if (listeners.empty()) return shares;
  for (std::size_t i = listeners.size(); i < workers; ++i) {
    HL_TRY_ASSIGN(UniqueFd copy, net::copy_of(listeners[i % listeners.size()].get()));
    shares[i].push_back(std::move(copy));
  }
  for (std::size_t i = 0; i < listeners.size(); ++i) {
    shares[i % workers].push_back(std::move(listeners[i]));
  }
  return shares;
}

}  // namespace

Result<std::unique_ptr<Gateway>> Gateway::start(const GatewayOptions& options) {
  HL_TRY(check(options));
  std::unique_ptr<Gateway> gateway(new Gateway());
  HL_TRY(gateway->build(options));
  gateway->run();
  return gateway;
}

Gateway::~Gateway() {
  join();
}

Result<void> Gateway::build(GatewayOptions options) {
  shutdown_event_.reset(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!shutdown_event_) return system_error("eventfd", "gateway", errno);
  HL_TRY_ASSIGN(Footing footing,
                options.take_over ? take_footing(options) : found_footing(options));
  if (options.workers == 0) options.workers = footing.listeners.size();
  options.tls = footing.tls;
  if (options.signals_as_before && footing.signals) options.signals = *footing.signals;
  lock_ = std::move(footing.lock);
  address_ = footing.address;
  predecessor_pid_ = footing.predecessor_pid;
  predecessor_version_ = footing.predecessor_version;
  HL_TRY(make_link(footing, options));
  if (const Signals& signals = options.signals; !signals.access_record.empty()) {
    HL_TRY_ASSIGN(access_, AccessWriter::start(signals.access_record,
                                               signals.access_record_bytes_max, options.workers));
  }
  HL_TRY(make_workers(footing, options));
  return link_->start();
}

Result<void> Gateway::make_link(Footing& footing, const GatewayOptions& options) {
  GatewayHello hello{.gateway = footing.counts,
                     .version = options.version,
                     .pid = ::getpid(),
                     .listen = address_,
                     .adopted = 0,
                     .takes_changes = true};
  ControlLink::Options made{
      .workers = options.workers,
      .leave_budget = options.limits.leave_budget,
      .signals = options.signals,
      .admin = {{.host = {}, .port = 0, .path = admin_socket(options.control_socket).string()}},
      .record_counts = [this] { return access_counts(); },
      .on_shutdown = [this](Duration budget) { on_shutdown(budget); },
      .on_settled = [this](Result<void> settled) { on_settled(std::move(settled)); }};
  if (const std::string& listen = options.signals.admin_listen; !listen.empty()) {
    HL_TRY_ASSIGN(Address address, parse_address(listen));
    made.admin.push_back(std::move(address));
  }
  HL_TRY_ASSIGN(link_, ControlLink::make(footing, std::move(hello), std::move(made)));
  return {};
}

Result<std::vector<Worker::Sockets>> Gateway::share_sockets(Footing& footing, std::size_t workers) {
  HL_TRY_ASSIGN(auto plain, share(std::move(footing.listeners), workers));
  HL_TRY_ASSIGN(auto tls, share(std::move(footing.tls_listeners), workers));
  std::shared_ptr<const net::TlsIdentity> identity;
  if (footing.tls.has_value()) {
    tls_address_ = footing.tls->listen;
    certificates_.emplace(footing.tls->certificates);
    HL_TRY_ASSIGN(identity, certificates_->load());
  }
  std::vector<Worker::Sockets> sockets;
  for (std::size_t i = 0; i < workers; ++i) {
    sockets.push_back(
        {.plain = std::move(plain[i]), .tls = std::move(tls[i]), .identity = identity});
  }
  return sockets;
}

Result<void> Gateway::make_workers(Footing& footing, const GatewayOptions& options) {
  Heirloom heirloom{.lock = lock_.get(),
                    .listeners = numbers_of(footing.listeners),
                    .tls_listeners = numbers_of(footing.tls_listeners)};
  HL_TRY_ASSIGN(std::vector<Worker::Sockets> sockets, share_sockets(footing, options.workers));
  std::vector<Worker*> workers;
  for (std::size_t index = 0; index < options.workers; ++index) {
    HL_TRY_ASSIGN(
        std::unique_ptr<Worker> worker,
        Worker::make(
            index, options, std::move(sockets[index]),
            [this](WorkerReading reading) { link_->take(std::move(reading)); }, access_.get()));
    if (!options.take_over) HL_TRY(worker->accept_connections());
    workers.push_back(worker.get());
    workers_.push_back(std::move(worker));
  }
  link_->set_heirloom(std::move(heirloom));
  link_->set_workers(std::move(workers));
  return {};
}

Result<void> Gateway::reload_certificates() {
  if (!certificates_.has_value()) {
    return Error(Code::invalid, "this gateway does not listen for TLS");
  }
  HL_TRY_ASSIGN(const std::shared_ptr<const net::TlsIdentity> identity, certificates_->load());
  for (const auto& worker : workers_) {
    worker->post([&worker = *worker, identity] { worker.show(identity); });
  }
  return {};
}

void Gateway::run() {
  for (const auto& worker : workers_) {
    threads_.emplace_back([&worker = *worker] { worker.run(); });
  }
  link_thread_ = std::thread([this] { link_->run(); });
}

void Gateway::on_shutdown(Duration budget) {
  {
    const MutexLock lock(mutex_);
    shutdown_budget_ = budget;
  }
  const std::uint64_t one = 1;
  [[maybe_unused]] const ssize_t written = ::write(shutdown_event_.get(), &one, sizeof one);
}

void Gateway::on_settled(Result<void> settled) {
  {
    const MutexLock lock(mutex_);
    settled_ = std::move(settled);
  }
  changed_.notify_all();
}

Result<void> Gateway::wait_settled() {
  if (predecessor_pid_ == 0) return {};
  const auto deadline = std::chrono::steady_clock::now() + k_take_place_patience;
  const MutexLock lock(mutex_);
  while (!settled_.has_value()) {
    if (changed_.wait_until(mutex_, deadline) == std::cv_status::timeout && !settled_.has_value()) {
      return Error(Code::timeout, "the gateway that runs does not go on handing over");
    }
  }
  return *settled_;
}

std::optional<Duration> Gateway::shutdown_budget() const {
  const MutexLock lock(mutex_);
  return shutdown_budget_;
}

void Gateway::stop(Duration budget) {
  if (threads_.empty()) return;
  const auto deadline = std::chrono::steady_clock::now() + budget + k_predecessor_end;
  link_->end(budget);
  std::latch drained(static_cast<std::ptrdiff_t>(workers_.size()));
  for (const auto& worker : workers_) {
    worker->post([&worker = *worker, budget, &drained] {
      worker.drain(budget, [&drained] { drained.count_down(); });
    });
  }
  drained.wait();
  if (!link_->wait_alone(deadline)) log_warn("predecessor_left_behind");
  join();
}

void Gateway::reopen_access_record() {
  if (access_ != nullptr) access_->reopen();
}

AccessWriter::Counts Gateway::access_counts() const {
  return access_ == nullptr ? AccessWriter::Counts() : access_->counts();
}

// Readings posted to the link before its stop are still taken in, so control sees the last of them.
void Gateway::join() {
  for (const auto& worker : workers_) worker->stop();
  for (std::thread& thread : threads_) thread.join();
  threads_.clear();
  if (!link_thread_.joinable()) return;
  link_->stop();
  link_thread_.join();
}

}  // namespace hitless::gateway
