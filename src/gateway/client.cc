#include "gateway/client.h"

#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <thread>

#include "base/file.h"
#include "base/log.h"
#include "gateway/control_frames.h"
#include "gateway/frame_connection.h"
#include "gateway/usage_mirror.h"
#include "net/event_loop.h"
#include "net/socket.h"

namespace hitless::gateway {
namespace {

// A gateway that starts is there within milliseconds; one that is gone may stay so.
constexpr Duration k_retry_first = std::chrono::milliseconds(10);
constexpr Duration k_retry_longest = std::chrono::milliseconds(500);

Result<UniqueFd> connect_to(const std::filesystem::path& socket) {
  HL_TRY_ASSIGN(const net::SocketAddress to,
                net::to_socket_address(Address{.host = {}, .port = 0, .path = socket.string()}));
  UniqueFd fd(net::open_stream_socket(AF_UNIX));
  if (!fd) return system_error("socket", socket.string(), errno);
  if (::connect(fd.get(), &to.any, to.size) != 0) {
    return system_error("connecting to", socket.string(), errno);
  }
  return fd;
}

class LinkClient final : public GatewayClient, public net::Handler {
 public:
  LinkClient(std::unique_ptr<net::EventLoop> loop, const std::filesystem::path& socket,
             std::function<void()> on_change)
      : loop_(std::move(loop)),
        socket_(socket),
        on_change_(std::move(on_change)),
        retry_(*loop_, *this) {
    loop_->post([this] { connect(); });
    thread_ = std::thread([this] { loop_->run(); });
  }

  ~LinkClient() override {
    loop_->stop();
    thread_.join();
  }

  void publish(model::RouteTable table) override {
    const MutexLock lock(mutex_);
    if (table_ != nullptr && table.generation <= table_->generation) return;
    table_ = std::make_shared<const model::RouteTable>(std::move(table));
    loop_->post([this, newest = table_] { send(newest); });
  }

  model::Usage usage() const override {
    const MutexLock lock(mutex_);
    model::Usage usage = mirror_.usage();
    if (!hello_.has_value()) usage.adopted = 0;
    return usage;
  }

  model::Generation adopted() const override {
    const MutexLock lock(mutex_);
    return hello_.has_value() ? mirror_.adopted() : 0;
  }

  std::optional<GatewayHello> attached() const override {
    const MutexLock lock(mutex_);
    return hello_;
  }

  void shut_down(Duration budget) override {
    loop_->post([this, budget] {
      if (link_ != nullptr) link_->send(budget_message("shutdown", budget));
    });
  }

  void on_ready(net::Ready) override {}
  void on_timer(net::Timer&) override { connect(); }

 private:
  void connect() {
    if (const auto connected = try_connect(); !connected) {
      retry_.set(loop_->now() + wait_);
      wait_ = std::min(wait_ * 2, k_retry_longest);
    }
  }

  Result<void> try_connect() {
    HL_TRY_ASSIGN(UniqueFd fd, connect_to(socket_));
    auto link = std::make_unique<FrameConnection>(
        *loop_, std::move(fd),
        FrameConnection::Calls{.on_message = [this](json::object message) { on_message(message); },
                               .on_end = [this](const Error& error) { on_lost(error); }});
    link_ = std::move(link);
    return link_->start();
  }

  // A gateway that has moved on has said all it knew, and its successor says the same and more: the
  // last reading is kept until then.
  void on_lost(const Error& error) {
    greeted_.reset();
    base_.reset();
    loop_->bury(std::move(link_));
    if (std::exchange(moved_, false) && try_connect()) return;
    {
      const MutexLock lock(mutex_);
      if (hello_) log_warn("gateway_lost", {{"reason", error.text()}});
      hello_.reset();
    }
    if (link_ != nullptr) loop_->bury(std::move(link_));
    retry_.set(loop_->now() + wait_);
    wait_ = std::min(wait_ * 2, k_retry_longest);
    on_change_();
  }

