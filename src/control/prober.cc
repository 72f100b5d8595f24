#include "control/prober.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <thread>

#include "base/thread_annotations.h"
#include "control/subprocess.h"
#include "control/warm_up_call.h"
#include "net/http_client.h"

namespace hitless::control {
namespace {

// Starting instances are asked this often at the least …
constexpr Duration k_starting_interval_min = std::chrono::milliseconds(20);
// … and otherwise after 2 % of their age, which bounds what waiting for the next probe can add.
constexpr int k_starting_interval_share = 50;
constexpr Duration k_starting_interval_max = std::chrono::seconds(1);
// A health answer is a word or two; more is not read.
constexpr std::size_t k_answer_bytes_max = 64 * 1024;

// No program listens at once: that long nothing is said of it, and then with advice.
constexpr Duration k_unheard_after = std::chrono::seconds(1);

// How a probe went.
struct Failure {
  std::string text;             // empty: it passed
  bool is_unreachable = false;  // nothing listens there, or it hangs up
};

struct Entry {
  ProbeTarget target;
  ProbeState state;
  bool was_ready = false;
  bool asking = false;
  std::size_t warmed = 0;   // warm-up requests that were answered right
  bool is_warming = false;  // its health check has passed
  bool was_wrong = false;   // the answer to the next warm-up request, when it was sent before
  int failures = 0;         // in a row, those that count
  Time counted_at;
  Time next;

  // The warm-up request to be sent next; null: it needs none any more.
  const model::WarmUpRequest* find_next_warm_up() const {
    if (was_ready || target.warm_up == nullptr || warmed >= target.warm_up->size()) return nullptr;
    return &(*target.warm_up)[warmed];
  }
};

Duration starting_interval(Duration age) {
  return std::clamp(age / k_starting_interval_share, k_starting_interval_min,
                    k_starting_interval_max);
}

net::HttpCall health_call(const ProbeTarget& target) {
  net::HttpCall call;
  call.to = target.address;
  call.request = {.method = "GET", .target = target.check.path, .headers = {}, .body = {}};
  call.connect_timeout = target.check.timeout;
  call.total_timeout = target.check.timeout;
  call.body_bytes_max = k_answer_bytes_max;
  return call;
}

Failure failure_of(const Result<net::HttpResponse>& answer, const std::string& path) {
  if (!answer) return {answer.error().text(), answer.error().code() == Code::unavailable};
  if (answer->status >= 200 && answer->status < 300) return {};
  return {fmt::format("HTTP {} from {}", answer->status, path)};
}

Failure failure_of(const Result<CommandEnd>& end) {
  if (!end) return {end.error().text()};
  if (end->status == 0) return {};
  return {fmt::format("the health command ended with status {}: {}", end->status,
                      end->output.substr(0, 200))};
}

std::string advice_for(const Address& address) {
  return fmt::format(
      "; its program has to listen there{}, and `hitless service instance-log` "
      "shows what it says",
      address.is_unix() ? "" : ", on the port that $PORT names");
}

class ThreadedProber final : public Prober {
 public:
  ThreadedProber(const Clock& clock, std::function<void()> on_change)
      : clock_(clock), on_change_(std::move(on_change)), client_(net::HttpClient::make()) {
    thread_ = std::thread([this] { run(); });
    commands_ = std::thread([this] { run_commands(); });
  }

  ~ThreadedProber() override {
    {
      const MutexLock lock(mutex_);
      stopping_ = true;
    }
    changed_.notify_all();
    thread_.join();
    commands_.join();
    client_.reset();  // ends the calls under way, whose answers still come to us
  }

  void ensure(const ProbeTarget& target) override {
    {
      const MutexLock lock(mutex_);
      const auto [place, added] = entries_.try_emplace(target.instance);
      if (!added) return;
      place->second.target = target;
      place->second.was_ready = target.was_ready;
      place->second.next = clock_.now();
    }
    changed_.notify_all();
  }

  void forget(const model::InstanceId& instance) override {
    const MutexLock lock(mutex_);
    entries_.erase(instance);
  }

  ProbeState state(const model::InstanceId& instance) const override {
    const MutexLock lock(mutex_);
    const auto place = entries_.find(instance);
    return place == entries_.end() ? ProbeState{} : place->second.state;
  }

 private:
  void run() {
    const MutexLock lock(mutex_);
    while (!stopping_) {
      const Time now = clock_.now();
      Time next = now + k_starting_interval_max;
      for (auto& [id, entry] : entries_) {
        if (entry.asking) continue;
        if (entry.next <= now) {
          entry.asking = true;
          ask(entry.target);
        } else {
          next = std::min(next, entry.next);
        }
      }
      changed_.wait_until(mutex_, next);
    }
  }

  void ask(const ProbeTarget& target) HL_REQUIRES(mutex_) {
    if (target.check.method == model::HealthCheck::Method::exec) {
      commands_due_.push_back(target);
      return;
    }
    const model::InstanceId id = target.instance;
    const std::string path = target.check.path;
    client_->send(health_call(target), [this, id, path](Result<net::HttpResponse> answer) {
      answered(id, failure_of(answer, path));
    });
  }

