#include "net/http_client.h"

#include <curl/curl.h>
#include <fmt/format.h>
#include <strings.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <future>
#include <iterator>
#include <map>
#include <thread>
#include <vector>

#include "base/check.h"
#include "base/thread_annotations.h"

namespace hitless::net {
namespace {

// Kept connections that nobody uses at the moment.
constexpr long k_connections_kept = 64;

// Of an answer's head; libcurl itself limits a line only.
constexpr std::size_t k_head_bytes_max = 256 * 1024;

// What libcurl reads at once: its default of 16 KiB makes large answers slow.
constexpr long k_read_bytes = 64 * 1024;

struct FreeEasy {
  void operator()(CURL* easy) const { ::curl_easy_cleanup(easy); }
};
struct FreeMulti {
  void operator()(CURLM* multi) const { ::curl_multi_cleanup(multi); }
};
struct FreeList {
  void operator()(curl_slist* list) const { ::curl_slist_free_all(list); }
};

// ---- one call under way

// Owned by the client's thread; libcurl holds pointers into it, so it never moves.
class Transfer {
 public:
  Transfer(HttpCall call, HttpClient::Done done) : call_(std::move(call)), done_(std::move(done)) {}
  Transfer(const Transfer&) = delete;
  Transfer& operator=(const Transfer&) = delete;

  Result<void> prepare();
  CURL* easy() const { return easy_.get(); }

  void finish(CURLcode outcome);
  void fail(Error error);

 private:
  template <class Value>
  void set(CURLoption option, Value value) {
    const CURLcode outcome = ::curl_easy_setopt(easy_.get(), option, value);
    if (outcome != CURLE_OK && refused_ == CURLE_OK) refused_ = outcome;
  }
  void set_target();
  void set_limits();
  void set_method_and_body();
  void set_headers();
  void add_header(const std::string& line);
  bool take_head_line(std::string_view line);
  bool take_body(std::string_view bytes);
  int connect_errno() const;
  Error error_of(CURLcode outcome) const;

  static std::size_t on_head(char* bytes, std::size_t size, std::size_t count, void* transfer);
  static std::size_t on_body(char* bytes, std::size_t size, std::size_t count, void* transfer);

