// What every pool driver promises (pools/driver.h), whatever it runs instances with.
#include <csignal>

#include "tests/conformance/pool_fixture.h"
#include "tests/conformance/process_world.h"

namespace hitless::pools {
namespace {

using namespace std::chrono_literals;

struct Driver {
  const char* name;
  MakeWorld make;
};

class PoolConformance : public testing::TestWithParam<Driver> {
 protected:
  PoolBench bench{GetParam().make()};
  PoolDriver& pool() { return bench.pool(); }
};

constexpr const char* k_id = "service1-r1-1";

TEST_P(PoolConformance, RunsAnInstanceThatAnswersAtItsAddress) {
  bench.run(k_id, {"--listen", "{listen}", "--serve"});
  const Observed seen = bench.await(k_id, ProcessState::running);
  EXPECT_GT(seen.pid, 0);
  EXPECT_FALSE(seen.stop_told);
  bench.await_log(k_id, "ready");
  EXPECT_EQ(call(seen.address), "hello\n");
}

TEST_P(PoolConformance, FillsInThePortOfAnInstanceThatNeedsOne) {
  InstanceSpec spec = bench.world().spec(k_id, {"--listen", "127.0.0.1:{port}", "--serve"});
  spec.listens_on_unix = false;
  bench.run(spec);
  const Observed seen = bench.await(k_id, ProcessState::running);
  EXPECT_FALSE(seen.address.is_unix());
  bench.await_log(k_id, "ready");
  EXPECT_EQ(call(seen.address), "hello\n");
}

TEST_P(PoolConformance, GivesNoPortTwice) {
  std::set<std::uint16_t> ports;
  for (int at = 1; at <= 8; ++at) {
    InstanceSpec spec = bench.world().spec("service1-r1-" + std::to_string(at),
                                           {"--listen", "{listen}", "--serve"});
    spec.listens_on_unix = false;
    bench.run(spec);
  }
  for (int at = 1; at <= 8; ++at) {
    const std::string id = "service1-r1-" + std::to_string(at);
    bench.await_log(id, "ready");
    ports.insert(bench.await(id, ProcessState::running).address.port);
  }
  EXPECT_EQ(ports.size(), 8U);
}

TEST_P(PoolConformance, SaysTheExitStatus) {
  bench.run(k_id, {"--exit", "7"});
  const Observed seen = bench.await(k_id, ProcessState::exited);
  EXPECT_EQ(seen.detail, "exit status 7");
  EXPECT_FALSE(seen.stop_told);
  EXPECT_EQ(seen.pid, 0);
}

TEST_P(PoolConformance, SaysTheSignalThatKilledIt) {
  bench.run(k_id, {"--die", std::to_string(SIGUSR1)});
  EXPECT_EQ(bench.await(k_id, ProcessState::exited).detail, "killed by signal 10");
}

TEST_P(PoolConformance, SaysWhatCouldNotStart) {
  InstanceSpec spec = bench.world().spec(k_id, {});
  spec.command = {"./no_such_program"};
  bench.run(spec);
  EXPECT_EQ(bench.await(k_id, ProcessState::exited).detail,
            "could not start ./no_such_program: no such file; check the command of its package");
}

TEST_P(PoolConformance, RefusesAnInstanceWithoutACommand) {
  InstanceSpec spec = bench.world().spec(k_id, {});
  spec.command.clear();
  EXPECT_EQ(pool().ensure_running(spec).error().code(), Code::invalid);
  EXPECT_TRUE(pool().observe().empty());
}

TEST_P(PoolConformance, StopsWithSigtermFirst) {
  bench.run(k_id, {"--term-exit", "5", "--serve"});
  bench.await_log(k_id, "ready");
  ASSERT_TRUE(pool().ensure_stopped(model::InstanceId(k_id), 1h));
  const Observed seen = bench.await(k_id, ProcessState::exited);
  EXPECT_EQ(seen.detail, "exit status 5");
  EXPECT_TRUE(seen.stop_told);
}

TEST_P(PoolConformance, KillsEverythingItStartedAfterTheGrace) {
  bench.run(k_id, {"--ignore-term", "--grandchild", "--serve"});
  const pid_t grandchild = std::stoi(bench.line(k_id, "grandchild "));
  bench.await_log(k_id, "ready");
  const auto told = std::chrono::steady_clock::now();
  ASSERT_TRUE(pool().ensure_stopped(model::InstanceId(k_id), 200ms));
  EXPECT_TRUE(bench.find(k_id)->stop_told);
  EXPECT_EQ(bench.await(k_id, ProcessState::exited).detail, "killed by signal 9");
  EXPECT_GE(std::chrono::steady_clock::now() - told, 200ms);
  EXPECT_TRUE(bench.wait_for([&] { return !is_alive(grandchild); }));
}

TEST_P(PoolConformance, KillsWhatAnInstanceLeavesWhenItExits) {
  bench.run(k_id, {"--grandchild", "--exit", "0"});
  bench.await(k_id, ProcessState::exited);
  const pid_t grandchild = std::stoi(bench.line(k_id, "grandchild "));
  EXPECT_TRUE(bench.wait_for([&] { return !is_alive(grandchild); }));
}

TEST_P(PoolConformance, LetsAShorterGraceWin) {
  bench.run(k_id, {"--ignore-term", "--serve"});
  bench.await_log(k_id, "ready");
  ASSERT_TRUE(pool().ensure_stopped(model::InstanceId(k_id), 1h));
  ASSERT_TRUE(pool().ensure_stopped(model::InstanceId(k_id), 10ms));
  ASSERT_TRUE(pool().ensure_stopped(model::InstanceId(k_id), 1h));
  EXPECT_EQ(bench.await(k_id, ProcessState::exited).detail, "killed by signal 9");
}

TEST_P(PoolConformance, StopsWhatIsNotUpYet) {
  bench.run(k_id, {"--serve"});
  ASSERT_TRUE(pool().ensure_stopped(model::InstanceId(k_id), 50ms));
  EXPECT_TRUE(bench.await(k_id, ProcessState::exited).stop_told);
}

TEST_P(PoolConformance, StopsTheUnknownAndTheGoneWithoutHarm) {
  EXPECT_TRUE(pool().ensure_stopped(model::InstanceId("nobody"), 1s));
  bench.run(k_id, {"--exit", "0"});
  bench.await(k_id, ProcessState::exited);
  EXPECT_TRUE(pool().ensure_stopped(model::InstanceId(k_id), 1s));
  EXPECT_FALSE(bench.find(k_id)->stop_told);
}

TEST_P(PoolConformance, RunsAnIdAtMostOnce) {
  bench.run(k_id, {"--term-exit", "0", "--serve"});
  bench.await_log(k_id, "ready");
  const std::int64_t pid = bench.await(k_id, ProcessState::running).pid;
  bench.run(k_id, {"--term-exit", "0", "--serve"});
  EXPECT_EQ(bench.find(k_id)->pid, pid);
  EXPECT_EQ(pool().observe().size(), 1U);
  ASSERT_TRUE(pool().ensure_stopped(model::InstanceId(k_id), 1h));
  bench.await(k_id, ProcessState::exited);
  bench.run(k_id, {"--serve"});
  EXPECT_EQ(bench.find(k_id)->state, ProcessState::exited);
}

TEST_P(PoolConformance, ForgetsOnlyTheGone) {
  EXPECT_TRUE(pool().forget(model::InstanceId("nobody")));
  bench.run(k_id, {"--serve"});
  EXPECT_EQ(pool().forget(model::InstanceId(k_id)).error().code(), Code::conflict);
  ASSERT_TRUE(pool().ensure_stopped(model::InstanceId(k_id), 0s));
  bench.await(k_id, ProcessState::exited);
  EXPECT_TRUE(pool().forget(model::InstanceId(k_id)));
  EXPECT_TRUE(pool().observe().empty());
}

TEST_P(PoolConformance, KeepsTheEndOfTheLog) {
  bench.run(k_id, {"--spam", "1000", "--print", "the end", "--exit", "0"});
  bench.await(k_id, ProcessState::exited);
  EXPECT_EQ(*pool().logs(model::InstanceId(k_id), 17), "line 999\nthe end\n");
  EXPECT_TRUE(bench.log(k_id).starts_with("line 0\nline 1\n"));
  EXPECT_EQ(pool().logs(model::InstanceId("nobody"), 10).error().code(), Code::not_found);
}

TEST_P(PoolConformance, AdoptsWhatAnEarlierDriverStarted) {
  bench.run(k_id, {"--term-exit", "4", "--listen", "{listen}", "--serve"});
  bench.run("gone", {"--exit", "3"});
  bench.await_log(k_id, "ready");
  bench.await("gone", ProcessState::exited);
  const Observed before = bench.await(k_id, ProcessState::running);
  bench.close();
  EXPECT_EQ(call(before.address), "hello\n");
  bench.open();
  const Observed after = bench.await(k_id, ProcessState::running);
  EXPECT_EQ(after.pid, before.pid);
  EXPECT_EQ(after.address, before.address);
  EXPECT_EQ(after.since, before.since);
  EXPECT_EQ(bench.find("gone")->detail, "exit status 3");
  bench.run(k_id, {"--serve"});
  EXPECT_EQ(bench.find(k_id)->pid, before.pid);
  ASSERT_TRUE(pool().ensure_stopped(model::InstanceId(k_id), 1h));
  EXPECT_EQ(bench.await(k_id, ProcessState::exited).detail, "exit status 4");
}

TEST_P(PoolConformance, RemembersThatItToldAnInstanceToStop) {
  bench.run(k_id, {"--ignore-term", "--serve"});
  bench.await_log(k_id, "ready");
  ASSERT_TRUE(pool().ensure_stopped(model::InstanceId(k_id), 1h));
  bench.close();
  bench.open();
  EXPECT_TRUE(bench.await(k_id, ProcessState::running).stop_told);
}

TEST_P(PoolConformance, SeesAnExitThatHappenedMeanwhile) {
  bench.run(k_id, {"--ignore-term", "--serve"});
  bench.await_log(k_id, "ready");
  const auto pid = static_cast<pid_t>(bench.await(k_id, ProcessState::running).pid);
  ASSERT_GT(pid, 0);
  bench.close();
  ASSERT_EQ(::kill(pid, SIGKILL), 0);
  ASSERT_TRUE(bench.wait_for([&] { return !is_alive(pid); }));
  bench.open();
  EXPECT_EQ(bench.await(k_id, ProcessState::exited).detail, "killed by signal 9");
  EXPECT_FALSE(bench.find(k_id)->stop_told);
}

TEST_P(PoolConformance, KnowsItsCapacity) {
  const PoolStatus status = pool().status();
  EXPECT_GE(status.capacity.cpu_millis, 100);
  EXPECT_GE(status.capacity.memory_mib, 64);
  EXPECT_TRUE(!status.ports || *status.ports > 0);
}

INSTANTIATE_TEST_SUITE_P(Drivers, PoolConformance,
                         testing::Values(Driver{"process",
                                                [] { return std::make_unique<ProcessWorld>(); }}),
                         [](const auto& tested) { return std::string(tested.param.name); });

}  // namespace
}  // namespace hitless::pools
