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

// A judgement by errors and cut answers alone.  An instance that starts takes a core of a small
// machine from the one it starts beside, and for a while whoever is not warm answers later: a test
// that is about something else must not end by that.
json::object judged_by_errors();

// A canary with these steps (percent, seconds of bake).
json::object canary(const std::vector<std::pair<int, double>>& steps,
                    json::object judgement = judged_by_errors());

// A bake that no test outlives: it ends by a verdict or an order, never by time.
inline constexpr double k_long_bake = 3600;

class UnderLoad : public ::testing::Test {
 protected:
  // 20,000; 300,000 with HITLESS_LONG=1.
  static std::uint64_t requests_wanted();
  // HITLESS_SEED, or a new one; printed, so that a run can be repeated.
  static std::uint64_t seed();

  void TearDown() override;

  // hitless, a service with these entries, running, and the load on it.
  void start(const std::vector<Entry>& entries, LoadOptions options = {},
             const json::object& policy = {});
  void start_hitless(std::vector<std::string> serve_flags = {});

  std::string import(const std::string& version, const std::vector<std::string>& flags = {},
                     int initial_delay_seconds = 30);
  // For --starts: a folder in which instances, which run as users of their own, count their starts.
  std::string starts_folder();

  // Some load before and after each change, so that a report has what to compare.
  void go_on(std::uint64_t requests);

  // Changes the service and waits for the end; the phase it ended in.
  std::string change(const std::vector<Entry>& entries, const json::object& policy = {});

  // Until enough requests have ended; then none may have failed.
  void expect_no_failure();

  // Instances as many as wanted, and each process accounted for.
  void expect_instances(std::size_t instances);
  // What must hold when a change has ended: that, and no failed request in the rollout's report.
  void expect_settled(const std::string& rollout, std::size_t instances);
  // The model that serves, as the service's configuration names it.
  std::string model_served();
  json::object report_of(const std::string& rollout);
  // Until its window `during` is there, too.
  json::object report_with_traffic(const std::string& rollout);
  // Orders of users; what they were answered.
  ApiAnswer order(const std::string& rollout, const std::string& verb);
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
