// The server's end of TLS (1.2 and 1.3), by OpenSSL.
//
// TlsIdentity is what we show: certificates with their keys, chosen by the name that the client
// asks for.  Immutable; shared by all threads and by every stream that began with it, so that
// another one can take its place while connections go on with the one they began with.
#pragma once

#include <sys/types.h>

#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

struct ssl_ctx_st;
struct ssl_st;

namespace hitless::net {

struct TlsFiles {
  std::filesystem::path certificate;  // PEM: the certificate, then those that vouch for it
  std::filesystem::path key;          // PEM
};

class TlsIdentity {
 public:
  // The first serves whoever asks for a name that no certificate has, or for none.
  static Result<std::shared_ptr<const TlsIdentity>> load(const std::vector<TlsFiles>& files);
  ~TlsIdentity();
  TlsIdentity(const TlsIdentity&) = delete;
  TlsIdentity& operator=(const TlsIdentity&) = delete;

  // The context to answer `name` with; never null.
  ssl_ctx_st* find(std::string_view name) const;

 private:
  struct Free {
    void operator()(ssl_ctx_st* context) const;
  };
  struct Entry {
    std::unique_ptr<ssl_ctx_st, Free> context;
    std::vector<std::string> names;  // in small letters; "*.example.org" for one label
  };
  TlsIdentity() = default;

  std::vector<Entry> entries_;
};

// One connection's TLS on a non-blocking descriptor that somebody else owns.
class TlsStream {
 public:
  TlsStream(std::shared_ptr<const TlsIdentity> identity, int fd);
  ~TlsStream();

  enum class Step { done, again, failed };
  // Again when the descriptor has news.  After failed: why_failed().
  Step shake_hands();
  std::string why_failed() const { return why_failed_; }
  // After the handshake.
  bool speaks_http2() const;

  ssize_t receive(std::span<char> into, bool& drained);  // errno as recv(2) sets it
  ssize_t send(std::string_view first, std::string_view second);
  void say_goodbye();

 private:
  struct Free {
    void operator()(ssl_st* ssl) const;
  };
  ssize_t write(std::string_view bytes);

  const std::shared_ptr<const TlsIdentity> identity_;
  const std::unique_ptr<ssl_st, Free> ssl_;
  std::string why_failed_;
};

}  // namespace hitless::net
