#include <fmt/format.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/check.h"
#include "base/file.h"
#include "bench/gateway/interrupt.h"
#include "bench/gateway/peers.h"
#include "bench/replace/recipe.h"
#include "net/socket.h"
#include "tests/support/subprocess.h"

namespace hitless::bench {
namespace {

namespace fs = std::filesystem;

constexpr const char* k_config = "haproxy.cfg";
constexpr const char* k_backend = "instances";
constexpr std::chrono::seconds k_drain_patience{30};

std::map<std::string, std::string> values(const Routed& routed, const fs::path& folder) {
  std::string servers;
  for (const tests::LeavingInstance* each : routed) {
    servers += fmt::format("server {} {}\n  ", each->name(), to_text(each->address()));
  }
  return {{"folder", folder}, {"servers", servers}};
}

class HaProxy : public Recipe {
 public:
  HaProxy(const Routed& routed, const fs::path& folder)
      : folder_(folder),
        process_({peer_program("haproxy"), "-W", "-db", "-q", "-f", folder / k_config}, folder,
                 k_config, values(routed, folder)) {}

  const Address& address() const override { return process_.address(); }

 protected:
  const fs::path& folder() const { return folder_; }
  PeerProcess& process() { return process_; }

 private:
  const fs::path folder_;
  PeerProcess process_;
};

class ByReload final : public HaProxy {
 public:
  using HaProxy::HaProxy;

  void reroute(const Routed& routed, const tests::LeavingInstance&) override {
    process().write_config(values(routed, folder()));
    process().reload(SIGUSR2);
  }
};

class ByRuntime final : public HaProxy {
 public:
  using HaProxy::HaProxy;

  void reroute(const Routed& routed, const tests::LeavingInstance& leaving) override {
    const tests::LeavingInstance& coming = *routed.back();
    expect(fmt::format("add server {}/{} {}", k_backend, coming.name(), to_text(coming.address())),
           "New server registered");
    expect(fmt::format("enable server {}/{}", k_backend, coming.name()), "");
    expect(fmt::format("set server {}/{} state drain", k_backend, leaving.name()), "");
    const bool is_drained =
        tests::eventually([&] { return sessions_of(leaving.name()) == 0; }, k_drain_patience);
    if (!is_drained) give_up("HAProxy does not drain " + leaving.name());
    // Otherwise its idle connections would still be used.
    expect(fmt::format("set server {}/{} state maint", k_backend, leaving.name()), "");
  }

 private:
  std::string ask(const std::string& command) const {
    const auto to =
        net::to_socket_address({.host = {}, .port = 0, .path = folder() / "admin.sock"});
    HL_CHECK(to);
    const UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (!fd || ::connect(fd.get(), &to->any, to->size) != 0) return "no admin socket";
    const std::string line = command + "\n";
    std::string answer;
    if (::send(fd.get(), line.data(), line.size(), MSG_NOSIGNAL) < 0) return "no admin socket";
    char bytes[4096];
    for (ssize_t got; (got = ::recv(fd.get(), bytes, sizeof bytes, 0)) > 0;) {
      answer.append(bytes, static_cast<std::size_t>(got));
    }
    return answer;
  }

  // An answer that begins otherwise is a complaint.
  void expect(const std::string& command, std::string_view begin) const {
    const std::string answer = ask(command);
    const bool is_good = begin.empty() ? answer.find_first_not_of('\n') == std::string::npos
                                       : answer.starts_with(begin);
    if (!is_good) give_up(fmt::format("HAProxy says to [{}]: {}", command, answer));
  }

  // -1: not told of.
  int sessions_of(const std::string& server) const {
    const std::string stat = ask(fmt::format("show stat {} 4 -1", k_backend));
    const std::string row = fmt::format("\n{},{},", k_backend, server);
    std::size_t at = stat.find(row);
    if (at == std::string::npos) return -1;
    at += row.size();
    for (int field = 0; field < 2; ++field) at = stat.find(',', at) + 1;  // qcur, qmax
    return std::atoi(stat.c_str() + at);
  }
};

}  // namespace

std::unique_ptr<Recipe> start_haproxy_reload(const Routed& routed, const fs::path& folder) {
  return std::make_unique<ByReload>(routed, folder);
}

std::unique_ptr<Recipe> start_haproxy_runtime(const Routed& routed, const fs::path& folder) {
  return std::make_unique<ByRuntime>(routed, folder);
}

}  // namespace hitless::bench
