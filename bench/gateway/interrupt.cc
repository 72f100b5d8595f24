#include "bench/gateway/interrupt.h"

#include <fmt/format.h>
#include <signal.h>

#include <cerrno>
#include <cstdio>

namespace hitless::bench {
namespace {

volatile sig_atomic_t is_interrupted = 0;
volatile sig_atomic_t is_given_up = 0;

}  // namespace

void catch_interrupts() {
  struct sigaction action {};
  action.sa_handler = [](int) { is_interrupted = 1; };
  ::sigaction(SIGINT, &action, nullptr);
  ::sigaction(SIGTERM, &action, nullptr);
}

void give_up(std::string_view why) {
  if (is_ending()) return;
  fmt::print(stderr, "{}: {}\n", program_invocation_short_name, why);
  is_given_up = 1;
}

bool is_ending() {
  return is_interrupted != 0 || is_given_up != 0;
}

bool has_given_up() {
  return is_given_up != 0;
}

}  // namespace hitless::bench