  void on_message(const json::object& message) {
    if (const auto handled = handle(message); !handled) {
      log_error("gateway_message_refused", {{"reason", handled.error().text()}});
    }
  }

  Result<void> handle(const json::object& message) {
    HL_TRY_ASSIGN(const std::string type, get_string(message, "type"));
    if (type == "hello") return on_hello(message);
    if (type == "usage") return on_usage(message);
    if (type == "moved") {
      moved_ = true;
      return {};
    }
    if (type == "refused") {
      return on_refused(message);
    }
    return Error(Code::unsupported, "unknown message [" + type + "]");
  }

  // Attached means that a reading is there too: it follows the hello at once.
  Result<void> on_hello(const json::object& message) {
    HL_TRY_ASSIGN(GatewayHello hello, hello_from_json(message));
    wait_ = k_retry_first;
    greeted_ = hello;
    sent_ = hello.adopted;
    const auto newest = newest_table();
    if (newest != nullptr && newest->generation == sent_) base_ = newest;
    if (newest != nullptr) send(newest);
    return {};
  }

  // What it has now is not known: a change that it could not make something of is sent whole.
  Result<void> on_refused(const json::object& message) {
    HL_TRY_ASSIGN(const std::string reason, get_string(message, "error"));
    base_.reset();
    if (std::exchange(sent_change_, false)) {
      sent_ = 0;
      send(newest_table());
    }
    return Error(Code::invalid, reason).context("the gateway refused a route table");
  }

  Result<void> on_usage(const json::object& message) {
    HL_TRY_ASSIGN(UsageChange change, usage_change_from_json(message));
    {
      const MutexLock lock(mutex_);
      if (change.whole) hello_ = greeted_;
      mirror_.take(std::move(change));
    }
    on_change_();
    return {};
  }

  std::shared_ptr<const model::RouteTable> newest_table() const {
    const MutexLock lock(mutex_);
    return table_;
  }

  void send(const std::shared_ptr<const model::RouteTable>& table) {
    // One that came before the hello is sent by on_hello().
    if (link_ == nullptr || !greeted_.has_value() || table->generation <= sent_) return;
    sent_ = table->generation;
    const auto base = std::exchange(base_, table);
    sent_change_ = base != nullptr && greeted_->takes_changes;
    link_->send(sent_change_ ? change_message(model::change_between(*base, *table))
                             : table_message(*table));
  }

  // Constant after construction.
  const std::unique_ptr<net::EventLoop> loop_;
  const std::filesystem::path socket_;
  const std::function<void()> on_change_;

  // The link's thread.
  net::Timer retry_;
  Duration wait_ = k_retry_first;
  std::unique_ptr<FrameConnection> link_;
  std::optional<GatewayHello> greeted_;
  model::Generation sent_ = 0;  // or adopted there already
  // The table that the gateway has, once all that was sent is there; null: not known.
  std::shared_ptr<const model::RouteTable> base_;
  bool sent_change_ = false;  // and no table last
  bool moved_ = false;        // the gateway has said that another takes its place

  mutable Mutex mutex_;
  std::optional<GatewayHello> hello_ HL_GUARDED_BY(mutex_);
  std::shared_ptr<const model::RouteTable> table_ HL_GUARDED_BY(mutex_);
  UsageMirror mirror_ HL_GUARDED_BY(mutex_);

  std::thread thread_;
};

}  // namespace

// Connecting would take the link away from whoever has it.
bool is_gateway_alive(const std::filesystem::path& control_socket) {
  const auto locked = is_file_locked(control_socket.string() + ".lock");
  return locked && *locked;
}

std::unique_ptr<GatewayClient> GatewayClient::start(std::filesystem::path control_socket,
                                                    std::function<void()> on_change) {
  Result<std::unique_ptr<net::EventLoop>> loop = net::EventLoop::make();
  HL_CHECK(loop);  // two descriptors, at the start of the process
  return std::make_unique<LinkClient>(std::move(*loop), control_socket, std::move(on_change));
}

}  // namespace hitless::gateway
