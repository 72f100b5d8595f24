// What the process pool promises beyond pools/driver.h.
#include <fcntl.h>
#include <fmt/format.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>

#include "pools/cgroup.h"
#include "pools/instance_folder.h"
#include "pools/process_table.h"
#include "pools/users.h"
#include "tests/conformance/pool_fixture.h"
#include "tests/conformance/process_world.h"

namespace hitless::pools {
namespace {

using namespace std::chrono_literals;

constexpr const char* k_id = "service1-r1-1";

class ProcessPool : public testing::Test {
 protected:
  // `adjust` changes the world before the first driver is opened.
  void start(const std::function<void(ProcessWorld&)>& adjust = [](ProcessWorld&) {}) {
    auto made = std::make_unique<ProcessWorld>();
    world = made.get();
    adjust(*made);
    bench.emplace(std::move(made));
  }
  InstanceFolder folder() const { return {world->options().directory / k_id}; }
  std::string warnings() {
    std::string all;
    for (const std::string& warning : bench->pool().status().warnings) all += warning + "\n";
    return all;
  }

  ProcessWorld* world = nullptr;  // the bench's
  std::optional<PoolBench> bench;
};

// Starts a program whose standard output comes back through a pipe.
struct Started {
  pid_t pid = 0;
  UniqueFd output;
};

Started start_program(std::vector<std::string> words) {
  int ends[2];
  HL_CHECK(::pipe2(ends, O_CLOEXEC) == 0);
  Started started{.pid = 0, .output = UniqueFd(ends[0])};
  const UniqueFd write_end(ends[1]);
  std::vector<char*> arguments;
  for (std::string& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawn_file_actions_adddup2(&actions, write_end.get(), STDOUT_FILENO);
  HL_CHECK(::posix_spawn(&started.pid, arguments[0], &actions, nullptr, arguments.data(),
                         ::environ) == 0);
  ::posix_spawn_file_actions_destroy(&actions);
  return started;
}

TEST_F(ProcessPool, LosesNothingWhenItsOwnerIsKilled) {
  start();
  bench->close();
  Started owner = start_program({HITLESS_TEST_POOL_OWNER, world->options().directory,
                                 HITLESS_TEST_SHIM, world->package(), k_id, "./instance_program",
                                 "--tag", world->root(), "--listen", "{listen}", "--serve"});
  char buffer[16];
  ASSERT_EQ(::read(owner.output.get(), buffer, sizeof buffer), 8) << "the owner failed";
  ASSERT_EQ(::kill(owner.pid, SIGKILL), 0);
  ASSERT_EQ(::waitpid(owner.pid, nullptr, 0), owner.pid);
  bench->open();
  const Observed seen = bench->await(k_id, ProcessState::running);
  bench->await_log(k_id, "ready");
  EXPECT_EQ(call(seen.address), "hello\n");
}

TEST_F(ProcessPool, SaysLostWhenAShimIsKilled) {
  start();
  bench->run(k_id, {"--ignore-term", "--grandchild", "--serve"});
  bench->await_log(k_id, "ready");
  const pid_t grandchild = std::stoi(bench->line(k_id, "grandchild "));
  const auto pid = static_cast<pid_t>(bench->await(k_id, ProcessState::running).pid);
  ASSERT_EQ(::kill(read_start_record(folder())->shim_pid, SIGKILL), 0);
  EXPECT_EQ(bench->await(k_id, ProcessState::exited).detail, "lost: its shim was killed");
  EXPECT_FALSE(is_alive(pid));
  EXPECT_FALSE(is_alive(grandchild));
}

TEST_F(ProcessPool, SaysLostWhenAShimWasKilledWhileNobodyLooked) {
  start();
  bench->run(k_id, {"--ignore-term", "--grandchild", "--serve"});
  bench->await_log(k_id, "ready");
  const pid_t grandchild = std::stoi(bench->line(k_id, "grandchild "));
  const pid_t shim = read_start_record(folder())->shim_pid;
  bench->close();
  ASSERT_EQ(::kill(shim, SIGKILL), 0);
  ASSERT_EQ(::waitpid(shim, nullptr, 0), shim);  // this process started it
  bench->open();
  const Observed seen = bench->await(k_id, ProcessState::exited);
  EXPECT_EQ(seen.detail, "lost: its shim was killed");
  EXPECT_FALSE(is_alive(grandchild));
  bench->run(k_id, {"--serve"});
  EXPECT_EQ(bench->find(k_id)->state, ProcessState::exited);
}

TEST_F(ProcessPool, SparesAStrangerThatGotAReusedPid) {
  start();
  bench->run(k_id, {"--serve"});
  bench->await_log(k_id, "ready");
  const StartRecord record = *read_start_record(folder());
  bench->close();
  ASSERT_EQ(::kill(record.shim_pid, SIGKILL), 0);
  ASSERT_EQ(::waitpid(record.shim_pid, nullptr, 0), record.shim_pid);
  Started stranger = start_program({HITLESS_TEST_INSTANCE, "--serve"});
  char buffer[16];
  ASSERT_EQ(::read(stranger.output.get(), buffer, sizeof buffer), 6);
  ASSERT_TRUE(write_record(folder(), StartRecord{.pid = stranger.pid,
                                                 .start_ticks = record.start_ticks,
                                                 .shim_pid = record.shim_pid}));
  bench->open();
  bench->await(k_id, ProcessState::exited);
  EXPECT_TRUE(is_alive(stranger.pid));
  ::kill(stranger.pid, SIGKILL);
  ASSERT_EQ(::waitpid(stranger.pid, nullptr, 0), stranger.pid);
}

TEST_F(ProcessPool, SaysThatTheMachineWasRestarted) {
  start();
  bench->run(k_id, {"--exit", "0"});
  bench->await(k_id, ProcessState::exited);
  bench->close();
  std::filesystem::remove(folder().exit());
  RunRecord run = *read_run_record(folder());
  run.boot = "another";
  ASSERT_TRUE(write_record(folder(), run));
  bench->open();
  EXPECT_EQ(bench->await(k_id, ProcessState::exited).detail, "lost: the machine was restarted");
}

TEST_F(ProcessPool, ForgetsAStartThatWasCutShort) {
  start();
  bench->run(k_id, {"--exit", "0"});
  bench->await(k_id, ProcessState::exited);
  bench->close();
  std::filesystem::remove(folder().exit());
  std::filesystem::remove(folder().started());
  std::filesystem::create_directory(world->options().directory / "empty");
  bench->open();
  EXPECT_TRUE(bench->pool().observe().empty());
  bench->run(k_id, {"--exit", "6"});
  EXPECT_EQ(bench->await(k_id, ProcessState::exited).detail, "exit status 6");
}

TEST_F(ProcessPool, SaysWhatAShimCannotRead) {
  start([](ProcessWorld& at) { at.options().shim = "/bin/false"; });
  bench->run(k_id, {"--serve"});
  EXPECT_EQ(bench->await(k_id, ProcessState::exited).detail, "lost: its shim was killed");
}

TEST_F(ProcessPool, LeavesNothingWhenThereIsNoShim) {
  start([](ProcessWorld& at) { at.options().shim = "/no/such/hitless"; });
  const auto failed = bench->pool().ensure_running(world->spec(k_id, {"--serve"}));
  ASSERT_FALSE(failed);
  EXPECT_NE(failed.error().text().find("/no/such/hitless"), std::string::npos);
  EXPECT_FALSE(std::filesystem::exists(folder().path));
}

TEST_F(ProcessPool, BelongsToOneOwner) {
  start();
  const auto second = open_process_pool(world->options(), [] {});
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code(), Code::conflict);
}

TEST_F(ProcessPool, NamesAStateDirectoryThatIsTooDeep) {
  start([](ProcessWorld& at) {
    at.options().directory = at.root() / std::string(90, 'd') / "instances";
  });
  const auto failed = bench->pool().ensure_running(world->spec(k_id, {"--serve"}));
  ASSERT_FALSE(failed);
  EXPECT_NE(failed.error().text().find("shorter path"), std::string::npos);
  InstanceSpec spec = world->spec(k_id, {"--listen", "{listen}", "--serve"});
  spec.listens_on_unix = false;  // the shim's own socket does not mind
  bench->run(spec);
  bench->await_log(k_id, "ready");
}

TEST_F(ProcessPool, GivesACleanEnvironment) {
  ::setenv("HITLESS_TEST_SECRET", "leaks", 1);
  start();
  InstanceSpec spec =
      world->spec(k_id, {"--environment", "--folder", "--descriptors", "--exit", "0"});
  spec.envs = {{"MODEL", "vad"}, {"WHERE", "{listen}"}, {"LANG", "de"}};
  bench->run(spec);
  bench->await(k_id, ProcessState::exited);
  ::unsetenv("HITLESS_TEST_SECRET");
  const std::string log = bench->log(k_id);
  EXPECT_EQ(log.find("leaks"), std::string::npos);
  EXPECT_EQ(bench->line(k_id, "env MODEL="), "vad");
  EXPECT_EQ(bench->line(k_id, "env LANG="), "de");
  EXPECT_EQ(bench->line(k_id, "env WHERE="), "unix:" + folder().socket().string());
  EXPECT_EQ(bench->line(k_id, "folder "), world->package().string());
  const std::string files = bench->line(k_id, "descriptors ");
  EXPECT_TRUE(files.starts_with("0=/dev/null;1=pipe:")) << files;
  EXPECT_EQ(std::count(files.begin(), files.end(), ';'), 3) << files;
  std::istringstream lines(log);
  int variables = 0;
  for (std::string line; std::getline(lines, line);) variables += line.starts_with("env ");
  EXPECT_EQ(variables, 5) << log;
}

TEST_F(ProcessPool, GivesNoGpuToTwoAtATime) {
  start([](ProcessWorld& made) { made.options().gpus = 3; });
  const auto spec = [this](const std::string& id, int gpus) {
    InstanceSpec made = world->spec(id, {"--environment", "--listen", "{listen}", "--serve"});
    made.limits.gpus = gpus;
    made.envs["CUDA_VISIBLE_DEVICES"] = "7";  // not its own to choose
    return made;
  };
  const auto devices = [this](const std::string& id) {
    return bench->line(id, "env CUDA_VISIBLE_DEVICES=");
  };
  bench->run(spec("a", 2));
  bench->run(spec("b", 0));
  bench->run(spec("c", 1));
  EXPECT_EQ(devices("a"), "0,1");
  EXPECT_EQ(devices("b"), "");
  EXPECT_EQ(devices("c"), "2");
  EXPECT_EQ(bench->pool().status().capacity.gpus, 3);

  bench->close();  // another serve finds them
  bench->open();
  const auto full = bench->pool().ensure_running(spec("d", 1));
  ASSERT_FALSE(full);
  EXPECT_EQ(full.error().code(), Code::exhausted);
  EXPECT_NE(full.error().text().find("1 GPUs are wanted and 0 of 3 are free"), std::string::npos)
      << full.error().text();

  bench->await_log("a", "ready");
  ASSERT_TRUE(bench->pool().ensure_stopped(model::InstanceId("a"), Duration::zero()));
  bench->await("a", ProcessState::exited);
  bench->run(spec("d", 1));
  EXPECT_EQ(devices("d"), "0");
}

TEST_F(ProcessPool, TakesPrivilegesAway) {
  start();
  bench->run(k_id, {"--status", "--listen", "{listen}", "--serve"});
  bench->await_log(k_id, "ready");
  EXPECT_EQ(bench->line(k_id, "NoNewPrivs:"), "\t1");
  if (::geteuid() != 0) GTEST_SKIP() << "only root can run instances as another user";
  const auto user = static_cast<uid_t>(std::stoul(bench->line(k_id, "Uid:\t")));
  EXPECT_GE(user, k_user_first);
  EXPECT_LE(user, k_user_last);
  EXPECT_EQ(bench->line(k_id, "Groups:"), "\t ") << "supplementary groups are left";
  EXPECT_EQ(bench->line(k_id, "CapEff:"), "\t0000000000000000");
  EXPECT_EQ(call(bench->find(k_id)->address), "hello\n");
  bench->run("other", {"--status", "--serve"});
  bench->await_log("other", "ready");
  EXPECT_NE(bench->line("other", "Uid:\t"), bench->line(k_id, "Uid:\t"));
}

TEST_F(ProcessPool, NamesTheFolderThatKeepsAnInstanceRoot) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root can run instances as another user";
  start([](ProcessWorld& at) {
    std::filesystem::permissions(at.root(), std::filesystem::perms(0700));
  });
  bench->run(k_id, {"--status", "--serve"});
  bench->await_log(k_id, "ready");
  EXPECT_TRUE(bench->line(k_id, "Uid:\t").starts_with("0\t"));
  EXPECT_NE(warnings().find("chmod o+x " + world->root().string()), std::string::npos)
      << warnings();
}

bool has_cgroups() {
  return CgroupLayout::of_machine().probe().empty();
}

TEST_F(ProcessPool, LimitsMemory) {
  if (!has_cgroups()) GTEST_SKIP() << CgroupLayout::of_machine().probe().front();
  start();
  InstanceSpec spec = world->spec(k_id, {"--eat", "512", "--serve"});
  spec.limits.memory_mib = 96;
  bench->run(spec);
  EXPECT_EQ(bench->await(k_id, ProcessState::exited).detail,
            "killed by signal 9 (out of memory, limit 96 MiB)");
}

TEST_F(ProcessPool, LimitsProcessorTime) {
  if (!has_cgroups()) GTEST_SKIP() << CgroupLayout::of_machine().probe().front();
  start();
  InstanceSpec spec = world->spec(k_id, {"--serve"});
  spec.limits.cpu_millis = 500;
  bench->run(spec);
  bench->await_log(k_id, "ready");
  const CgroupLayout layout = CgroupLayout::of_machine();
  const std::string name = read_run_record(folder())->cgroup;
  const std::string quota = layout.cpu.empty()
                                ? *read_file(layout.unified / name / "cpu.max", 64)
                                : *read_file(layout.cpu / name / "cpu.cfs_quota_us", 64);
  EXPECT_TRUE(quota.starts_with("50000")) << quota;
}

TEST_F(ProcessPool, SaysThatLimitsAreNotEnforced) {
  start([](ProcessWorld& at) { at.options().use_cgroups = false; });
  EXPECT_NE(warnings().find("limits are not enforced"), std::string::npos);
  bench->run(k_id, {"--ignore-term", "--grandchild", "--serve"});
  const pid_t grandchild = std::stoi(bench->line(k_id, "grandchild "));
  ASSERT_TRUE(bench->pool().ensure_stopped(model::InstanceId(k_id), 0s));
  bench->await(k_id, ProcessState::exited);
  EXPECT_FALSE(is_alive(grandchild)) << "without control groups too nothing is left";
}

TEST_F(ProcessPool, RotatesTheLog) {
  start([](ProcessWorld& at) { at.options().log_bytes_max = 8192; });
  bench->run(k_id, {"--spam", "5000", "--print", "the end", "--exit", "0"});
  bench->await(k_id, ProcessState::exited);
  const std::string log = bench->log(k_id);
  EXPECT_LE(log.size(), 8192U);
  EXPECT_GE(log.size(), 4096U);
  EXPECT_TRUE(log.ends_with("line 4998\nline 4999\nthe end\n"));
  EXPECT_TRUE(std::filesystem::exists(folder().old_log()));
}

TEST_F(ProcessPool, KeepsTheLogOfTheForgotten) {
  start();
  bench->run(k_id, {"--print", "why it failed", "--exit", "1"});
  bench->await(k_id, ProcessState::exited);
  ASSERT_TRUE(bench->pool().forget(model::InstanceId(k_id)));
  EXPECT_FALSE(std::filesystem::exists(folder().path));
  EXPECT_EQ(bench->log(k_id), "why it failed\n");
}

}  // namespace
}  // namespace hitless::pools
