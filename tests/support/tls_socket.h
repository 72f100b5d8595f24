// A client's blocking TLS connection, by OpenSSL; each step with a deadline.
//
// Owner: a test or a thread of one.  No check of names: the tests' gateways have a certificate of
// their own making, which is the only one that is trusted.
#pragma once

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>

#include "base/address.h"
#include "base/check.h"
#include "base/file.h"
#include "net/socket.h"

namespace hitless::tests {

struct TlsTrust {
  std::filesystem::path certificate;
  std::string protocol;  // the one that is offered by ALPN
};

class TlsSocket {
 public:
  enum class State { open, refused, no_handshake, ended, reset, timed_out };

  TlsSocket(const Address& to, const TlsTrust& trust) {
    block_sigpipe();
    if (!connect(to)) return;
    state_ = shake_hands(trust) ? State::open : State::no_handshake;
  }
  ~TlsSocket() { close(); }
  TlsSocket(const TlsSocket&) = delete;
  TlsSocket& operator=(const TlsSocket&) = delete;

  State state() const { return state_; }
  bool is_open() const { return state_ == State::open; }

  // False: see state().
  bool send(std::string_view bytes) {
    while (is_open() && !bytes.empty()) {
      std::size_t sent = 0;
      const int done = SSL_write_ex(ssl_.get(), bytes.data(), bytes.size(), &sent);
      if (done != 1) return fail(done);
      bytes.remove_prefix(sent);
    }
    return is_open();
  }
  // Appends what comes next.
  bool read(std::string& into) {
    if (!is_open()) return false;
    char bytes[16 * 1024];
    std::size_t got = 0;
    const int done = SSL_read_ex(ssl_.get(), bytes, sizeof bytes, &got);
    if (done != 1) return fail(done);
    into.append(bytes, got);
    return true;
  }
  void close() {
    if (ssl_ != nullptr && is_open()) SSL_shutdown(ssl_.get());
    ssl_.reset();
    fd_.reset();
  }

 private:
  static constexpr int k_patience_seconds = 30;

  // OpenSSL writes without MSG_NOSIGNAL; of this thread alone.
  static void block_sigpipe() {
    sigset_t pipe;
    sigemptyset(&pipe);
    sigaddset(&pipe, SIGPIPE);
    HL_CHECK(pthread_sigmask(SIG_BLOCK, &pipe, nullptr) == 0);
  }

  bool connect(const Address& to) {
    const auto name = net::to_socket_address(to);
    HL_CHECK(name);
    fd_.reset(::socket(name->any.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0));
    HL_CHECK(fd_);
    const timeval patience{.tv_sec = k_patience_seconds, .tv_usec = 0};
    ::setsockopt(fd_.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    ::setsockopt(fd_.get(), SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    return ::connect(fd_.get(), &name->any, name->size) == 0;
  }

  bool shake_hands(const TlsTrust& trust) {
    const std::unique_ptr<SSL_CTX, Free> context(SSL_CTX_new(TLS_client_method()));
    HL_CHECK(context != nullptr);
    HL_CHECK(SSL_CTX_load_verify_file(context.get(), trust.certificate.c_str()) == 1);
    SSL_CTX_set_verify(context.get(), SSL_VERIFY_PEER, nullptr);
    ssl_.reset(SSL_new(context.get()));
    std::string offered(1, static_cast<char>(trust.protocol.size()));
    offered += trust.protocol;
    SSL_set_alpn_protos(ssl_.get(), reinterpret_cast<const unsigned char*>(offered.data()),
                        static_cast<unsigned>(offered.size()));
    SSL_set_fd(ssl_.get(), fd_.get());
    if (SSL_connect(ssl_.get()) != 1) return false;
    const unsigned char* chosen = nullptr;
    unsigned size = 0;
    SSL_get0_alpn_selected(ssl_.get(), &chosen, &size);
    return std::string_view(reinterpret_cast<const char*>(chosen), size) == trust.protocol;
  }

  // An end without TLS's goodbye is a reset: what came before it may not be all.
  bool fail(int done) {
    const int error = errno;
    switch (SSL_get_error(ssl_.get(), done)) {
      case SSL_ERROR_ZERO_RETURN: state_ = State::ended; break;
      case SSL_ERROR_WANT_READ:
      case SSL_ERROR_WANT_WRITE: state_ = State::timed_out; break;
      default: state_ = error == EAGAIN ? State::timed_out : State::reset; break;
    }
    ERR_clear_error();
    return false;
  }

  struct Free {
    void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }
    void operator()(SSL* ssl) const { SSL_free(ssl); }
  };

  UniqueFd fd_;
  std::unique_ptr<SSL, Free> ssl_;
  State state_ = State::refused;
};

}  // namespace hitless::tests
