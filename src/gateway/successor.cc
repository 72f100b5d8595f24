#include "gateway/successor.h"

#include <fmt/format.h>
#include <sys/socket.h>

#include "base/log.h"
#include "gateway/control_link.h"
#include "gateway/limits.h"

namespace hitless::gateway {
namespace {

// What is sent before there is a FrameConnection; a guest that cannot take a sentence has gone.
void tell(int fd, const json::value& message) {
  const std::string frame = encode_frame(message);
  if (::send(fd, frame.data(), frame.size(), MSG_NOSIGNAL) < 0) {
    log_debug("successor_gone", {{"reason", "it does not read"}});
  }
}

}  // namespace

Successor::Successor(ControlLink& link, Offer offer)
    : link_(link), offer_(std::move(offer)), timer_(link.loop(), *this) {}

Successor::~Successor() = default;

void Successor::on_guest(UniqueFd fd) {
  if (waiting_.size() >= k_successors_waiting_max) {
    return tell(fd.get(), reason_message("declined", "too many gateways wait to take over"));
  }
  waiting_.push_back(std::move(fd));
  if (const auto busy = link_.busy(); step_ != Step::none || busy) {
    const std::string reason = busy.value_or("another replacement of the gateway is under way");
    return tell(waiting_.back().get(), reason_message("wait", reason));
  }
  offer_next();
}

void Successor::offer_next() {
  while (step_ == Step::none && !link_.busy() && !waiting_.empty()) {
    UniqueFd next = std::move(waiting_.front());
    waiting_.pop_front();
    if (const auto offered = offer_to(std::move(next)); !offered) {
      log_warn("gateway_not_handed_over", {{"reason", offered.error().text()}});
      drop();
    }
  }
}

Result<void> Successor::offer_to(UniqueFd fd) {
  HL_TRY(hand_over(fd.get(), offer_, heirloom_));
  connection_ = std::make_unique<FrameConnection>(
      link_.loop(), std::move(fd),
      FrameConnection::Calls{
          .on_message =
              [this](json::object message) {
                if (const auto handled = handle(message); !handled) {
                  log_error("successor_message_refused", {{"reason", handled.error().text()}});
                }
              },
          .on_end = [this](const Error& error) { on_end(error); }});
  HL_TRY(connection_->start());
  step_ = Step::offered;
  counted_ = UsageMirror();
  timer_.set(link_.loop().now() + k_successor_patience);
  return {};
}

Result<void> Successor::handle(const json::object& message) {
  HL_TRY_ASSIGN(const std::string type, get_string(message, "type"));
  if (type == "join") return join(message);
  if (type == "ready") {
    timer_.clear();
    step_ = Step::leads;
    link_.step_aside();
    send(plain_message("take"));
    for (const UniqueFd& guest : waiting_) tell(guest.get(), plain_message("again"));
    waiting_.clear();
    return {};
  }
  if (type == "taken") {
    HL_TRY_ASSIGN(const Duration budget, budget_of(message));
    link_.leave(budget);
    return {};
  }
  if (type == "usage") {
    HL_TRY_ASSIGN(UsageChange change, usage_change_from_json(message));
    counted_.take(std::move(change));
    return {};
  }
  return link_.handle(message);
}

Result<void> Successor::join(const json::object& message) {
  HL_TRY_ASSIGN(const std::string version, get_string(message, "version"));
  HL_TRY_ASSIGN(const std::int64_t pid, get_int(message, "pid"));
  step_ = Step::joined;
  const model::RouteTable table = link_.table();
  if (table.generation > 0) send(table_message(table));
  send(to_json(link_.whole()));
  send(plain_message("offered"));
  log_info("gateway_hands_over", {{"to", fmt::format("{}", pid)}, {"version", version}});
  return {};
}

void Successor::send(const json::value& message) {
  if (has_joined() && connection_ != nullptr) connection_->send(message);
}

void Successor::on_timer(net::Timer&) {
  if (connection_ == nullptr) return;
  const std::string reason =
      fmt::format("the new gateway was not ready within {} s",
                  std::chrono::duration_cast<std::chrono::seconds>(k_successor_patience).count());
  connection_->send(reason_message("declined", reason));
  log_warn("gateway_not_handed_over", {{"reason", reason}});
  drop();
  offer_next();
}

void Successor::drop() {
  timer_.clear();
  step_ = Step::none;
  if (connection_ == nullptr) return;
  connection_->close();
  link_.loop().bury(std::move(connection_));
}

void Successor::on_end(const Error& error) {
  const bool led = leads();
  drop();
  log_warn(led ? "successor_died" : "gateway_not_handed_over", {{"reason", error.text()}});
  if (led) link_.step_back(counted_.usage());
  offer_next();
}

void Successor::decline_all(std::string_view reason) {
  if (connection_ != nullptr && !leads()) {
    connection_->send(reason_message("declined", reason));
    drop();
  }
  for (const UniqueFd& guest : waiting_) tell(guest.get(), reason_message("declined", reason));
  waiting_.clear();
}

}  // namespace hitless::gateway
