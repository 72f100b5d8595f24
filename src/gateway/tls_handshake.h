// A client's connection until it is known what it speaks: TLS's handshake.
//
// Owner: its Worker, which puts an HTTP/1.1 or an HTTP/2 connection in its place when it is done.
// Thread: the worker's.
#pragma once

#include <memory>
#include <string>

#include "gateway/connection.h"
#include "net/tls.h"

namespace hitless::gateway {

class Worker;

class TlsHandshake final : public Connection {
 public:
  TlsHandshake(Worker& worker, UniqueFd fd, std::string peer,
               std::shared_ptr<const net::TlsIdentity> identity);
  ~TlsHandshake() override;

  void start() override;
  // It has asked for nothing yet.
  void drain() override { close(); }
  void shut() override { close(); }
  // It goes on; what comes of it is told.
  bool parts_in_turn() const override { return false; }
  void part_by(net::Instant) override {}
  std::optional<Wait> wait() const override;
  void give_up() override { close(); }

  void on_ready(net::Ready ready) override;
  void on_timer(net::Timer&) override { close(); }

 private:
  void go_on();
  void close();

  Worker& worker_;
  UniqueFd fd_;
  const std::string peer_;
  std::unique_ptr<net::TlsStream> tls_;
  net::Timer timer_;
};

}  // namespace hitless::gateway
