// Faults under SQLite, for this room's tests: through SQLite's own hooks, so that the code under
// test is the one that ships.  One test at a time; the hooks are the process's.
#pragma once

#include <functional>
#include <string>
#include <vector>

namespace hitless::store {

// While it lives, each statement that any connection opened meanwhile begins is told to `seen`, as
// text with its values.
class StatementWatch {
 public:
  explicit StatementWatch(std::function<void(const std::string& sql)> seen);
  ~StatementWatch();
  StatementWatch(const StatementWatch&) = delete;
  StatementWatch& operator=(const StatementWatch&) = delete;
};

// While it lives, each write to any database file asks `before` first.  `fail`: no space is left.
// `tear`: half of it is written, and the process ends with k_torn as its status.
class WriteWatch {
 public:
  enum class Answer { pass, fail, tear };
  static constexpr int k_torn = 9;

  explicit WriteWatch(std::function<Answer()> before);
  ~WriteWatch();
  WriteWatch(const WriteWatch&) = delete;
  WriteWatch& operator=(const WriteWatch&) = delete;
};

// Runs `work` in a child process and returns its exit status; 0 when `work` came to its end.
int status_of_child(const std::function<void()>& work);

}  // namespace hitless::store
