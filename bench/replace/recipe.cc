#include "bench/replace/recipe.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/check.h"
#include "base/file.h"
#include "bench/gateway/interrupt.h"
#include "bench/gateway/peers.h"
#include "bench/gateway/template.h"
#include "tests/support/subprocess.h"

namespace hitless::bench {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t k_config_bytes_max = 64 * 1024;
constexpr int k_port_tries = 5;
constexpr std::chrono::seconds k_start_patience{20};
constexpr std::chrono::seconds k_reload_patience{30};

}  // namespace

const std::vector<RecipeKind>& recipes() {
  static const std::vector<RecipeKind> all{
      {"hitless", "a table with the new, one without the old, old stopped when drained",
       start_hitless},
      {"nginx-reload", "configuration rewritten, HUP, old stopped when the old workers have gone",
       start_nginx},
      {"haproxy-reload", "configuration rewritten, USR2, old stopped when the old worker has gone",
       start_haproxy_reload},
      {"haproxy-runtime", "add server, drain the old one, stopped when it has no session",
       start_haproxy_runtime}};
  return all;
}

PeerProcess::PeerProcess(std::vector<std::string> argv, fs::path folder, std::string config_name,
                         std::map<std::string, std::string> values)
    : folder_(std::move(folder)), config_name_(std::move(config_name)) {
  for (int i = 0; i < k_port_tries; ++i) {
    address_ = free_address();
    write_config(values);
    child_ = std::make_unique<Child>(argv, folder_ / "output", -1);
    tests::eventually([&] { return child_->has_ended() || answers(address_); }, k_start_patience);
    if (!child_->has_ended()) return;
  }
  give_up(fmt::format("{} does not start: {}", argv[0], child_->output()));
}

void PeerProcess::write_config(std::map<std::string, std::string> values) const {
  auto text = read_file(fs::path(HITLESS_REPLACE_CONFIGS) / config_name_, k_config_bytes_max);
  HL_CHECK(text);
  values["listen"] = to_text(address_);
  const auto written =
      write_file_atomically(folder_ / config_name_, fill_template(*text, values, ""));
  HL_CHECK(written);
}

void PeerProcess::reload(int signal) {
  const std::vector<pid_t> before = tree_of(child_->pid());
  child_->signal(signal);
  const bool is_done = tests::eventually(
      [&] {
        const std::vector<pid_t> now = tree_of(child_->pid());
        return now.size() > 1 && std::none_of(now.begin() + 1, now.end(), [&](pid_t pid) {
                 return std::find(before.begin(), before.end(), pid) != before.end();
               });
      },
      k_reload_patience);
  if (!is_done) give_up("a worker does not leave: " + child_->output());
}

}  // namespace hitless::bench
