#include "gateway/admin.h"

#include <fmt/format.h>
#include <sys/socket.h>

#include <cerrno>

#include "base/log.h"
#include "base/metrics_text.h"
#include "gateway/limits.h"
#include "gateway/request_head.h"
#include "net/http1.h"
#include "net/socket.h"

namespace hitless::gateway {

class AdminConnection final : public net::Handler {
 public:
  AdminConnection(net::EventLoop& loop, Admin& admin, std::uint64_t id, UniqueFd fd)
      : loop_(loop), admin_(admin), id_(id), fd_(std::move(fd)), timer_(loop, *this) {}
  ~AdminConnection() override { loop_.close(fd_); }

  Result<void> start() {
    timer_.set(loop_.turn() + k_admin_patience);
    return loop_.watch(fd_.get(), *this, net::EventLoop::Interest::read_write);
  }

  void answer(int status, std::string_view reason, std::string_view type, std::string_view body) {
    out_ = fmt::format(
        "HTTP/1.1 {} {}\r\nContent-Type: {}\r\nContent-Length: {}\r\nCache-Control: no-store\r\n"
        "Connection: close\r\n\r\n",
        status, reason, type, body.size());
    if (!is_head_) out_ += body;
    flush();
  }

  void on_ready(net::Ready ready) override {
    if (!fd_) return;
    if (ready.broken) return end();
    if (ready.writable && !out_.empty()) return flush();
    if (ready.readable && out_.empty()) read();
  }
  void on_timer(net::Timer&) override { end(); }

 private:
  void read() {
    while (fd_ && !asked_) {
      const std::span<char> buffer = loop_.receive_buffer();
      const ssize_t got = ::recv(fd_.get(), buffer.data(), buffer.size(), 0);
      if (got < 0 && errno == EAGAIN) return;
      if (got <= 0) return end();
      in_.append(buffer.data(), static_cast<std::size_t>(got));
      take();
    }
  }

  void take() {
    using net::http1::HeadEnd;
    const HeadEnd head_end = net::http1::find_head_end(in_, scanned_);
    if (head_end.state == HeadEnd::State::incomplete && in_.size() <= k_admin_head_bytes_max) {
      return;
    }
    asked_ = true;
    const auto head = std::make_unique<net::http1::Head>();
    if (head_end.state != HeadEnd::State::complete || head_end.size > k_admin_head_bytes_max ||
        net::http1::parse_request(std::string_view(in_).substr(0, head_end.size), *head) !=
            net::http1::Fault::none) {
      return refuse(400, "Bad Request");
    }
    const std::string_view target = origin_form(head->target);
    is_head_ = head->method == "HEAD";
    if (target.substr(0, target.find('?')) != "/metrics") return refuse(404, "Not Found");
    if (head->method != "GET" && !is_head_) return refuse(405, "Method Not Allowed");
    admin_.collect(id_);
  }

  void refuse(int status, std::string_view reason) {
    answer(status, reason, "text/plain; charset=utf-8",
           fmt::format("{}: GET /metrics is what there is\n", reason));
  }

  void flush() {
    while (sent_ < out_.size()) {
      const ssize_t sent =
          ::send(fd_.get(), out_.data() + sent_, out_.size() - sent_, MSG_NOSIGNAL);
      if (sent < 0 && errno == EAGAIN) return;
      if (sent < 0) return end();
      sent_ += static_cast<std::size_t>(sent);
      timer_.set(loop_.turn() + k_admin_patience);
    }
    ::shutdown(fd_.get(), SHUT_WR);
    end();
  }

  void end() {
    if (!fd_) return;
    loop_.close(fd_);
    timer_.clear();
    admin_.gone(id_);
  }

  net::EventLoop& loop_;
  Admin& admin_;
  const std::uint64_t id_;
  UniqueFd fd_;
  net::Timer timer_;
  std::string in_;
  std::size_t scanned_ = 0;
  std::string out_;
  std::size_t sent_ = 0;
  bool asked_ = false;
  bool is_head_ = false;
};

class Admin::Listener final : public net::Handler {
 public:
  Listener(Admin& admin, UniqueFd fd, Address address)
      : admin_(admin), fd_(std::move(fd)), address_(std::move(address)) {}
  ~Listener() override { admin_.loop_.close(fd_); }

  Result<void> start() { return admin_.loop_.watch_listener(fd_.get(), *this); }
  void close() { admin_.loop_.close(fd_); }
  const Address& address() const { return address_; }

  void on_ready(net::Ready) override {
    if (!fd_) return;
    UniqueFd fd(::accept4(fd_.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (fd) admin_.accepted(std::move(fd));
  }

 private:
  Admin& admin_;
  UniqueFd fd_;
  const Address address_;
};

Admin::Admin(net::EventLoop& loop, std::vector<Address> addresses, Collect collect)
    : loop_(loop), wanted_(std::move(addresses)), collect_(std::move(collect)) {}

Admin::~Admin() = default;

Result<void> Admin::open() {
  if (!listeners_.empty()) return {};
  for (const Address& address : wanted_) {
    HL_TRY_ASSIGN(UniqueFd fd, net::listen_on(address));
    HL_TRY_ASSIGN(Address real, net::local_address(fd.get(), address));
    auto listener = std::make_unique<Listener>(*this, std::move(fd), std::move(real));
    HL_TRY(listener->start());
    listeners_.push_back(std::move(listener));
  }
  return {};
}

void Admin::shut() {
  for (auto& listener : listeners_) {
    listener->close();
    loop_.bury(std::move(listener));
  }
  listeners_.clear();
}

std::vector<Address> Admin::addresses() const {
  std::vector<Address> all;
  for (const auto& listener : listeners_) all.push_back(listener->address());
  return all;
}

void Admin::accepted(UniqueFd fd) {
  if (connections_.size() >= k_admin_connections_max) return;
  const std::uint64_t id = ++last_connection_;
  auto& connection = connections_[id];
  connection = std::make_unique<AdminConnection>(loop_, *this, id, std::move(fd));
  if (const auto started = connection->start(); !started) {
    log_warn("admin_refused", {{"reason", started.error().text()}});
    gone(id);
  }
}

void Admin::collect(std::uint64_t connection) {
  collect_([this, connection](const std::string& text) {
    const auto found = connections_.find(connection);
    if (found == connections_.end()) return;
    found->second->answer(200, "OK", MetricsText::k_content_type, text);
  });
}

void Admin::gone(std::uint64_t connection) {
  const auto found = connections_.find(connection);
  if (found == connections_.end()) return;
  loop_.bury(std::move(found->second));
  connections_.erase(found);
}

}  // namespace hitless::gateway
