// The gateway's end of the control link: takes tables in and sends usage out.
//
// Owner: the Gateway.  One thread of its own (run()); stop() from any thread.  One control at a
// time: a new one takes the place of the one before, which is a `serve` that was killed.  Without
// one the workers go on with their last table.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <vector>

#include "gateway/control_frames.h"
#include "gateway/frame_connection.h"
#include "gateway/table_change.h"
#include "gateway/usage_book.h"
#include "net/event_loop.h"

namespace hitless::gateway {

class Worker;

class ControlLink final : public net::Handler {
 public:
  using OnShutdown = std::function<void(Duration budget)>;  // on the link's thread

  // Listens at once (mode 0600); nobody is answered before run().
  static Result<std::unique_ptr<ControlLink>> make(const std::filesystem::path& socket,
                                                   GatewayHello hello, std::size_t workers,
                                                   OnShutdown on_shutdown);
  ~ControlLink() override;

  // Before run().  Tables go to these.
  void set_workers(std::vector<Worker*> workers) { workers_ = std::move(workers); }
  void run() { loop_->run(); }
  void stop() { loop_->stop(); }
  // Any thread: a worker's reading.
  void take(WorkerReading reading);

  void on_ready(net::Ready ready) override;  // somebody wants to attach

 private:
  ControlLink(std::unique_ptr<net::EventLoop> loop, UniqueFd listener, GatewayHello hello,
              std::size_t workers, OnShutdown on_shutdown);
  void attach(UniqueFd fd);
  void detach();
  void on_message(const json::object& message);
  Result<void> handle(const json::object& message);
  Result<void> adopt(const json::object& message);

  const std::unique_ptr<net::EventLoop> loop_;
  const UniqueFd listener_;
  GatewayHello hello_;
  const OnShutdown on_shutdown_;
  std::vector<Worker*> workers_;
  TableHistory history_;
  UsageBook book_;
  std::unique_ptr<FrameConnection> control_;
};

}  // namespace hitless::gateway
