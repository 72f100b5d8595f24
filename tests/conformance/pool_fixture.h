// A driver, open on a world, with short words for what tests do all the time.  One thread.
#pragma once

#include <gtest/gtest.h>

#include <sstream>

#include "tests/conformance/pool_world.h"

namespace hitless::pools {

class PoolBench {
 public:
  explicit PoolBench(std::unique_ptr<PoolWorld> world) : world_(std::move(world)) { open(); }

  // Stops and forgets everything; the world must then be empty.
  ~PoolBench() {
    if (!pool_) open();
    if (!pool_) return;
    for (const Observed& seen : pool_->observe()) {
      EXPECT_TRUE(pool_->ensure_stopped(seen.id, Duration::zero()));
    }
    EXPECT_TRUE(wait_for([this] {
      bool over = true;
      for (const Observed& seen : pool_->observe()) over &= seen.state == ProcessState::exited;
      return over;
    }));
    for (const Observed& seen : pool_->observe()) EXPECT_TRUE(pool_->forget(seen.id));
    std::vector<std::string> left;
    EXPECT_TRUE(wait_for([this, &left] { return (left = world_->leftovers()).empty(); }))
        << "left behind: " << (left.empty() ? "" : left.front());
  }
  PoolBench(const PoolBench&) = delete;
  PoolBench& operator=(const PoolBench&) = delete;

  void open() {
    auto pool = world_->open([this] { changes_.notify(); });
    ASSERT_TRUE(pool) << pool.error().text();
    pool_ = std::move(*pool);
  }
  void close() { pool_.reset(); }

  PoolDriver& pool() { return *pool_; }
  PoolWorld& world() { return *world_; }

  void run(const InstanceSpec& spec) {
    const auto done = pool_->ensure_running(spec);
    ASSERT_TRUE(done) << done.error().text();
  }
  void run(const std::string& id, std::vector<std::string> flags) {
    run(world_->spec(id, std::move(flags)));
  }

  bool wait_for(const std::function<bool()>& holds) { return changes_.wait_for(holds); }

  std::optional<Observed> find(const std::string& id) {
    for (Observed& seen : pool_->observe()) {
      if (seen.id.text() == id) return std::move(seen);
    }
    return std::nullopt;
  }

  // What it looks like once it is in that state.
  Observed await(const std::string& id, ProcessState state) {
    std::optional<Observed> seen;
    EXPECT_TRUE(wait_for([&] { return (seen = find(id)) && seen->state == state; }))
        << id << " never came to the state awaited; detail: " << (seen ? seen->detail : "unknown");
    return seen.value_or(Observed{});
  }

  std::string log(const std::string& id) {
    return pool_->logs(model::InstanceId(id), 1 << 20).value_or("");
  }

  // The log, once that is in it.
  std::string await_log(const std::string& id, const std::string& text) {
    EXPECT_TRUE(wait_for([&] { return log(id).find(text) != std::string::npos; }))
        << "no \"" << text << "\" in: " << log(id);
    return log(id);
  }

  // The rest of the log's line that starts with `start`.
  std::string line(const std::string& id, const std::string& start) {
    std::istringstream lines(await_log(id, start));
    for (std::string text; std::getline(lines, text);) {
      if (text.starts_with(start)) return text.substr(start.size());
    }
    return {};
  }

 private:
  std::unique_ptr<PoolWorld> world_;
  Changes changes_;
  std::unique_ptr<PoolDriver> pool_;
};

// Runs and is no zombie.
bool is_alive(pid_t pid);

// What a listener at `address` says; empty when nobody answers.
std::string call(const Address& address);

}  // namespace hitless::pools
