// One service of the pretend model, called all the time while it changes.  The load's own counts
// are what a scenario is judged by.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "tests/support/hitless_process.h"
#include "tests/support/load.h"
#include "tests/support/pretend_service.h"
#include "tests/support/subprocess.h"

namespace hitless::tests {

class UnderLoad : public ::testing::Test {
 protected:
  // 20,000; 300,000 with HITLESS_LONG=1.
  static std::uint64_t requests_wanted();
  // HITLESS_SEED, or a new one; printed, so that a run can be repeated.
  static std::uint64_t seed();

  void TearDown() override;

  // hitless, a service with these entries, running, and the load on it.
  void start(const std::vector<Entry>& entries, LoadOptions options = {});
  void start_hitless();

  std::string import(const std::string& version, const std::vector<std::string>& flags = {},
                     int initial_delay_seconds = 30);

  // Some load before and after each change, so that a report has what to compare.
  void go_on(std::uint64_t requests);

  // Changes the service and waits for the end; the phase it ended in.
  std::string change(const std::vector<Entry>& entries);

  // Until enough requests have ended; then none may have failed.
  void expect_no_failure();

  // What must hold when a change has ended: instances as many as wanted, each process accounted
  // for, and no failed request in the report of the rollout.
  void expect_settled(const std::string& rollout, std::size_t instances);
  // Every request that the load counted was counted by the gateway too.
  void expect_counted_alike();

  HitlessProcess& hitless() { return *hitless_; }
  PretendService& service() { return *service_; }
  Load& load() { return *load_; }
  const std::string& last_rollout() const { return last_rollout_; }

  std::unique_ptr<HitlessProcess> hitless_;
  std::unique_ptr<PretendService> service_;
  std::unique_ptr<Load> load_;
  std::string last_rollout_;
};

}  // namespace hitless::tests
