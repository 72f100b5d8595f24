#include "gateway/control_link.h"

#include <fmt/format.h>

#include <future>

#include <cerrno>

#include "base/log.h"
#include "gateway/metrics.h"
#include "gateway/worker.h"

namespace hitless::gateway {

Result<std::unique_ptr<ControlLink>> ControlLink::make(Footing& footing, GatewayHello hello,
                                                       Options options) {
  HL_TRY_ASSIGN(std::unique_ptr<net::EventLoop> loop, net::EventLoop::make());
  return std::unique_ptr<ControlLink>(
      new ControlLink(std::move(loop), footing, std::move(hello), std::move(options)));
}

ControlLink::ControlLink(std::unique_ptr<net::EventLoop> loop, Footing& footing, GatewayHello hello,
                         Options options)
    : loop_(std::move(loop)),
      hello_(std::move(hello)),
      options_(std::move(options)),
      control_door_(*loop_, std::move(footing.control),
                    [this](UniqueFd fd) { attach(std::move(fd)); }),
      successors_door_(*loop_, std::move(footing.successors),
                       [this](UniqueFd fd) { successor_.on_guest(std::move(fd)); }),
      book_(hello_.gateway, options_.workers),
      successor_(*this, {.version = hello_.version,
                         .pid = hello_.pid,
                         .listen = hello_.listen,
                         .tls = footing.tls,
                         .counts = hello_.gateway,
                         .signals = options_.signals}),
      admin_(*loop_, options_.admin, [this](Admin::Answer answer) { collect(std::move(answer)); }) {
  if (!footing.predecessor) return;
  predecessor_ = std::make_unique<Predecessor>(*this, std::move(footing.predecessor));
  set_alone(false);
}

ControlLink::~ControlLink() = default;

void ControlLink::set_heirloom(Heirloom heirloom) {
  heirloom.control = control_door_.fd();
  heirloom.successors = successors_door_.fd();
  successor_.set_heirloom(std::move(heirloom));
}

Result<void> ControlLink::open_doors() {
  HL_TRY(control_door_.open());
  HL_TRY(successors_door_.open());
  return admin_.open();
}

Result<void> ControlLink::start() {
  if (predecessor_ != nullptr) return predecessor_->start(hello_);
  role_ = Role::serving;
  return open_doors();
}

void ControlLink::attach(UniqueFd fd) {
  detach();
  control_ = std::make_unique<FrameConnection>(
      *loop_, std::move(fd),
      FrameConnection::Calls{.on_message = [this](json::object message) { on_message(message); },
                             .on_end =
                                 [this](const Error& error) {
                                   log_info("control_lost", {{"reason", error.text()}});
                                   detach();
                                 }});
  if (!control_->start()) return detach();
  log_info("control_attached");
  hello_.adopted = history_.generation();
  control_->send(to_json(hello_));
  if (control_ != nullptr) control_->send(to_json(book_.whole()));
}

void ControlLink::detach() {
  if (control_ == nullptr) return;
  control_->close();
  loop_->bury(std::move(control_));
}

// The predecessor hears first: should we die, it knows at least as much as control does.
void ControlLink::take(WorkerReading reading) {
  loop_->post([this, reading = std::move(reading)] {
    const UsageChange change = book_.add(reading);
    if (predecessor_ != nullptr && role_ == Role::joining) return predecessor_->check_ready();
    if (predecessor_ != nullptr) predecessor_->send(to_json(book_.own_part(reading)));
    if (control_ != nullptr) control_->send(to_json(change));
    if (successor_.has_joined()) successor_.send(to_json(change));
  });
}

void ControlLink::take_other(const UsageChange& other) {
  const UsageChange change = book_.add_other(other);
  if (control_ != nullptr) control_->send(to_json(change));
}

void ControlLink::on_message(const json::object& message) {
  if (const auto handled = handle(message); !handled) {
    log_error("control_message_refused", {{"reason", handled.error().text()}});
  }
}

Result<void> ControlLink::handle(const json::object& message) {
  HL_TRY_ASSIGN(const std::string type, get_string(message, "type"));
  if (type == "table" || type == "change") return adopt(message);
  if (type == "shutdown") {
    HL_TRY_ASSIGN(const Duration budget, budget_of(message));
    options_.on_shutdown(budget);
    return {};
  }
  return Error(Code::unsupported, "unknown control message [" + type + "]");
}

Result<std::shared_ptr<const TableChange>> ControlLink::advance(const json::object& message) {
  if (const json::value* form = message.if_contains("table")) {
    HL_TRY_ASSIGN(model::RouteTable table, model::route_table_from_json(*form));
    return history_.advance(std::move(table));
  }
  const json::value* form = message.if_contains("change");
  if (form == nullptr) return Error(Code::corrupt, "neither a table nor a change of one");
  HL_TRY_ASSIGN(model::RouteChange change, model::route_change_from_json(*form));
  return history_.advance(std::move(change));
}

Result<void> ControlLink::adopt(const json::object& message) {
  const auto change = advance(message);
  if (!change) {
    const json::value refusal = refusal_message(change.error());
    if (control_ != nullptr) control_->send(refusal);
    if (successor_.leads()) successor_.send(refusal);
    return Error(change.error()).context("adopting a route table");
  }
  for (Worker* worker : workers_) {
    worker->post([worker, change = *change] { worker->adopt(*change); });
  }
  pass_on();
  return {};
}

// Whole: another version may not know of changes, and there is seldom anyone to pass it on to.
void ControlLink::pass_on() {
  const bool to_predecessor = predecessor_ != nullptr && role_ != Role::joining;
  const bool to_successor = successor_.has_joined() && !successor_.leads();
  if (!to_predecessor && !to_successor) return;
  const json::value whole = table_message(history_.table());
  if (to_predecessor) predecessor_->send(whole);
  if (to_successor) successor_.send(whole);
}

std::optional<std::string> ControlLink::busy() const {
  if (role_ != Role::serving) return "this gateway is being replaced or ends";
  if (predecessor_ == nullptr) return std::nullopt;
  return fmt::format("the gateway before this one still ends its requests");
}

void ControlLink::step_aside() {
  role_ = Role::leaving;
  control_door_.shut();
  successors_door_.shut();
  admin_.shut();
  if (control_ != nullptr) control_->send(plain_message("moved"));
  detach();
}

void ControlLink::leave(Duration budget) {
  log_info("gateway_leaves", {{"budget_ms", fmt::format("{}", budget.count() / 1000)}});
  left_ = 0;
  const std::size_t departure = ++departure_;
  for (Worker* worker : workers_) {
    worker->post([this, worker, budget, departure] {
      worker->leave(budget, [this, departure] {
        loop_->post([this, departure] { worker_left(departure); });
      });
    });
  }
}

void ControlLink::worker_left(std::size_t departure) {
  if (departure != departure_ || role_ != Role::leaving) return;
  if (++left_ == workers_.size()) options_.on_shutdown(Duration(0));
}

void ControlLink::step_back(const model::Usage& counted) {
  if (role_ != Role::leaving) return;
  role_ = Role::serving;
  ++departure_;
  book_.inherit(counted);
  for (Worker* worker : workers_) {
    worker->post([worker] { worker->stay(); });
  }
  if (const auto opened = open_doors(); !opened) {
    log_error("control_door_not_opened", {{"reason", opened.error().text()}});
  }
}

Result<void> ControlLink::take_place() {
  if (role_ != Role::joining) return {};
  role_ = Role::serving;
  for (Worker* worker : workers_) {
    worker->post([this, worker] {
      if (const auto accepts = worker->accept_connections(); !accepts) {
        log_error("worker_does_not_accept", {{"reason", accepts.error().text()}});
        return;
      }
      loop_->post([this] { worker_accepts(); });
    });
  }
  return open_doors();
}

void ControlLink::worker_accepts() {
  if (++accepting_ < workers_.size()) return;
  if (predecessor_ != nullptr) predecessor_->send(budget_message("taken", options_.leave_budget));
  settle({});
}

void ControlLink::declined(const Error& error) {
  if (role_ != Role::joining) return;
  role_ = Role::ending;
  settle(error);
}

// What the workers say of themselves, as they come to it.
struct ControlLink::Scrape final : net::Handler {
  Scrape(ControlLink& of, Admin::Answer to)
      : link(of), answer(std::move(to)), timer(*of.loop_, *this) {}
  void on_ready(net::Ready) override {}
  void on_timer(net::Timer&) override { link.finish(*this); }

