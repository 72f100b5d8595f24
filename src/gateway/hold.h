// The requests of one service that wait at one worker for an endpoint to become ready, in order.
//
// Bounded in number and bytes by the service's Admission, over all workers; the time limit is the
// client connection's deadline.  Thread: the worker's.  Borrows the exchanges: each leaves by
// itself.
#pragma once

#include <cstddef>
#include <deque>

namespace hitless::gateway {

class Exchange;

class Hold {
 public:
  std::size_t size() const { return waiting_.size(); }

  void add(Exchange& exchange);
  void remove(Exchange& exchange);
  // What is in it now; none may leave meanwhile.
  template <class Visit>
  void each(Visit visit) const {
    for (Exchange* exchange : waiting_) visit(*exchange);
  }
  Exchange* first() const { return waiting_.empty() ? nullptr : waiting_.front(); }

 private:
  std::deque<Exchange*> waiting_;
};

}  // namespace hitless::gateway
