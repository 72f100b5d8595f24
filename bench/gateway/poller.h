// epoll for the load: descriptors registered once, edge-triggered.
//
// Owner: a Load.  One thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <vector>

#include "base/file.h"

namespace hitless::bench {

class Pollable {
 public:
  virtual ~Pollable() = default;
  // EPOLL… bits.  May come once more after its descriptor was closed.
  virtual void on_ready(std::uint32_t events) = 0;
};

// The other side sends no more: there is an end to be read, which is told of no second time.
bool is_end(std::uint32_t events);

class Poller {
 public:
  Poller();

  void watch(int fd, Pollable& pollable);
  // Deletes it at the end of the turn.
  void bury(std::unique_ptr<Pollable> pollable) { graves_.push_back(std::move(pollable)); }
  // Tells of what is ready, waiting so long for something.
  void turn(std::chrono::milliseconds patience = {});

 private:
  UniqueFd epoll_;
  std::vector<std::unique_ptr<Pollable>> graves_;
};

}  // namespace hitless::bench
