#include "tests/support/leaving_instances.h"

#include <fmt/format.h>
#include <signal.h>
#include <sys/wait.h>

#include <cstring>
#include <utility>

#include "base/check.h"
#include "base/file.h"
#include "tests/support/subprocess.h"

namespace hitless::tests {
namespace {

namespace fs = std::filesystem;

constexpr const char* k_said = "listens on ";
constexpr const char* k_count = "taken";
constexpr std::size_t k_output_max = 4096;

}  // namespace

LeavingInstance::LeavingInstance(const std::string& habit, std::string name, const fs::path& folder)
    : name_(std::move(name)) {
  const fs::path output = folder / name_;
  pid_ = spawn({HITLESS_LEAVING_INSTANCE, "--habit", habit, "--version-tag", name_, "--count",
                folder / k_count},
               output);
  std::string said;
  const bool listens = eventually([&] {
    said = tail_of(output, k_output_max);
    return said.starts_with(k_said) && said.ends_with('\n');
  });
  if (!listens) fmt::print(stderr, "an instance does not start: {}\n", said);
  HL_CHECK(listens);
  said.pop_back();
  address_ = parse_address(said.substr(std::strlen(k_said))).value();
}

LeavingInstance::~LeavingInstance() {
  if (pid_ == 0) return;
  ::kill(pid_, SIGKILL);
  ::waitpid(pid_, nullptr, 0);
}

void LeavingInstance::ask_to_end() const {
  ::kill(pid_, SIGTERM);
}

bool LeavingInstance::wait_for_end() {
  if (!tests::wait_for_end(pid_)) return false;
  pid_ = 0;
  return true;
}

LeavingInstances::LeavingInstances(std::string habit, fs::path folder, std::size_t count)
    : habit_(std::move(habit)), folder_(std::move(folder)) {
  for (std::size_t i = 0; i < count; ++i) start_next();
}

void LeavingInstances::start_next() {
  running_.push_back(
      std::make_unique<LeavingInstance>(habit_, fmt::format("{}-{}", habit_, ++started_), folder_));
}

LeavingInstances::Routed LeavingInstances::routed() const {
  Routed all;
  for (const auto& each : running_) all.push_back(each.get());
  return all;
}

bool LeavingInstances::replace_oldest(const Reroute& reroute) {
  start_next();
  const std::unique_ptr<LeavingInstance> oldest = std::move(running_.front());
  running_.pop_front();
  reroute(routed(), *oldest);
  oldest->ask_to_end();
  ++replaced_;
  return oldest->wait_for_end();
}

bool LeavingInstances::end() {
  for (const auto& each : running_) each->ask_to_end();
  bool have_ended = true;
  for (const auto& each : running_) have_ended = each->wait_for_end() && have_ended;
  running_.clear();
  return have_ended;
}

std::uint64_t LeavingInstances::taken() const {
  const auto bytes = read_file(folder_ / k_count, sizeof(std::uint64_t));
  HL_CHECK(bytes && bytes->size() == sizeof(std::uint64_t));
  std::uint64_t count = 0;
  std::memcpy(&count, bytes->data(), sizeof count);
  return count;
}

}  // namespace hitless::tests
