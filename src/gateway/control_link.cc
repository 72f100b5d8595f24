#include "gateway/control_link.h"

#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>

#include "base/log.h"
#include "gateway/worker.h"
#include "net/socket.h"

namespace hitless::gateway {
namespace {

// The socket's mode keeps others out already; this holds where the folder's owner changed it.
bool may_control(int fd) {
  ucred peer{};
  socklen_t size = sizeof peer;
  if (::getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0) return false;
  return peer.uid == ::geteuid() || peer.uid == 0;
}

}  // namespace

Result<std::unique_ptr<ControlLink>> ControlLink::make(const std::filesystem::path& socket,
                                                       GatewayHello hello, std::size_t workers,
                                                       OnShutdown on_shutdown) {
  HL_TRY_ASSIGN(std::unique_ptr<net::EventLoop> loop, net::EventLoop::make());
  HL_TRY_ASSIGN(UniqueFd listener,
                net::listen_on(Address{.host = {}, .port = 0, .path = socket.string()}));
  std::unique_ptr<ControlLink> link(new ControlLink(
      std::move(loop), std::move(listener), std::move(hello), workers, std::move(on_shutdown)));
  HL_TRY(link->loop_->watch_listener(link->listener_.get(), *link));
  return link;
}

ControlLink::ControlLink(std::unique_ptr<net::EventLoop> loop, UniqueFd listener,
                         GatewayHello hello, std::size_t workers, OnShutdown on_shutdown)
    : loop_(std::move(loop)),
      listener_(std::move(listener)),
      hello_(std::move(hello)),
      on_shutdown_(std::move(on_shutdown)),
      book_(hello_.gateway, workers) {}

ControlLink::~ControlLink() = default;

void ControlLink::on_ready(net::Ready) {
  UniqueFd fd(::accept4(listener_.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
  if (!fd) return;
  if (!may_control(fd.get())) {
    log_warn("control_refused", {{"reason", "another user"}});
    return;
  }
  attach(std::move(fd));
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
  hello_.adopted = book_.adopted();
  control_->send(to_json(hello_));
  if (control_ != nullptr) control_->send(to_json(book_.whole()));
}

void ControlLink::detach() {
  if (control_ == nullptr) return;
  control_->close();
  loop_->bury(std::move(control_));
}

void ControlLink::take(WorkerReading reading) {
  loop_->post([this, reading = std::move(reading)] {
    const UsageChange change = book_.add(reading);
    if (control_ != nullptr) control_->send(to_json(change));
  });
}

void ControlLink::on_message(const json::object& message) {
  if (const auto handled = handle(message); !handled) {
    log_error("control_message_refused", {{"reason", handled.error().text()}});
  }
}

Result<void> ControlLink::handle(const json::object& message) {
  HL_TRY_ASSIGN(const std::string type, get_string(message, "type"));
  if (type == "table") return adopt(message);
  if (type == "shutdown") {
    HL_TRY_ASSIGN(const std::int64_t budget, get_int(message, "budget_us"));
    on_shutdown_(Duration(budget));
    return {};
  }
  return Error(Code::unsupported, "unknown control message [" + type + "]");
}

Result<void> ControlLink::adopt(const json::object& message) {
  HL_TRY_ASSIGN(const json::object* form, get_object(message, "table"));
  Result<model::RouteTable> table = model::route_table_from_json(json::value(*form));
  const auto refuse = [&](model::Generation generation, const Error& error) {
    if (control_ != nullptr) control_->send(refusal_message(generation, error));
    return Error(error).context("adopting a route table");
  };
  if (!table) return refuse(0, table.error());
  const model::Generation generation = table->generation;
  const auto change = history_.advance(std::move(*table));
  if (!change) return refuse(generation, change.error());
  for (Worker* worker : workers_) {
    worker->post([worker, change = *change] { worker->adopt(*change); });
  }
  return {};
}

}  // namespace hitless::gateway