  ControlLink& link;
  Admin::Answer answer;  // none: it has been given
  net::Timer timer;
  std::vector<WorkerLoad> loads;
};

void ControlLink::collect(Admin::Answer answer) {
  const auto scrape = std::make_shared<Scrape>(*this, std::move(answer));
  scrape->timer.set(loop_->turn() + k_metrics_patience);
  for (Worker* worker : workers_) {
    worker->post([this, worker, scrape] {
      loop_->post([this, load = worker->load(), scrape] {
        scrape->loads.push_back(load);
        if (scrape->loads.size() == workers_.size()) finish(*scrape);
      });
    });
  }
}

void ControlLink::finish(Scrape& scrape) {
  if (!scrape.answer) return;
  scrape.timer.clear();
  const model::RouteTable table = history_.table();
  std::exchange(scrape.answer,
                nullptr)(metrics_text({.version = hello_.version,
                                       .usage = book_.whole().usage,
                                       .table = table.generation > 0 ? &table : nullptr,
                                       .workers = scrape.loads,
                                       .record = options_.record_counts()}));
}

std::vector<Address> ControlLink::admin_addresses() {
  std::promise<std::vector<Address>> promise;
  loop_->post([&] { promise.set_value(admin_.addresses()); });
  return promise.get_future().get();
}

// One that dies without a word before it has told us to take its place leaves it to us all the
// same: its sockets are here.
void ControlLink::predecessor_ended(const Error& error) {
  if (predecessor_ == nullptr) return;
  loop_->bury(std::move(predecessor_));
  set_alone(true);
  const UsageChange change = book_.other_ended();
  if (role_ == Role::joining) {
    log_warn("predecessor_died", {{"reason", error.text()}});
    if (const auto taken = take_place(); !taken) return settle(taken.error());
  }
  if (role_ == Role::serving) log_info("predecessor_ended");
  if (control_ != nullptr) control_->send(to_json(change));
  successor_.offer_next();
}

void ControlLink::settle(Result<void> settled) {
  if (options_.on_settled) std::exchange(options_.on_settled, nullptr)(std::move(settled));
}

void ControlLink::end(Duration budget) {
  loop_->post([this, budget] {
    successor_.decline_all("the gateway ends");
    role_ = Role::ending;
    if (predecessor_ != nullptr) predecessor_->send(budget_message("shutdown", budget));
  });
}

void ControlLink::set_alone(bool alone) {
  {
    const MutexLock lock(mutex_);
    is_alone_ = alone;
  }
  changed_.notify_all();
}

bool ControlLink::wait_alone(std::chrono::steady_clock::time_point deadline) {
  const MutexLock lock(mutex_);
  while (!is_alone_) {
    if (changed_.wait_until(mutex_, deadline) == std::cv_status::timeout) return is_alone_;
  }
  return true;
}

}  // namespace hitless::gateway
