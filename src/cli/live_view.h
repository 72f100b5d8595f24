// What is shown of a rollout while it goes on: on a terminal a view that stays in its place, within
// the terminal's width and height; elsewhere a line for whatever is new.
//
// Owner: the command that watches; one thread.
#pragma once

#include <cstdint>
#include <string>

#include "base/json.h"
#include "cli/io.h"

namespace hitless::cli {

class LiveView {
 public:
  explicit LiveView(const Io& io) : io_(io) {}

  // `rollout` as the API tells it, live or whole; `note`, if there is one, stands for its sentence.
  // As often as one likes: what is there already is not printed again.
  void show(const json::object& rollout, const std::string& note = {});

  // It is over: tells what was not told yet of `rollout`, and takes the live view away, so that
  // what follows stands in its place.
  void finish(const json::object& rollout);

 private:
  void clear();
  void print_lines(const json::object& rollout, const std::string& line);
  void draw(const std::string& text);

  const Io& io_;
  std::string last_;
  std::size_t phases_shown_ = 0;
};

// Instances as a table.
std::string instances_text(const Io& io, const json::array& instances);

}  // namespace hitless::cli
