// The gateway's end of the control link: takes tables in and sends usage out; and its place among
// the gateways that follow each other on the same sockets (docs/operating/replacing_the_gateway.md
// says how).
//
// Owner: the Gateway.  One thread of its own (run()); stop() from any thread.  One control at a
// time: a new one takes the place of the one before, which is a `serve` that was killed.  Without
// one the workers go on with their last table.
//
// A gateway that has a predecessor answers for both: it is controlled, and passes tables on to the
// one that leaves and its usage on to control.
#pragma once

#include <condition_variable>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/thread_annotations.h"
#include "gateway/access_writer.h"
#include "gateway/admin.h"
#include "gateway/control_frames.h"
#include "gateway/door.h"
#include "gateway/footing.h"
#include "gateway/frame_connection.h"
#include "gateway/predecessor.h"
#include "gateway/successor.h"
#include "gateway/table_change.h"
#include "gateway/usage_book.h"
#include "net/event_loop.h"

namespace hitless::gateway {

class Worker;

class ControlLink {
 public:
  struct Options {
    std::size_t workers = 1;
    Duration leave_budget{};     // for the predecessor, once we have taken over
    Signals signals;             // for the successor
    std::vector<Address> admin;  // where metrics are asked for
    std::function<AccessWriter::Counts()> record_counts;
    // All on the link's thread.
    std::function<void(Duration budget)> on_shutdown;
    std::function<void(Result<void>)> on_settled;  // once: we are the gateway, or never will be
  };

  // Takes the footing's sockets but the clients'.  Nobody is answered before run().
  static Result<std::unique_ptr<ControlLink>> make(Footing& footing, GatewayHello hello,
                                                   Options options);
  ~ControlLink();

  // Before run().  Tables go to these.
  void set_workers(std::vector<Worker*> workers) { workers_ = std::move(workers); }
  void set_heirloom(Heirloom heirloom);
  Result<void> start();  // before run()
  void run() { loop_->run(); }
  void stop() { loop_->stop(); }
  // Any thread: a worker's reading.
  void take(WorkerReading reading);
  // Any thread: this gateway ends.  Who wants to take over is declined, who leaves is told to end.
  void end(Duration budget);
  // Any thread but the link's: until no predecessor is left; false at the deadline.
  bool wait_alone(std::chrono::steady_clock::time_point deadline);

  // Any thread but the link's: where metrics are asked for, with real ports.
  std::vector<Address> admin_addresses();

  // For the predecessor and the successor, on the link's thread.
  net::EventLoop& loop() { return *loop_; }
  Result<void> handle(const json::object& message);             // what control may say
  model::RouteTable table() const { return history_.table(); }  // generation 0: none came yet
  UsageChange whole() const { return book_.whole(); }
  bool is_up_to_date() const { return book_.own_adopted() == history_.generation(); }
  std::optional<std::string> busy() const;  // why nobody can take over now
  void step_aside();                        // another gateway takes our place …
  void leave(Duration budget);              // … has it, and our workers end what they have …
  void step_back(const model::Usage& counted);  // … or has died, having counted this
  void take_other(const UsageChange& change);
  Result<void> take_place();
  void declined(const Error& error);
  void predecessor_ended(const Error& error);

 private:
  enum class Role { joining, serving, leaving, ending };

  ControlLink(std::unique_ptr<net::EventLoop> loop, Footing& footing, GatewayHello hello,
              Options options);
  Result<void> open_doors();
  void attach(UniqueFd fd);
  void detach();
  void on_message(const json::object& message);
  Result<std::shared_ptr<const TableChange>> advance(const json::object& message);
  Result<void> adopt(const json::object& message);
  void pass_on();
  void worker_left(std::size_t departure);
  void worker_accepts();
  struct Scrape;
  void collect(Admin::Answer answer);
  void finish(Scrape& scrape);
  void settle(Result<void> settled);
  void set_alone(bool alone);

  const std::unique_ptr<net::EventLoop> loop_;
  GatewayHello hello_;
  Options options_;
  Door control_door_;
  Door successors_door_;
  std::vector<Worker*> workers_;
  TableHistory history_;
  UsageBook book_;
  std::unique_ptr<FrameConnection> control_;
  Role role_ = Role::joining;
  std::unique_ptr<Predecessor> predecessor_;
  Successor successor_;
  Admin admin_;
  std::size_t accepting_ = 0;  // workers, of those that take_place() asked
  std::size_t departure_ = 0;  // counts calls of leave()
  std::size_t left_ = 0;       // workers, in this departure

  Mutex mutex_;
  ConditionVariable changed_;
  bool is_alone_ HL_GUARDED_BY(mutex_) = true;
};

}  // namespace hitless::gateway
