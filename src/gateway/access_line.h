// One request as one line of the access record: a JSON object and a line feed.
//
// Written by the worker itself, in place, by a form that is fixed: that costs less than to keep the
// facts and write them down elsewhere.  What comes from outside is escaped so that the line is JSON
// whatever it holds; a byte above 0x7f, which no valid target has, is taken for Latin-1.
//
// docs/operating/access_record.md says what the members mean.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "model/ids.h"
#include "net/event_loop.h"

namespace hitless::gateway {

struct AccessFacts {
  net::Instant ended{};
  std::string_view scope;  // access_scope()
  std::string_view instance;
  std::string_view method;  // a token: needs no escape
  std::string_view target;  // of which the line has the path: a query is nobody's business
  std::string_view client;
  std::string_view request_id;  // needs no escape: see is_request_id()
  std::string_view trace_id;    // hexadecimal; empty: none
  std::string_view error;       // a constant of ours; empty: none
  int status = 0;
  std::uint64_t bytes_in = 0;
  std::uint64_t bytes_out = 0;
  std::uint64_t duration_us = 0;
  std::uint64_t first_byte_us = 0;  // 0 with has_first_byte false: nothing was answered
  std::uint64_t held_us = 0;
  std::uint32_t retries = 0;
  bool has_first_byte = false;
  bool is_streamed = false;
};

// What is the same in all lines of one group of one revision.
std::string access_scope(const model::ServiceId& service, model::RevisionNumber revision);

// The wall clock for instants of the monotonic one that do not go back, read once a second.
class AccessClock {
 public:
  static constexpr std::size_t k_size = 27;  // "2026-11-23T05:27:24.000000Z"
  void write(net::Instant instant, char* to);

 private:
  void start_second(net::Instant instant);

  net::Instant second_{};  // where it began
  net::Instant until_{};   // the first use starts a second
  char text_[20];          // "2026-11-23T05:27:24."
};

// An upper bound of the line's length.
std::size_t access_line_bytes_max(const AccessFacts& facts);
// Returns where the line ends.
char* write_access_line(char* to, const AccessFacts& facts, AccessClock& clock);
// So many lines are missing here.
std::string dropped_line(std::uint64_t lines);

}  // namespace hitless::gateway
