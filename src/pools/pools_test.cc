// The parts of the process pool that need no process.  The whole is tested by tests/conformance.
#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <fstream>

#include "base/file.h"
#include "pools/cgroup.h"
#include "pools/instance_folder.h"
#include "pools/ports.h"
#include "pools/preparation.h"
#include "pools/rotating_log.h"
#include "pools/shim_link.h"
#include "pools/users.h"

namespace hitless::pools {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

TEST(CgroupLayout, FindsVersion1ControllersMountedAlone) {
  const CgroupLayout layout = CgroupLayout::from_mounts(
      "30 25 0:26 / /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory\n"
      "31 25 0:27 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct\n"
      "32 25 0:28 / /sys/fs/cgroup/pids rw shared:9 - cgroup cgroup rw,pids\n"
      "33 25 0:29 / /proc rw - proc proc rw\n");
  EXPECT_EQ(layout.memory, "/sys/fs/cgroup/memory");
  EXPECT_EQ(layout.cpu, "/sys/fs/cgroup/cpu,cpuacct");
  EXPECT_EQ(layout.pids, "/sys/fs/cgroup/pids");
  EXPECT_TRUE(layout.unified.empty());
}

// A folder that looks like a version 2 tree; the kernel's own answers are not in it.
class UnifiedTree : public testing::Test {
 protected:
  UnifiedTree() {
    put("cgroup.controllers", "cpuset cpu io memory hugetlb pids\n");
    put("cgroup.subtree_control", "");
    fs::create_directories(root() / "hitless/one");
    put("hitless/cgroup.subtree_control", "");
    for (const char* file : {"memory.max", "memory.swap.max", "memory.oom.group", "cpu.max",
                             "pids.max", "cgroup.procs"}) {
      put(fs::path("hitless/one") / file, "");
    }
  }
  fs::path root() const { return folder.path(); }
  void put(const fs::path& name, const std::string& text) { std::ofstream(root() / name) << text; }
  std::string get(const fs::path& name) { return read_file(root() / name, 4096).value_or("none"); }
  CgroupLayout layout() {
    return CgroupLayout::from_mounts("30 25 0:26 / " + root().string() +
                                     " rw - cgroup2 cgroup2 rw,nsdelegate\n");
  }
  TemporaryDirectory folder = TemporaryDirectory::make("unified").value();
};

TEST_F(UnifiedTree, TakesAllThreeControllers) {
  const Cgroup group(layout(), "hitless/one");
  EXPECT_THAT(group.create({.cpu_millis = 1500, .memory_mib = 64}), IsEmpty());
  EXPECT_EQ(get("cgroup.subtree_control"), "+memory +cpu +pids");
  EXPECT_EQ(get("hitless/cgroup.subtree_control"), "+memory +cpu +pids");
  EXPECT_EQ(get("hitless/one/memory.max"), "67108864");
  EXPECT_EQ(get("hitless/one/memory.swap.max"), "0");
  EXPECT_EQ(get("hitless/one/cpu.max"), "150000 100000");
  EXPECT_NE(get("hitless/one/pids.max"), "");
  group.add(4711);
  EXPECT_THAT(group.members(), ElementsAre(4711));
}

TEST_F(UnifiedTree, CountsOutOfMemoryKills) {
  put("hitless/one/memory.events", "low 0\nhigh 0\nmax 12\noom 2\noom_kill 1\noom_group_kill 0\n");
  EXPECT_EQ(Cgroup(layout(), "hitless/one").out_of_memory_kills(), 1);
}

TEST_F(UnifiedTree, SaysWhatItLacks) {
  put("cgroup.controllers", "hugetlb\n");
  EXPECT_TRUE(layout().unified.empty());
  EXPECT_THAT(Cgroup(layout(), "hitless/two").create({}),
              testing::Contains(HasSubstr("memory limits are not enforced")));
}

TEST(Users, AreNeverGivenTwice) {
  const uid_t first = choose_user("a", {}).value();
  EXPECT_EQ(choose_user("a", {}).value(), first);
  EXPECT_NE(choose_user("a", {first}).value(), first);
  std::set<uid_t> all;
  for (uid_t user = k_user_first; user <= k_user_last; ++user) all.insert(user);
  EXPECT_EQ(choose_user("a", all).error().code(), Code::exhausted);
}

TEST(Users, MeetTheFirstClosedFolder) {
  const TemporaryDirectory folder = TemporaryDirectory::make("users").value();
  fs::create_directories(folder.path() / "a/b");
  fs::permissions(folder.path(), fs::perms(0755));
  EXPECT_FALSE(first_closed_folder(folder.path() / "a/b"));
  fs::permissions(folder.path() / "a", fs::perms(0750));
  EXPECT_EQ(first_closed_folder(folder.path() / "a/b"), folder.path() / "a");
  fs::create_symlink("a/b", folder.path() / "link");
  EXPECT_EQ(first_closed_folder(folder.path() / "link"), folder.path() / "a");
}

TEST(Ports, SkipWhatIsTakenOrListenedOn) {
  const UniqueFd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  ASSERT_EQ(::bind(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  ASSERT_EQ(::listen(fd.get(), 1), 0);
  socklen_t size = sizeof address;
  ASSERT_EQ(::getsockname(fd.get(), reinterpret_cast<sockaddr*>(&address), &size), 0);
  const std::uint16_t busy = ntohs(address.sin_port);
  EXPECT_EQ(Ports(busy, busy).choose({}).error().code(), Code::exhausted);
  EXPECT_EQ(Ports(1024, 1024).choose({1024}).error().code(), Code::exhausted);
  const Time now = Time() + std::chrono::hours(1);
  EXPECT_EQ(Ports(busy, busy).count_usable({}, now), 0);
  EXPECT_EQ(Ports(busy, busy).count_usable({busy}, now), 1) << "its owner is an instance";
}

TEST(Ports, AreCountedAgainOnceAnInstanceHasOneOrASecondHasPassed) {
  const Time now = Time() + std::chrono::hours(1);
  Ports ports(23900, 23902);
  const UniqueFd listener(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const std::int64_t before = ports.count_usable({}, now);
  ASSERT_GE(before, 1);
  const std::uint16_t chosen = ports.choose({}).value();
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(chosen);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  ASSERT_EQ(::bind(listener.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  ASSERT_EQ(::listen(listener.get(), 1), 0);
  EXPECT_EQ(ports.count_usable({}, now), before) << "the last count holds for a second";
  EXPECT_EQ(ports.count_usable({}, now + std::chrono::seconds(1)), before - 1);
  EXPECT_EQ(ports.count_usable({chosen}, now + std::chrono::seconds(1)), before);
  EXPECT_EQ(Ports(20000, 29999).count_usable({chosen}, now), 10000) << "plenty";
}

TEST(RotatingLog, StaysBelowItsSizeAndKeepsTheEnd) {
  const TemporaryDirectory folder = TemporaryDirectory::make("log").value();
  const fs::path current = folder.path() / "log", older = folder.path() / "log.1";
  auto log = RotatingLog::open(current, older, 100);
  ASSERT_TRUE(log);
  EXPECT_EQ(read_log_tail(current, older, 10).value(), "");
  std::string all;
  for (int at = 0; at < 40; ++at) {
    const std::string line = "line " + std::to_string(at) + "\n";
    log->write(line);
    all += line;
  }
  const std::string tail = read_log_tail(current, older, 1000).value();
  EXPECT_LE(tail.size(), 100U);
  EXPECT_GE(tail.size(), 50U);
  EXPECT_TRUE(all.ends_with(tail));
  EXPECT_EQ(read_log_tail(current, older, 8).value(), "line 39\n");
}

TEST(Describe, NamesStatusSignalAndMemory) {
  const model::Resources limits{.cpu_millis = 0, .memory_mib = 64};
  ExitRecord record;
  record.status = 1;
  EXPECT_EQ(describe(record, limits), "exit status 1");
  record.status.reset();
  record.signal = 9;
  EXPECT_EQ(describe(record, {}), "killed by signal 9");
  record.out_of_memory = true;
  EXPECT_EQ(describe(record, limits), "killed by signal 9 (out of memory, limit 64 MiB)");
  record.error = "lost: its shim was killed";
  EXPECT_EQ(describe(record, limits), record.error);
}

TEST(Records, ReadBackAsWritten) {
  const TemporaryDirectory directory = TemporaryDirectory::make("records").value();
  const InstanceFolder folder{directory.path()};
  EXPECT_EQ(read_exit_record(folder).error().code(), Code::not_found);
  RunRecord run;
  run.id = model::InstanceId("a-r1-1");
  run.command = {"./serve", "--x", "ü \" \n"};
  run.environment = {{"PATH", "/bin"}, {"KEY", ""}};
  run.gpus = {0, 3};
  run.package = "/packages/x";
  run.address = Address{.host = "127.0.0.1", .port = 20001, .path = {}};
  run.port = 20001;
  run.limits = {.cpu_millis = 500, .memory_mib = 64};
  run.user = 61200;
  run.warnings = {"one"};
  ASSERT_TRUE(write_record(folder, run));
  const RunRecord back = read_run_record(folder).value();
  EXPECT_EQ(back.command, run.command);
  EXPECT_EQ(back.environment, run.environment);
  EXPECT_EQ(back.gpus, run.gpus);
  EXPECT_EQ(back.address, run.address);
  EXPECT_EQ(back.limits, run.limits);
  EXPECT_EQ(back.user, run.user);
  EXPECT_EQ(back.warnings, run.warnings);
  std::ofstream(folder.spec()) << "{\"id\": 7}";
  EXPECT_THAT(read_run_record(folder).error().text(), HasSubstr("field [id]"));
}

TEST(LineBuffer, CutsLinesWhereverTheBytesCome) {
  LineBuffer lines;
  lines.add("{\"stop\":{\"gra");
  EXPECT_FALSE(lines.next());
  lines.add("ce_ms\":1500}}\nrest");
  EXPECT_EQ(command_from_line(*lines.next())->grace, std::chrono::milliseconds(1500));
  EXPECT_FALSE(lines.next());
  EXPECT_FALSE(command_from_line("{\"stop\":{\"grace_ms\":-1}}"));
  EXPECT_FALSE(command_from_line("stop"));
}

TEST(CheckSpec, RefusesNamesThatLeadElsewhere) {
  InstanceSpec spec;
  spec.command = {"x"};
  spec.package = "/";
  for (const char* id : {"", "..", "a/b", ".kept", "a b"}) {
    spec.id = model::InstanceId(id);
    EXPECT_EQ(check_spec(spec, {"/tmp/x"}).error().code(), Code::invalid) << id;
  }
  spec.id = model::InstanceId("0a1b2c3d-r1-1");
  EXPECT_TRUE(check_spec(spec, {"/tmp/x"}));
  spec.package = "/no/such/package";
  EXPECT_EQ(check_spec(spec, {"/tmp/x"}).error().code(), Code::not_found);
}

}  // namespace
}  // namespace hitless::pools
