#include "net/tls.h"

#include <fmt/format.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>

#include "base/check.h"

namespace hitless::net {
namespace {

// Forward secrecy and authenticated encryption only, which is also what RFC 9113 section 9.2.2
// leaves of TLS 1.2; TLS 1.3 has no others.
constexpr const char* k_tls12_ciphers = "ECDHE+AESGCM:ECDHE+CHACHA20";
// What goes into one record: less than its most, so that a head and a small body are one.
constexpr std::size_t k_joined_bytes_max = 16 * 1024;

constexpr std::string_view k_http2 = "h2";

std::string last_failure() {
  const unsigned long code = ERR_get_error();
  ERR_clear_error();
  if (code == 0) return "no reason was given";
  const char* const reason = ERR_reason_error_string(code);
  return reason == nullptr ? fmt::format("error {}", code) : reason;
}

char small(char byte) {
  return byte >= 'A' && byte <= 'Z' ? static_cast<char>(byte | 0x20) : byte;
}

std::string small_text(std::string_view text) {
  std::string made(text);
  std::transform(made.begin(), made.end(), made.begin(), small);
  return made;
}

// The alternative names; the common name of a certificate that has none.
std::vector<std::string> names_of(X509* certificate) {
  std::vector<std::string> names;
  auto* const all = static_cast<GENERAL_NAMES*>(
      X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr));
  for (int i = 0; i < sk_GENERAL_NAME_num(all); ++i) {
    const GENERAL_NAME* const each = sk_GENERAL_NAME_value(all, i);
    if (each->type != GEN_DNS) continue;
    const auto* const bytes = ASN1_STRING_get0_data(each->d.dNSName);
    const auto size = static_cast<std::size_t>(ASN1_STRING_length(each->d.dNSName));
    names.push_back(small_text({reinterpret_cast<const char*>(bytes), size}));
  }
  GENERAL_NAMES_free(all);
  if (!names.empty()) return names;
  char common[256];
  const int size = X509_NAME_get_text_by_NID(X509_get_subject_name(certificate), NID_commonName,
                                             common, sizeof common);
  if (size > 0) names.push_back(small_text({common, static_cast<std::size_t>(size)}));
  return names;
}

bool has_name(const std::vector<std::string>& names, std::string_view name) {
  const std::size_t dot = name.find('.');
  const std::string_view parent =
      dot == std::string_view::npos ? std::string_view() : name.substr(dot);
  return std::any_of(names.begin(), names.end(), [&](std::string_view each) {
    return each == name || (!parent.empty() && each.starts_with("*.") && each.substr(1) == parent);
  });
}

int choose_certificate(SSL* ssl, int*, void* identity) {
  const char* const name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
  if (name == nullptr) return SSL_TLSEXT_ERR_OK;
  SSL_set_SSL_CTX(ssl, static_cast<const TlsIdentity*>(identity)->find(name));
  return SSL_TLSEXT_ERR_OK;
}

// Ours to choose; whoever asks for neither gets no connection (RFC 7301 section 3.2).
int choose_protocol(SSL*, const unsigned char** chosen, unsigned char* size,
                    const unsigned char* offered, unsigned int offered_size, void*) {
  static constexpr unsigned char k_ours[] = "\x02h2\x08http/1.1";
  unsigned char* found = nullptr;
  if (SSL_select_next_proto(&found, size, k_ours, sizeof k_ours - 1, offered, offered_size) !=
      OPENSSL_NPN_NEGOTIATED) {
    return SSL_TLSEXT_ERR_ALERT_FATAL;
  }
  *chosen = found;
  return SSL_TLSEXT_ERR_OK;
}

// OpenSSL's own way to a socket is write(2), which raises SIGPIPE when the peer has gone.
int send_quietly(BIO* bio, const char* bytes, int size) {
  BIO_clear_retry_flags(bio);
  const int fd = static_cast<int>(BIO_get_fd(bio, nullptr));
  const ssize_t taken = ::send(fd, bytes, static_cast<std::size_t>(size), MSG_NOSIGNAL);
  if (taken < 0 && BIO_sock_should_retry(-1) != 0) BIO_set_retry_write(bio);
  return static_cast<int>(taken);
}

const BIO_METHOD* socket_method() {
  static const BIO_METHOD* const method = [] {
    const BIO_METHOD* const theirs = BIO_s_socket();
    BIO_METHOD* const made = BIO_meth_new(BIO_TYPE_SOCKET, "socket");
    HL_CHECK(made != nullptr);
    BIO_meth_set_write(made, send_quietly);
    BIO_meth_set_read(made, BIO_meth_get_read(theirs));
    BIO_meth_set_ctrl(made, BIO_meth_get_ctrl(theirs));
    BIO_meth_set_create(made, BIO_meth_get_create(theirs));
    BIO_meth_set_destroy(made, BIO_meth_get_destroy(theirs));
    return made;
  }();
  return method;
}

void set_up(SSL_CTX* context) {
  SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
  SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
                                   SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_PRIORITIZE_CHACHA);
  SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                                SSL_MODE_RELEASE_BUFFERS);
  SSL_CTX_set_read_ahead(context, 1);
  // Sessions are resumed by tickets, which cost us no memory.
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_alpn_select_cb(context, choose_protocol, nullptr);
}

