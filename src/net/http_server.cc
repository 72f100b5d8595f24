#include "net/http_server.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <cerrno>
#include <future>
#include <memory>
#include <system_error>
#include <thread>

#include "base/log.h"
#include "net/http_connection.h"
#include "net/listen_socket.h"

namespace hitless::net {
namespace {

namespace asio = boost::asio;
using boost::system::error_code;

// Without descriptors or memory accept() fails at once, again and again: wait for some to be free.
constexpr std::chrono::milliseconds k_accept_pause(100);

// Connections taken before others get their turn on the I/O thread.
constexpr int k_accept_burst = 64;

std::string peer_text(const sockaddr_storage& name) {
  char host[INET6_ADDRSTRLEN] = {};
  Address address;
  if (name.ss_family == AF_INET6) {
    const auto& v6 = reinterpret_cast<const sockaddr_in6&>(name);
    ::inet_ntop(AF_INET6, &v6.sin6_addr, host, sizeof host);
    address.port = ntohs(v6.sin6_port);
  } else {
    const auto& v4 = reinterpret_cast<const sockaddr_in&>(name);
    ::inet_ntop(AF_INET, &v4.sin_addr, host, sizeof host);
    address.port = ntohs(v4.sin_port);
  }
  address.host = host;
  return to_text(address);
}

HttpPeer peer_of(int fd, const sockaddr_storage& name) {
  HttpPeer peer;
  if (name.ss_family != AF_UNIX) {
    peer.address = peer_text(name);
    return peer;
  }
  ucred credentials{};
  socklen_t size = sizeof credentials;
  if (::getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &credentials, &size) == 0) {
    peer.uid = credentials.uid;
  }
  return peer;
}

// Errors of accept(2) that say something of the client at hand and nothing of the next one.
bool is_of_one_client(int error_number) {
  switch (error_number) {
    case ECONNABORTED:
    case EINTR:
    case EPROTO:
    case EPERM:
    case ENETDOWN:
    case ENETUNREACH:
    case EHOSTDOWN:
    case EHOSTUNREACH: return true;
    default: return false;
  }
}

// One listen socket in the event loop.
struct Listener {
  Listener(asio::io_context& io, ListenSocket opened)
      : socket(std::move(opened)), readiness(io), pause(io) {}
  ~Listener() { readiness.release(); }

  ListenSocket socket;  // owns the descriptor
  asio::posix::stream_descriptor readiness;
  asio::steady_timer pause;
  bool paused = false;
};

class AsioHttpServer final : public HttpServer {
 public:
  AsioHttpServer(HttpServerOptions options, Handler handler, std::vector<ListenSocket> sockets);
  ~AsioHttpServer() override;

  std::vector<Address> addresses() const override { return addresses_; }
  void stop() override;

 private:
  // All on the I/O thread.
  void await_clients(Listener& listener);
  void accept_clients(Listener& listener);
  bool accept_one(Listener& listener);
  bool accept_failed(Listener& listener, int error_number);
  void serve(UniqueFd fd, const sockaddr_storage& name);
  void refuse(const UniqueFd& fd);
  void begin_stop();
  void cut_all();

  void on_connection_closed();
  bool wait_for_connections(std::chrono::steady_clock::time_point until);

  // Constant after construction.
  const HttpServerOptions options_;
  const Handler handler_;
  std::vector<Address> addresses_;

  asio::io_context io_{1};  // one thread runs it
  asio::executor_work_guard<asio::io_context::executor_type> work_{io_.get_executor()};
  std::vector<std::unique_ptr<Listener>> listeners_;  // I/O thread
  bool at_connections_max_ = false;                   // I/O thread; for one log line an episode

  Mutex mutex_;
  ConditionVariable all_closed_;
  bool stop_begun_ HL_GUARDED_BY(mutex_) = false;
  bool no_connections_ HL_GUARDED_BY(mutex_) = false;  // true only when stopping

