// Metrics as Prometheus reads them (text format 0.0.4).  One thread at a time.
//
// A family is its name, what it means and its samples, all of them in one piece: begin the next one
// only when this one is complete.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <utility>

namespace hitless {

// Counters' names end in _total, units are in the name, and all are SI's own: seconds, bytes.
struct Metric {
  std::string_view name;
  std::string_view type;  // counter, gauge, histogram
  std::string_view help;
};

class MetricsText {
 public:
  using Labels = std::initializer_list<std::pair<std::string_view, std::string_view>>;

  static constexpr std::string_view k_content_type = "text/plain; version=0.0.4; charset=utf-8";

  void begin(const Metric& metric);
  void sample(Labels labels, std::uint64_t value);
  void sample(Labels labels, double value);
  // A metric of one sample.
  template <class Value>
  void add(const Metric& metric, Value value) {
    begin(metric);
    sample({}, value);
  }

  struct Bucket {
    double upper_edge = 0;
    std::uint64_t count = 0;  // of what is not above it
  };
  void histogram(Labels labels, std::span<const Bucket> buckets, std::uint64_t count, double sum);

  std::string take() { return std::move(text_); }

 private:
  void put_name(std::string_view suffix, Labels labels, std::string_view edge);

  std::string text_;
  std::string_view name_;
};

// Of this process, as of now: CPU time, memory, open descriptors, when it began.  By the names that
// everybody has for these.
void add_process_metrics(MetricsText& text);

}  // namespace hitless