  HttpCall call_;
  HttpClient::Done done_;
  HttpResponse response_;
  std::size_t head_bytes_ = 0;
  bool head_complete_ = false;  // libcurl takes a head that ends in the middle for a whole one
  bool too_large_ = false;
  CURLcode refused_ = CURLE_OK;  // the first option libcurl would not have
  char reason_[CURL_ERROR_SIZE] = {};
  std::unique_ptr<curl_slist, FreeList> headers_;
  std::unique_ptr<CURL, FreeEasy> easy_;
};

// Outside data must not be able to add fields, or a second request, to ours.
Result<void> check_request(const HttpRequest& request) {
  if (request.method.empty() || !is_sendable(request.method)) {
    return Error(Code::invalid, fmt::format("[{}] is no method", request.method));
  }
  if (!request.target.starts_with('/') || !is_sendable(request.target)) {
    return Error(Code::invalid, "the target must begin with / and hold no blanks");
  }
  for (const auto& [name, value] : request.headers) {
    if (name.empty() || !is_sendable(name) || name.find(':') != std::string::npos ||
        value.find_first_of(std::string_view("\r\n\0", 3)) != std::string::npos) {
      return Error(Code::invalid, fmt::format("header field [{}] is not fit to send", name));
    }
  }
  return {};
}

// libcurl reads 0 as "no limit".
long timeout_millis(Duration timeout) {
  return std::max(1L,
                  static_cast<long>(std::chrono::ceil<std::chrono::milliseconds>(timeout).count()));
}

Result<void> Transfer::prepare() {
  HL_TRY(check_request(call_.request));
  easy_.reset(::curl_easy_init());
  if (!easy_) return Error(Code::exhausted, "no memory");
  set(CURLOPT_PRIVATE, static_cast<void*>(this));
  set(CURLOPT_ERRORBUFFER, reason_);
  set(CURLOPT_NOSIGNAL, 1L);
  set(CURLOPT_BUFFERSIZE, k_read_bytes);
  set(CURLOPT_HEADERFUNCTION, &Transfer::on_head);
  set(CURLOPT_HEADERDATA, static_cast<void*>(this));
  set(CURLOPT_WRITEFUNCTION, &Transfer::on_body);
  set(CURLOPT_WRITEDATA, static_cast<void*>(this));
  set_target();
  set_limits();
  set_method_and_body();
  set_headers();
  if (refused_ != CURLE_OK) return Error(Code::internal, ::curl_easy_strerror(refused_));
  return {};
}

void Transfer::set_target() {
  const Address& to = call_.to;
  const std::string url =
      to.is_unix() ? "http://localhost/" : fmt::format("http://{}/", to_text(to));
  set(CURLOPT_URL, url.c_str());
  if (to.is_unix()) set(CURLOPT_UNIX_SOCKET_PATH, to.path.c_str());
  set(CURLOPT_REQUEST_TARGET, call_.request.target.c_str());
  set(CURLOPT_PROTOCOLS_STR, "http");
  set(CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
  set(CURLOPT_PROXY, "");  // also against http_proxy in the environment
  set(CURLOPT_NOPROXY, "*");
  set(CURLOPT_FOLLOWLOCATION, 0L);
}

void Transfer::set_limits() {
  set(CURLOPT_CONNECTTIMEOUT_MS, timeout_millis(call_.connect_timeout));
  set(CURLOPT_TIMEOUT_MS, timeout_millis(call_.total_timeout));
  if (call_.reuse_connection) return;
  set(CURLOPT_FRESH_CONNECT, 1L);
  set(CURLOPT_FORBID_REUSE, 1L);
}

void Transfer::set_method_and_body() {
  const std::string& method = call_.request.method;
  const bool announces_body =
      !call_.request.body.empty() || method == "POST" || method == "PUT" || method == "PATCH";
  if (method == "HEAD") {
    set(CURLOPT_NOBODY, 1L);
  } else if (announces_body) {
    set(CURLOPT_POST, 1L);
    set(CURLOPT_POSTFIELDS, call_.request.body.data());
    set(CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(call_.request.body.size()));
  }
  set(CURLOPT_CUSTOMREQUEST, method.c_str());
}

void Transfer::set_headers() {
  constexpr std::array<const char*, 3> k_unwanted = {"Accept", "Content-Type", "Expect"};
  for (const char* name : k_unwanted) {  // libcurl's own, unless the call has them
    if (!call_.request.headers.has(name)) add_header(std::string(name) + ":");
  }
  for (const auto& [name, value] : call_.request.headers) {
    if (::strcasecmp(name.c_str(), "Content-Length") == 0) continue;
    add_header(value.empty() ? name + ";" : name + ": " + value);
  }
  set(CURLOPT_HTTPHEADER, headers_.get());
}

void Transfer::add_header(const std::string& line) {
  curl_slist* longer = ::curl_slist_append(headers_.get(), line.c_str());
  if (longer == nullptr) {
    refused_ = CURLE_OUT_OF_MEMORY;
    return;
  }
  (void)headers_.release();
  headers_.reset(longer);
}

// ---- what comes back

std::size_t Transfer::on_head(char* bytes, std::size_t size, std::size_t count, void* transfer) {
  const std::string_view line(bytes, size * count);
  return static_cast<Transfer*>(transfer)->take_head_line(line) ? line.size() : 0;
}

std::size_t Transfer::on_body(char* bytes, std::size_t size, std::size_t count, void* transfer) {
  const std::string_view piece(bytes, size * count);
  return static_cast<Transfer*>(transfer)->take_body(piece) ? piece.size() : 0;
}

bool Transfer::take_head_line(std::string_view line) {
  head_bytes_ += line.size();
  too_large_ = head_bytes_ > k_head_bytes_max;
  if (too_large_) return false;
  if (line.starts_with("HTTP/")) {  // also after an interim answer such as 100
    response_.headers = HttpHeaders();
    head_complete_ = false;
    return true;
  }
  if (line == "\r\n" || line == "\n") {
    head_complete_ = true;
    return true;
  }
  const std::size_t colon = line.find(':');
  if (colon == std::string_view::npos) return true;
  std::string_view value = line.substr(colon + 1);
  value.remove_prefix(std::min(value.find_first_not_of(" \t"), value.size()));
  value.remove_suffix(value.size() - (value.find_last_not_of(" \t\r\n") + 1));
  response_.headers.add(std::string(line.substr(0, colon)), std::string(value));
  return true;
}

bool Transfer::take_body(std::string_view bytes) {
  too_large_ = bytes.size() > call_.body_bytes_max - response_.body.size();
  if (too_large_) return false;
  response_.body.append(bytes);
  return true;
}

void Transfer::finish(CURLcode outcome) {
  if (outcome != CURLE_OK) return fail(error_of(outcome));
  if (!head_complete_) return fail(Error(Code::unavailable, "the answer's head was cut"));
  long status = 0;
  ::curl_easy_getinfo(easy_.get(), CURLINFO_RESPONSE_CODE, &status);
  response_.status = static_cast<int>(status);
  done_(std::move(response_));
}

void Transfer::fail(Error error) {
  done_(std::move(error).context(fmt::format("calling {}: {} {}", to_text(call_.to),
                                             call_.request.method, call_.request.path())));
}

// libcurl's own words name a host and a port even where a Unix socket was meant.
int Transfer::connect_errno() const {
  long number = 0;
  ::curl_easy_getinfo(easy_.get(), CURLINFO_OS_ERRNO, &number);
  return number == 0 ? ECONNREFUSED : static_cast<int>(number);
}

Error Transfer::error_of(CURLcode outcome) const {
  if (too_large_) return Error(Code::exhausted, "the answer is too large");
  std::string text = reason_[0] != '\0' ? reason_ : ::curl_easy_strerror(outcome);
  switch (outcome) {
    case CURLE_OPERATION_TIMEDOUT: return Error(Code::timeout, std::move(text));
    case CURLE_COULDNT_CONNECT:
      return Error(Code::unavailable, system_error("cannot connect", {}, connect_errno()).text());
    case CURLE_SEND_ERROR:
    case CURLE_RECV_ERROR:
    case CURLE_GOT_NOTHING:
    case CURLE_PARTIAL_FILE: return Error(Code::unavailable, std::move(text));
    case CURLE_WEIRD_SERVER_REPLY:
    case CURLE_UNSUPPORTED_PROTOCOL:  // how libcurl calls an answer that is not HTTP/1
    case CURLE_HTTP2: return Error(Code::corrupt, std::move(text));
    case CURLE_OUT_OF_MEMORY: return Error(Code::exhausted, std::move(text));
    default: return Error(Code::internal, std::move(text));
  }
}

// ---- the client

bool initialise_curl() {
  static const bool done = ::curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK;
  return done;
}

class CurlHttpClient final : public HttpClient {
 public:
  CurlHttpClient();
  ~CurlHttpClient() override;

  void send(HttpCall call, Done done) override;

 private:
  // All on the client's thread.
  void run();
  bool take_calls();
  void begin(std::unique_ptr<Transfer> transfer);
  void finish_ended();
  void cancel_all();

  const std::unique_ptr<CURLM, FreeMulti> multi_;
  std::map<CURL*, std::unique_ptr<Transfer>> active_;  // client's thread

  Mutex mutex_;
  std::vector<std::unique_ptr<Transfer>> new_ HL_GUARDED_BY(mutex_);
  bool stopping_ HL_GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

CurlHttpClient::CurlHttpClient() : multi_((HL_CHECK(initialise_curl()), ::curl_multi_init())) {
  HL_CHECK(multi_ != nullptr);
  ::curl_multi_setopt(multi_.get(), CURLMOPT_MAXCONNECTS, k_connections_kept);
  thread_ = std::thread([this] { run(); });
}

CurlHttpClient::~CurlHttpClient() {
  {
    const MutexLock lock(mutex_);
    stopping_ = true;
  }
  ::curl_multi_wakeup(multi_.get());
  thread_.join();
}

void CurlHttpClient::send(HttpCall call, Done done) {
  auto transfer = std::make_unique<Transfer>(std::move(call), std::move(done));
  {
    const MutexLock lock(mutex_);
    new_.push_back(std::move(transfer));
  }
  ::curl_multi_wakeup(multi_.get());
}

void CurlHttpClient::run() {
  constexpr int k_poll_millis = 60'000;  // libcurl's own timers and wakeup come before
  int running = 0;
  while (take_calls()) {
    HL_CHECK(::curl_multi_perform(multi_.get(), &running) == CURLM_OK);
    finish_ended();
    HL_CHECK(::curl_multi_poll(multi_.get(), nullptr, 0, k_poll_millis, nullptr) == CURLM_OK);
  }
  cancel_all();
}

// False when the client is to end.
bool CurlHttpClient::take_calls() {
  std::vector<std::unique_ptr<Transfer>> calls;
  {
    const MutexLock lock(mutex_);
    if (stopping_) return false;
    calls.swap(new_);
  }
  for (auto& call : calls) begin(std::move(call));
  return true;
}

void CurlHttpClient::begin(std::unique_ptr<Transfer> transfer) {
  if (Result<void> prepared = transfer->prepare(); !prepared) {
    return transfer->fail(std::move(prepared).error());
  }
  CURL* const easy = transfer->easy();
  if (::curl_multi_add_handle(multi_.get(), easy) != CURLM_OK) {
    return transfer->fail(Error(Code::exhausted, "no memory"));
  }
  active_.emplace(easy, std::move(transfer));
}

void CurlHttpClient::finish_ended() {
  int left = 0;
  while (const CURLMsg* message = ::curl_multi_info_read(multi_.get(), &left)) {
    if (message->msg != CURLMSG_DONE) continue;
    CURL* const easy = message->easy_handle;
    const CURLcode outcome = message->data.result;  // message dies with the handle's removal
    ::curl_multi_remove_handle(multi_.get(), easy);
    auto ended = active_.extract(easy);
    HL_CHECK(!ended.empty());
    ended.mapped()->finish(outcome);
  }
}

void CurlHttpClient::cancel_all() {
  const Error cancelled(Code::cancelled, "the client ends");
  while (true) {
    std::vector<std::unique_ptr<Transfer>> ending;
    for (auto& [easy, transfer] : active_) {
      ::curl_multi_remove_handle(multi_.get(), easy);
      ending.push_back(std::move(transfer));
    }
    active_.clear();
    {
      const MutexLock lock(mutex_);
      std::move(new_.begin(), new_.end(), std::back_inserter(ending));
      new_.clear();
    }
    if (ending.empty()) return;
    for (const auto& transfer : ending) transfer->fail(cancelled);
  }
}

}  // namespace

std::unique_ptr<HttpClient> HttpClient::make() {
  return std::make_unique<CurlHttpClient>();
}

Result<HttpResponse> HttpClient::fetch(HttpCall call) {
  // Shared: the waiter may be gone before set_value has returned.
  const auto promise = std::make_shared<std::promise<Result<HttpResponse>>>();
  auto answer = promise->get_future();
  send(std::move(call),
       [promise](Result<HttpResponse> result) { promise->set_value(std::move(result)); });
  return answer.get();
}

}  // namespace hitless::net