  WorkerThreads workers_;
  HttpConnectionHost host_;
  std::thread io_thread_;
};

AsioHttpServer::AsioHttpServer(HttpServerOptions options, Handler handler,
                               std::vector<ListenSocket> sockets)
    : options_(std::move(options)),
      handler_(std::move(handler)),
      workers_(options_.handler_threads, options_.queue_max),
      host_{.options = options_,
            .handler = handler_,
            .workers = workers_,
            .io = io_,
            .on_closed = [this] { on_connection_closed(); }} {
  for (ListenSocket& socket : sockets) {
    addresses_.push_back(socket.address());
    listeners_.push_back(std::make_unique<Listener>(io_, std::move(socket)));
    Listener& listener = *listeners_.back();
    listener.readiness.assign(listener.socket.fd());
    await_clients(listener);
  }
  io_thread_ = std::thread([this] { io_.run(); });
}

AsioHttpServer::~AsioHttpServer() {
  stop();
  // Handlers first: what they still do goes through the I/O thread.
  workers_.finish();
  asio::post(io_, [this] { cut_all(); });
  work_.reset();
  io_thread_.join();
}

// ---- accepting

void AsioHttpServer::await_clients(Listener& listener) {
  listener.readiness.async_wait(asio::posix::stream_descriptor::wait_read,
                                [this, &listener](const error_code& failure) {
                                  if (!failure && listener.socket.fd() >= 0) {
                                    accept_clients(listener);
                                  }
                                });
}

void AsioHttpServer::accept_clients(Listener& listener) {
  for (int taken = 0; taken < k_accept_burst; ++taken) {
    if (!accept_one(listener)) break;
  }
  if (!listener.paused) await_clients(listener);
}

bool AsioHttpServer::accept_one(Listener& listener) {
  sockaddr_storage name{};
  socklen_t size = sizeof name;
  UniqueFd fd(::accept4(listener.socket.fd(), reinterpret_cast<sockaddr*>(&name), &size,
                        SOCK_CLOEXEC | SOCK_NONBLOCK));
  if (!fd) return accept_failed(listener, errno);
  name.ss_family = listener.socket.address().is_unix() ? sa_family_t{AF_UNIX} : name.ss_family;
  serve(std::move(fd), name);
  return true;
}

// Whether there may be more to accept.
bool AsioHttpServer::accept_failed(Listener& listener, int error_number) {
  if (error_number == EAGAIN) return false;
  if (is_of_one_client(error_number)) return true;
  log_warn("http_accept_paused", {{"address", to_text(listener.socket.address())},
                                  {"reason", system_error("accept", "", error_number).text()}});
  listener.paused = true;
  listener.pause.expires_after(k_accept_pause);
  listener.pause.async_wait([this, &listener](const error_code& failure) {
    listener.paused = false;
    if (!failure && listener.socket.fd() >= 0) accept_clients(listener);
  });
  return false;
}

void AsioHttpServer::serve(UniqueFd fd, const sockaddr_storage& name) {
  const bool full = host_.connections.size() >= options_.connections_max;
  if (full && !at_connections_max_) {
    log_warn("http_connections_max", {{"connections", std::to_string(options_.connections_max)}});
  }
  at_connections_max_ = full;
  if (full) return refuse(fd);
  HttpPeer peer = peer_of(fd.get(), name);
  if (name.ss_family != AF_UNIX) {
    const int on = 1;
    (void)::setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  }
  HttpConnection::Socket socket(io_);
  error_code failure;
  socket.assign(asio::generic::stream_protocol(name.ss_family, 0), fd.get(), failure);
  if (failure) {
    log_warn("http_connection_lost", {{"reason", failure.message()}});
    return;
  }
  fd.release();
  const auto connection =
      std::make_shared<HttpConnection>(host_, std::move(socket), std::move(peer));
  host_.connections.insert(connection);
  connection->start();
}

void AsioHttpServer::refuse(const UniqueFd& fd) {
  HttpResponse busy = plain_response(503, "too many connections");
  busy.headers.add("Retry-After", "1");
  const Result<std::string> head = write_response_head(busy, AfterAnswer::close);
  const std::string answer = head.value() + busy.body;
  // A request that is there already would turn the close into a reset that takes the answer along.
  char unread[4096];
  while (::recv(fd.get(), unread, sizeof unread, MSG_DONTWAIT) > 0) {
  }
  (void)::send(fd.get(), answer.data(), answer.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
}

// ---- stopping

void AsioHttpServer::stop() {
  {
    const MutexLock lock(mutex_);
    if (!stop_begun_) {
      stop_begun_ = true;
      asio::post(io_, [this] { begin_stop(); });
    }
  }
  if (wait_for_connections(std::chrono::steady_clock::now() + options_.stop_timeout)) return;
  std::promise<void> cut;
  asio::post(io_, [this, &cut] {
    cut_all();
    cut.set_value();
  });
  cut.get_future().wait();
}

void AsioHttpServer::begin_stop() {
  for (const auto& listener : listeners_) {
    // Clients in the backlog are connected from their point of view.
    for (int taken = 0; taken < k_accept_burst && !listener->paused; ++taken) {
      if (!accept_one(*listener)) break;
    }
    listener->readiness.cancel();
    listener->pause.cancel();
    listener->readiness.release();
    listener->socket.close();
  }
  host_.stopping = true;
  const std::vector<std::shared_ptr<HttpConnection>> open(host_.connections.begin(),
                                                          host_.connections.end());
  for (const auto& connection : open) connection->close_if_idle();
  on_connection_closed();
}

void AsioHttpServer::cut_all() {
  workers_.discard_waiting();
  const std::vector<std::shared_ptr<HttpConnection>> open(host_.connections.begin(),
                                                          host_.connections.end());
  for (const auto& connection : open) connection->cut();
}

void AsioHttpServer::on_connection_closed() {
  if (!host_.stopping || !host_.connections.empty()) return;
  const MutexLock lock(mutex_);
  no_connections_ = true;
  all_closed_.notify_all();
}

bool AsioHttpServer::wait_for_connections(std::chrono::steady_clock::time_point until) {
  const MutexLock lock(mutex_);
  while (!no_connections_) {
    if (all_closed_.wait_until(mutex_, until) == std::cv_status::timeout) return no_connections_;
  }
  return true;
}

}  // namespace

Result<std::unique_ptr<HttpServer>> HttpServer::start(HttpServerOptions options, Handler handler) {
  std::vector<ListenSocket> sockets;
  for (const Address& address : options.listen) {
    HL_TRY_ASSIGN(ListenSocket socket, ListenSocket::open(address, options.socket_mode));
    sockets.push_back(std::move(socket));
  }
  return start(std::move(options), std::move(sockets), std::move(handler));
}

Result<std::unique_ptr<HttpServer>> HttpServer::start(HttpServerOptions options,
                                                      std::vector<ListenSocket> sockets,
                                                      Handler handler) {
  HL_CHECK(!sockets.empty() && options.handler_threads > 0);
  try {
    return std::unique_ptr<HttpServer>(std::make_unique<AsioHttpServer>(
        std::move(options), std::move(handler), std::move(sockets)));
  } catch (const std::system_error& failure) {  // of Asio and std::thread
    return Error(Code::exhausted, failure.what()).context("starting an HTTP server");
  }
}

}  // namespace hitless::net
