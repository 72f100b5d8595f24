#include "gateway/server.h"

#include <fcntl.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cerrno>
#include <latch>

#include "base/crypto.h"
#include "gateway/listening.h"
#include "net/socket.h"

namespace hitless::gateway {

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

// Each worker has a listener of its own, between which the kernel spreads connections; a Unix
// socket has but one, which they share.
Result<void> Gateway::listen(const GatewayOptions& options, std::vector<UniqueFd>& listeners) {
  HL_TRY_ASSIGN(Listening first, listen_as_before(options.listen, options.address_file));
  address_ = std::move(first.address);
  listeners.push_back(std::move(first.fd));
  while (listeners.size() < options.workers) {
    if (address_.is_unix()) {
      UniqueFd copy(::fcntl(listeners.front().get(), F_DUPFD_CLOEXEC, 0));
      if (!copy) return system_error("dup", to_text(address_), errno);
      listeners.push_back(std::move(copy));
    } else {
      HL_TRY_ASSIGN(UniqueFd next, net::listen_on(address_));
      listeners.push_back(std::move(next));
    }
  }
  return {};
}

Result<void> Gateway::build(const GatewayOptions& options) {
  Result<UniqueFd> lock = lock_file(options.control_socket.string() + ".lock");
  if (!lock) return std::move(lock).error().context("another gateway runs here");
  lock_ = std::move(*lock);
  shutdown_event_.reset(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!shutdown_event_) return system_error("eventfd", "gateway", errno);
  std::vector<UniqueFd> listeners;
  HL_TRY(listen(options, listeners));
  GatewayHello hello{.gateway = random_hex(8),
                     .version = options.version,
                     .pid = ::getpid(),
                     .listen = address_,
                     .adopted = 0};
  HL_TRY_ASSIGN(link_, ControlLink::make(options.control_socket, std::move(hello), options.workers,
                                         [this](Duration budget) { on_shutdown(budget); }));
  std::vector<Worker*> workers;
  for (std::size_t index = 0; index < options.workers; ++index) {
    HL_TRY_ASSIGN(std::unique_ptr<Worker> worker,
                  Worker::make(index, options, std::move(listeners[index]),
                               [this](WorkerReading reading) { link_->take(std::move(reading)); }));
    workers.push_back(worker.get());
    workers_.push_back(std::move(worker));
  }
  link_->set_workers(std::move(workers));
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

std::optional<Duration> Gateway::shutdown_budget() const {
  const MutexLock lock(mutex_);
  return shutdown_budget_;
}

void Gateway::stop(Duration budget) {
  if (threads_.empty()) return;
  std::latch drained(static_cast<std::ptrdiff_t>(workers_.size()));
  for (const auto& worker : workers_) {
    worker->post([&worker = *worker, budget, &drained] {
      worker.drain(budget, [&drained] { drained.count_down(); });
    });
  }
  drained.wait();
  join();
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
