// The gateway as an object: what run_gateway() runs, and tests run in their own process.
//
// Owner: run_gateway() or a test.  Threads: one per worker and one for the control link; the
// methods belong to the owner's thread.  Its process starts no other while it runs: its connections
// are closed without net::EventLoop::close(), which would cost each a system call.
#pragma once

#include <atomic>
#include <memory>
#include <optional>
#include <thread>
#include <vector>

#include "base/thread_annotations.h"
#include "gateway/access_writer.h"
#include "gateway/certificates.h"
#include "gateway/control_link.h"
#include "gateway/options.h"
#include "gateway/worker.h"

namespace hitless::gateway {

class Gateway {
 public:
  // Listens and attaches whoever comes.  One gateway per control socket: conflict otherwise.  With
  // options.take_over it is the next one instead, and serves once wait_settled() says so.
  static Result<std::unique_ptr<Gateway>> start(const GatewayOptions& options);
  ~Gateway();  // stops at once what stop() has not stopped

  const Address& address() const { return address_; }  // with the real port
  const std::optional<Address>& tls_address() const { return tls_address_; }

  // Connections from now on are shown the certificates that are in the files now; those that are
  // there go on.  An Error changes nothing.
  Result<void> reload_certificates();
  bool certificates_have_changed() const {
    return certificates_.has_value() && certificates_->have_changed();
  }

  // Until it serves, or never will.  The error says why.
  Result<void> wait_settled();
  pid_t predecessor_pid() const { return predecessor_pid_; }  // 0: it took no other's place
  const std::string& predecessor_version() const { return predecessor_version_; }

  // A descriptor that becomes readable when control asks for the end, or when
  // another gateway has taken over and nothing is left to do here; see shutdown_budget().
  int shutdown_event() const { return shutdown_event_.get(); }
  std::optional<Duration> shutdown_budget() const;

  // Accepts no more, lets what is in flight end within the budget, then ends all threads.
  void stop(Duration budget);

  // Where metrics are asked for: the admin socket, and the address if there is one.
  std::vector<Address> admin_addresses() const { return link_->admin_addresses(); }
  // The access record's file was moved away.
  void reopen_access_record();
  AccessWriter::Counts access_counts() const;

 private:
  Gateway() = default;
  Result<void> build(GatewayOptions options);
  Result<void> make_link(Footing& footing, const GatewayOptions& options);
  Result<std::vector<Worker::Sockets>> share_sockets(Footing& footing, std::size_t workers);
  Result<void> make_workers(Footing& footing, const GatewayOptions& options);
  void on_settled(Result<void> settled);
  void run();
  void on_shutdown(Duration budget);
  void join();

  std::optional<Certificates> certificates_;  // when there is TLS
  Address address_;
  std::optional<Address> tls_address_;
  UniqueFd lock_;
  UniqueFd shutdown_event_;
  pid_t predecessor_pid_ = 0;
  std::string predecessor_version_;
  mutable Mutex mutex_;
  ConditionVariable changed_;
  std::optional<Result<void>> settled_ HL_GUARDED_BY(mutex_);
  std::optional<Duration> shutdown_budget_ HL_GUARDED_BY(mutex_);
  std::unique_ptr<ControlLink> link_;
  std::unique_ptr<AccessWriter> access_;  // null: no record is kept
  std::vector<std::unique_ptr<Worker>> workers_;
  std::vector<std::thread> threads_;
  std::thread link_thread_;
};

}  // namespace hitless::gateway
