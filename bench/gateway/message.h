// As much of HTTP/1.1 as the load needs of requests and answers.  Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace hitless::bench {

struct Head {
  std::size_t bytes = 0;  // with its empty line
  int status = 0;         // 0: of a request
  std::optional<std::uint64_t> length;
  bool is_chunked = false;
};

// nullopt: it is not whole yet.
std::optional<Head> read_head(std::string_view bytes);

// Takes the framing off a chunked body, however it comes in.
class ChunkReader {
 public:
  // Appends what is payload.  False: this is no chunked body.
  bool feed(std::string_view bytes, std::string& payload);
  bool has_ended() const { return state_ == State::ended; }

 private:
  enum class State { size, size_end, payload, payload_cr, payload_lf, trailer, ended };
  bool feed_byte(char byte);

  State state_ = State::size;
  std::uint64_t left_ = 0;
  std::size_t digits_ = 0;
  std::size_t trailer_bytes_ = 0;  // of the trailer line that is being read
};

// A server-sent event of k_event_bytes that carries the time at which it was sent.
inline constexpr std::size_t k_event_bytes = 40;
std::string event_of(std::uint64_t nanos);
std::optional<std::uint64_t> nanos_of(std::string_view event);  // nullopt: it is no such event

}  // namespace hitless::bench
