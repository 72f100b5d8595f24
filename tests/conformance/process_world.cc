#include "tests/conformance/process_world.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/crypto.h"
#include "pools/cgroup.h"
#include "pools/process_table.h"
#include "tests/conformance/pool_fixture.h"

namespace hitless::pools {

ProcessWorld::ProcessWorld() : folder_(TemporaryDirectory::make("pool").value()) {
  std::filesystem::permissions(root(), std::filesystem::perms(0755));
  HL_CHECK(ensure_directory(package()).has_value());
  std::filesystem::copy_file(HITLESS_TEST_INSTANCE, package() / "instance_program");
  options_.directory = root() / "instances";
  options_.shim = HITLESS_TEST_SHIM;
}

Result<std::unique_ptr<PoolDriver>> ProcessWorld::open(std::function<void()> on_change) {
  // To a real next serve these would be strangers that init reaps.
  for (const ProcessFacts& process : all_processes()) {
    if (process.parent == ::getpid()) of_earlier_drivers_.insert(process.pid);
  }
  return open_process_pool(options_, std::move(on_change));
}

InstanceSpec ProcessWorld::spec(const std::string& id, std::vector<std::string> flags) {
  InstanceSpec spec;
  spec.id = model::InstanceId(id);
  spec.service = model::ServiceId("service");
  spec.package = package();
  spec.listens_on_unix = true;
  spec.command = {"./instance_program", "--tag", root().string()};
  for (std::string& flag : flags) spec.command.push_back(std::move(flag));
  return spec;
}

std::vector<std::string> ProcessWorld::leftovers() {
  std::erase_if(of_earlier_drivers_,
                [](pid_t pid) { return ::waitpid(pid, nullptr, WNOHANG) != 0; });
  std::vector<std::string> left;
  for (const ProcessFacts& process : all_processes()) {
    const std::string command =
        read_file(fmt::format("/proc/{}/cmdline", process.pid), 1 << 20).value_or("");
    const bool zombie_of_ours = process.zombie && process.parent == ::getpid();
    if (command.find(root().string()) != std::string::npos || zombie_of_ours) {
      left.push_back(fmt::format("process {}", process.pid));
    }
  }
  for (const auto& entry : std::filesystem::directory_iterator(options_.directory)) {
    if (!entry.path().filename().string().starts_with(".")) left.push_back(entry.path().string());
  }
  const CgroupLayout layout = CgroupLayout::of_machine();
  // The pool marks its groups with a digest of its directory.
  const std::string mark = "." + sha256_hex(options_.directory.string()).substr(0, 8);
  for (const auto& controller : {layout.memory, layout.cpu, layout.pids, layout.unified}) {
    std::error_code failure;
    for (std::filesystem::directory_iterator entry(controller / "hitless", failure), end;
         !failure && entry != end; entry.increment(failure)) {
      const std::string path = entry->path().string();
      if (path.ends_with(mark)) left.push_back(path);
    }
  }
  return left;
}

bool is_alive(pid_t pid) {
  const auto facts = facts_of(pid);
  return facts && !facts->zombie;
}

std::string call(const Address& address) {
  sockaddr_storage storage{};
  socklen_t size = 0;
  if (address.is_unix()) {
    auto& to = reinterpret_cast<sockaddr_un&>(storage);
    to.sun_family = AF_UNIX;
    address.path.copy(to.sun_path, sizeof to.sun_path - 1);
    size = sizeof to;
  } else {
    auto& to = reinterpret_cast<sockaddr_in&>(storage);
    to.sin_family = AF_INET;
    to.sin_port = htons(address.port);
    ::inet_pton(AF_INET, address.host.c_str(), &to.sin_addr);
    size = sizeof to;
  }
  const UniqueFd fd(::socket(storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (::connect(fd.get(), reinterpret_cast<sockaddr*>(&storage), size) != 0) return {};
  char buffer[64];
  const ssize_t got = ::read(fd.get(), buffer, sizeof buffer);
  return got > 0 ? std::string(buffer, static_cast<std::size_t>(got)) : std::string();
}

}  // namespace hitless::pools