Result<void> load_files(SSL_CTX* context, const TlsFiles& files) {
  const auto failed = [](const char* what, const std::filesystem::path& file) {
    return Error(Code::invalid, fmt::format("{} {}: {}", what, file.string(), last_failure()));
  };
  ERR_clear_error();
  if (SSL_CTX_set_cipher_list(context, k_tls12_ciphers) != 1) {
    return failed("ciphers for", files.certificate);
  }
  if (SSL_CTX_use_certificate_chain_file(context, files.certificate.c_str()) != 1) {
    return failed("certificate", files.certificate);
  }
  if (SSL_CTX_use_PrivateKey_file(context, files.key.c_str(), SSL_FILETYPE_PEM) != 1) {
    return failed("key", files.key);
  }
  if (SSL_CTX_check_private_key(context) != 1) {
    return failed("key does not belong to its certificate:", files.key);
  }
  return {};
}

}  // namespace

void TlsIdentity::Free::operator()(SSL_CTX* context) const {
  SSL_CTX_free(context);
}

TlsIdentity::~TlsIdentity() = default;

Result<std::shared_ptr<const TlsIdentity>> TlsIdentity::load(const std::vector<TlsFiles>& files) {
  if (files.empty()) return Error(Code::invalid, "no certificate is given");
  std::shared_ptr<TlsIdentity> made(new TlsIdentity());
  for (const TlsFiles& each : files) {
    Entry entry;
    entry.context.reset(SSL_CTX_new(TLS_server_method()));
    SSL_CTX* const context = entry.context.get();
    if (context == nullptr) return Error(Code::exhausted, last_failure());
    set_up(context);
    HL_TRY(load_files(context, each));
    SSL_CTX_set_tlsext_servername_callback(context, choose_certificate);
    SSL_CTX_set_tlsext_servername_arg(context, made.get());
    entry.names = names_of(SSL_CTX_get0_certificate(context));
    made->entries_.push_back(std::move(entry));
  }
  return std::shared_ptr<const TlsIdentity>(std::move(made));
}

SSL_CTX* TlsIdentity::find(std::string_view name) const {
  const std::string wanted = small_text(name);
  for (const Entry& entry : entries_) {
    if (has_name(entry.names, wanted)) return entry.context.get();
  }
  return entries_.front().context.get();
}

void TlsStream::Free::operator()(SSL* ssl) const {
  SSL_free(ssl);
}

TlsStream::TlsStream(std::shared_ptr<const TlsIdentity> identity, int fd)
    : identity_(std::move(identity)), ssl_(SSL_new(identity_->find(""))) {
  HL_CHECK(ssl_ != nullptr);
  BIO* const bio = BIO_new(socket_method());
  HL_CHECK(bio != nullptr);
  BIO_set_fd(bio, fd, BIO_NOCLOSE);
  SSL_set_bio(ssl_.get(), bio, bio);
  SSL_set_accept_state(ssl_.get());
}

TlsStream::~TlsStream() = default;

TlsStream::Step TlsStream::shake_hands() {
  ERR_clear_error();
  const int result = SSL_do_handshake(ssl_.get());
  if (result == 1) return Step::done;
  const int error = SSL_get_error(ssl_.get(), result);
  if (error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE) return Step::again;
  why_failed_ = error == SSL_ERROR_SSL ? last_failure() : "the client left";
  return Step::failed;
}

bool TlsStream::speaks_http2() const {
  const unsigned char* name = nullptr;
  unsigned int size = 0;
  SSL_get0_alpn_selected(ssl_.get(), &name, &size);
  return size == k_http2.size() && std::equal(k_http2.begin(), k_http2.end(), name);
}

// Records are small beside our receive buffer: as many as there are go into it.
ssize_t TlsStream::receive(std::span<char> into, bool& drained) {
  drained = false;
  std::size_t size = 0;
  while (size < into.size()) {
    ERR_clear_error();
    errno = 0;
    std::size_t got = 0;
    const int result = SSL_read_ex(ssl_.get(), into.data() + size, into.size() - size, &got);
    size += got;
    if (result == 1) continue;
    const int error = SSL_get_error(ssl_.get(), result);
    if (error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE) {
      drained = true;
      if (size > 0) break;
      errno = EAGAIN;
      return -1;
    }
    // What came before the end is handed over first; the end is met again by the next call.
    if (size > 0) break;
    if (error == SSL_ERROR_ZERO_RETURN) return 0;
    // Without a goodbye the end may be an attacker's: it is never taken for an orderly one.
    if (error != SSL_ERROR_SYSCALL || errno == 0) errno = ECONNRESET;
    return -1;
  }
  return static_cast<ssize_t>(size);
}

ssize_t TlsStream::send(std::string_view first, std::string_view second) {
  if (second.empty()) return write(first);
  if (first.size() + second.size() <= k_joined_bytes_max) {
    std::string joined;
    joined.reserve(first.size() + second.size());
    return write(joined.append(first).append(second));
  }
  const ssize_t taken = write(first);
  if (taken < static_cast<ssize_t>(first.size())) return taken;
  const ssize_t more = write(second);
  return more < 0 ? taken : taken + more;
}

ssize_t TlsStream::write(std::string_view bytes) {
  std::size_t size = 0;
  while (size < bytes.size()) {
    ERR_clear_error();
    errno = 0;
    std::size_t taken = 0;
    const int result = SSL_write_ex(ssl_.get(), bytes.data() + size, bytes.size() - size, &taken);
    size += taken;
    if (result == 1) continue;
    const int error = SSL_get_error(ssl_.get(), result);
    if (size > 0) break;
    const bool again = error == SSL_ERROR_WANT_WRITE || error == SSL_ERROR_WANT_READ;
    if (again || error != SSL_ERROR_SYSCALL || errno == 0) errno = again ? EAGAIN : EPIPE;
    return -1;
  }
  return static_cast<ssize_t>(size);
}

void TlsStream::say_goodbye() {
  ERR_clear_error();
  SSL_shutdown(ssl_.get());
}

}  // namespace hitless::net
