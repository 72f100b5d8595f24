#include "bench/gateway/scenarios.h"

namespace hitless::bench {
namespace {

constexpr std::size_t k_kib = 1024;
constexpr std::size_t k_mib = 1024 * k_kib;

std::vector<Scenario> make() {
  return {
      {.name = "json",
       .what = "200-byte JSON answers, keep-alive, 64 clients",
       .clients = 64,
       .bar = 0.80},
      {.name = "json-unix",
       .what = "the same, the instance on a Unix socket",
       .shape = {.is_unix = true},
       .clients = 64,
       .bar = 0.75},
      {.name = "16k",
       .what = "16 KiB answers, 32 clients",
       .tuning = Tuning::large,
       .shape = {.answer_bytes = 16 * k_kib},
       .clients = 32,
       .bar = 0.85},
      {.name = "1m",
       .what = "1 MiB answers, 8 clients",
       .tuning = Tuning::large,
       .shape = {.answer_bytes = k_mib},
       .clients = 8,
       .bar = 0.92},
      {.name = "upload",
       .what = "8 MiB uploads, 4 clients",
       .tuning = Tuning::large,
       .shape = {.request_bytes = 8 * k_mib},
       .clients = 4,
       .bar = 0.92},
      {.name = "sse",
       .what = "SSE, 40-byte events each 5 ms, 100 streams, per event",
       .tuning = Tuning::stream,
       .shape = {.is_stream = true},
       .clients = 100,
       .bar = 0.85},
      {.name = "fresh",
       .what = "a connection per request, 32 clients",
       .shape = {.is_fresh = true},
       .clients = 32,
       .bar = 0.95},
  };
}

}  // namespace

const std::vector<Scenario>& scenarios() {
  static const std::vector<Scenario> all = make();
  return all;
}

}  // namespace hitless::bench