  // Exec checks one after the other: they are rare, and each costs a process anyway.
  void run_commands() {
    for (;;) {
      ProbeTarget target;
      {
        const MutexLock lock(mutex_);
        while (!stopping_ && commands_due_.empty()) changed_.wait(mutex_);
        if (stopping_) return;
        target = commands_due_.back();
        commands_due_.pop_back();
      }
      answered(target.instance, failure_of(run_command({.argv = target.check.command,
                                                        .directory = target.package,
                                                        .timeout = target.check.timeout})));
    }
  }

  void answered(const model::InstanceId& id, Failure failure) {
    bool news = false;
    {
      const MutexLock lock(mutex_);
      const auto place = entries_.find(id);
      if (place == entries_.end() || stopping_) return;
      news = take(place->second, std::move(failure));
    }
    changed_.notify_all();
    if (news) on_change_();
  }

  // True when the state changed.
  bool take(Entry& entry, Failure failure) HL_REQUIRES(mutex_) {
    const ProbeState before = entry.state;
    if (failure.text.empty() && entry.find_next_warm_up() != nullptr) {
      warm_up(entry);
    } else {
      settle(entry, std::move(failure));
    }
    return before.probe != entry.state.probe || before.detail != entry.state.detail;
  }

  // Sends the next warm-up request.
  void warm_up(Entry& entry) HL_REQUIRES(mutex_) {
    if (!std::exchange(entry.is_warming, true)) entry.failures = 0;
    const model::WarmUpRequest& request = *entry.find_next_warm_up();
    if (!entry.was_wrong) {
      entry.state.detail = fmt::format("{} of {}, {}, is under way", number_of(entry.warmed),
                                       entry.target.warm_up->size(), model::name_of(request));
    }
    const std::string name =
        fmt::format("warm-up-{}-{}", entry.target.instance.text(), entry.warmed + 1);
    client_->send(warm_up_call(request, entry.target.address, name),
                  [this, id = entry.target.instance, all = entry.target.warm_up,
                   index = entry.warmed](Result<net::HttpResponse> answer) {
                    std::string fault = warm_up_fault((*all)[index], answer);
                    if (!fault.empty()) fault = number_of(index) + ": " + fault;
                    warmed(id, Failure{.text = std::move(fault)});
                  });
  }

  static std::string number_of(std::size_t index) {
    return fmt::format("warm-up request {}", index + 1);
  }

  void warmed(const model::InstanceId& id, Failure failure) {
    bool news = false;
    {
      const MutexLock lock(mutex_);
      const auto place = entries_.find(id);
      if (place == entries_.end() || stopping_) return;
      place->second.was_wrong = !failure.text.empty();
      if (failure.text.empty()) ++place->second.warmed;
      news = take(place->second, std::move(failure));
    }
    changed_.notify_all();
    if (news) on_change_();
  }

  // The end of one round of questions.
  void settle(Entry& entry, Failure failure) HL_REQUIRES(mutex_) {
    const Time now = clock_.now();
    const Duration age = now - entry.target.started;
    entry.asking = false;
    if (failure.text.empty()) {
      entry.failures = 0;
      entry.was_ready = true;
      entry.state = {.probe = rollout::Probe::passing, .detail = {}};
    } else {
      if (failure.is_unreachable && !entry.was_ready) {
        failure.text =
            age < k_unheard_after ? std::string() : failure.text + advice_for(entry.target.address);
      }
      entry.state.detail = std::move(failure.text);
      count_failure(entry, now, age);
    }
    entry.next = now + (entry.was_ready ? entry.target.check.period : starting_interval(age));
  }

  // However often we ask, a failure counts once a period: that is what the threshold is made for.
  static void count_failure(Entry& entry, Time now, Duration age) {
    const model::HealthCheck& check = entry.target.check;
    if (!entry.was_ready && age < check.initial_delay) return;
    if (entry.failures > 0 && now - entry.counted_at < check.period) return;
    entry.counted_at = now;
    ++entry.failures;
    if (entry.failures >= check.failure_threshold) entry.state.probe = rollout::Probe::failing;
  }

  const Clock& clock_;
  const std::function<void()> on_change_;

  mutable Mutex mutex_;
  ConditionVariable changed_;
  bool stopping_ HL_GUARDED_BY(mutex_) = false;
  std::map<model::InstanceId, Entry> entries_ HL_GUARDED_BY(mutex_);
  std::vector<ProbeTarget> commands_due_ HL_GUARDED_BY(mutex_);

  std::unique_ptr<net::HttpClient> client_;
  std::thread thread_;
  std::thread commands_;
};

}  // namespace

std::unique_ptr<Prober> Prober::start(const Clock& clock, std::function<void()> on_change) {
  return std::make_unique<ThreadedProber>(clock, std::move(on_change));
}

}  // namespace hitless::control
