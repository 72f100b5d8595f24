#include "cli/wait_line.h"

#include <fmt/format.h>

#include <algorithm>
#include <ostream>

namespace hitless::cli {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds k_patience(1000);  // shorter waits need no line
constexpr milliseconds k_step(100);
constexpr std::size_t k_width = 30;
constexpr std::size_t k_block = 6;

// The block goes from end to end and back.
std::string moving_bar(milliseconds waited) {
  constexpr std::size_t k_room = k_width - k_block;
  const std::size_t at = static_cast<std::size_t>(waited / k_step) % (2 * k_room);
  const std::size_t left = std::min(at, 2 * k_room - at);
  return fmt::format("[{}{}{}]", std::string(left, '.'), std::string(k_block, '#'),
                     std::string(k_room - left, '.'));
}

}  // namespace

WaitLine::WaitLine(const Session& session, std::string what)
    : io_(session.io), live_(session.io.terminal && !session.json), what_(std::move(what)) {}

WaitLine::~WaitLine() {
  clear();
}

void WaitLine::clear() {
  if (shown_) io_.out << "\r\x1b[K" << std::flush;
  shown_ = false;
}

void WaitLine::show() {
  show(std::chrono::duration_cast<milliseconds>(std::chrono::steady_clock::now() - began_));
}

void WaitLine::show(milliseconds waited) {
  if (!live_ || waited < k_patience) return;
  io_.out << fmt::format("\r\x1b[K{} {} {} s", what_, moving_bar(waited), waited.count() / 1000)
          << std::flush;
  shown_ = true;
}

}  // namespace hitless::cli
