#include "net/request_parser.h"

#include <boost/asio/buffer.hpp>
#include <boost/beast/core/buffers_range.hpp>
#include <boost/beast/http/error.hpp>
#include <boost/beast/http/parser.hpp>

#include <algorithm>
#include <string>

#include "base/check.h"

namespace hitless::net {
namespace {

namespace beast = boost::beast;
namespace http = boost::beast::http;

// An announced length is believed up to here; longer bodies grow as they come.
constexpr std::uint64_t k_reserve_max = 1024 * 1024;

// A body that is a string and is appended to: Beast's own fills with zeros first.
struct AppendBody {
  using value_type = std::string;

  class reader {
   public:
    template <bool is_request, class Fields>
    reader(http::header<is_request, Fields>& /*head*/, value_type& body) : body_(body) {}

    void init(const boost::optional<std::uint64_t>& length, beast::error_code& failure) {
      if (length) body_.reserve(static_cast<std::size_t>(std::min(*length, k_reserve_max)));
      failure = {};
    }

    template <class Buffers>
    std::size_t put(const Buffers& buffers, beast::error_code& failure) {
      std::size_t taken = 0;
      for (const auto buffer : beast::buffers_range_ref(buffers)) {
        body_.append(static_cast<const char*>(buffer.data()), buffer.size());
        taken += buffer.size();
      }
      failure = {};
      return taken;
    }

    void finish(beast::error_code& failure) { failure = {}; }

   private:
    value_type& body_;
  };
};

using Parser = http::request_parser<AppendBody>;

RequestRefusal refusal_of(const beast::error_code& failure) {
  if (failure == http::error::header_limit) return {431, "the request's head is too large"};
  if (failure == http::error::body_limit) return {413, "the request's body is too large"};
  return {400, "the request is malformed"};
}

}  // namespace

struct RequestParser::State {
  std::optional<Parser> parser;
  bool head_checked = false;
  bool expects_continue = false;
};

RequestParser::RequestParser(std::size_t head_bytes_max, std::size_t body_bytes_max)
    : head_bytes_max_(head_bytes_max),
      body_bytes_max_(body_bytes_max),
      state_(std::make_unique<State>()) {
  restart();
}

RequestParser::~RequestParser() = default;

void RequestParser::restart() {
  Parser& parser = state_->parser.emplace();
  parser.eager(true);
  parser.header_limit(static_cast<std::uint32_t>(head_bytes_max_));
  parser.body_limit(body_bytes_max_);
  state_->head_checked = false;
  state_->expects_continue = false;
}

std::size_t RequestParser::put(std::string_view bytes) {
  HL_DCHECK(!complete() && !refusal_);
  beast::error_code failure;
  const std::size_t taken =
      state_->parser->put(boost::asio::const_buffer(bytes.data(), bytes.size()), failure);
  if (failure && failure != http::error::need_more) {
    refusal_ = refusal_of(failure);
    return taken;
  }
  if (state_->parser->is_header_done() && !state_->head_checked) check_head();
  return taken;
}

void RequestParser::check_head() {
  state_->head_checked = true;
  const auto& head = state_->parser->get();
  if (!head.target().starts_with('/') && head.target() != "*") {
    return refuse(400, "the request's target must be a path");
  }
  if (head.version() == 11 && head.find(http::field::host) == head.end()) {
    return refuse(400, "the request has no Host");
  }
  const auto expect = head.find(http::field::expect);
  state_->expects_continue =
      expect != head.end() && beast::iequals(expect->value(), "100-continue");
}

bool RequestParser::complete() const {
  return !refusal_ && state_->parser->is_done();
}

bool RequestParser::in_body() const {
  return state_->parser->is_header_done() && !state_->parser->is_done();
}

bool RequestParser::take_continue_expectation() {
  return std::exchange(state_->expects_continue, false);
}

ParsedRequest RequestParser::take() {
  HL_CHECK(complete());
  ParsedRequest parsed;
  parsed.keep_alive = state_->parser->keep_alive();
  auto message = state_->parser->release();
  parsed.http_1_0 = message.version() == 10;
  parsed.request.method = message.method_string();
  parsed.request.target = message.target();
  for (const auto& field : message.base()) {
    parsed.request.headers.add(field.name_string(), field.value());
  }
  parsed.request.body = std::move(message.body());
  restart();
  return parsed;
}

}  // namespace hitless::net
