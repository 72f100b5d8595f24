// The instance behind the proxy: takes requests and answers each with the same text, or with
// events on a beat.
//
// Owner: a Load; its thread.
#pragma once

#include <memory>
#include <vector>

#include "bench/gateway/load.h"

namespace hitless::bench {

class UpstreamConnection;

class LoadUpstream final : public Pollable {
 public:
  LoadUpstream(Load& load, const std::filesystem::path& folder);
  ~LoadUpstream() override;

  const Address& address() const { return address_; }
  void on_ready(std::uint32_t events) override;  // clients to accept
  void beat(Clock::time_point now);              // sends the events that are due

  // For the connections.
  void remove(UpstreamConnection& connection);
  void begin_stream(UpstreamConnection& connection) { streams_.push_back(&connection); }

 private:
  void send_events(std::size_t from, std::size_t to);

  Load& load_;
  Address address_;
  UniqueFd listener_;
  std::vector<std::unique_ptr<UpstreamConnection>> connections_;
  std::vector<UpstreamConnection*> streams_;
  Clock::time_point due_{};
  std::size_t next_stream_ = 0;
};

}  // namespace hitless::bench
