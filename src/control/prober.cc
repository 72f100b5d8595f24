#include "control/prober.h"

#include <fmt/format.h>

#include <algorithm>
#include <deque>
#include <map>
#include <thread>

#include "base/thread_annotations.h"
#include "control/limits.h"
#include "control/subprocess.h"
#include "control/warm_up_call.h"
#include "net/http_client.h"
#include "net/status_client.h"

namespace hitless::control {
namespace {

// Starting instances are asked this often at the least …
constexpr Duration k_starting_interval_min = std::chrono::milliseconds(20);
// … and otherwise after 2 % of their age, which bounds what waiting for the next probe can add.
constexpr int k_starting_interval_share = 50;
constexpr Duration k_starting_interval_max = std::chrono::seconds(1);
// When nothing is due the thread still looks again now and then: the clock may have been set.
constexpr Duration k_look_interval = std::chrono::seconds(1);
// A health answer is a word or two; more is not read.
constexpr std::size_t k_answer_bytes_max = 64 * 1024;

// Those that are ready are asked in groups, each by up to 5 % of its period later than it need be:
// waking up costs as much as a question.
constexpr int k_ready_slack_share = 20;

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
  std::size_t warmed = 0;   // warm-up requests that were answered right
  bool is_warming = false;  // its health check has passed
  bool was_wrong = false;   // the answer to the next warm-up request, when it was sent before
  int failures = 0;         // in a row, those that count
  bool is_asked = false;    // a question is under way
  bool is_doubted = false;  // since it began
  Time counted_at;
  Time asked_at;
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

// In one period, at a moment that others of the same period have in common.
Time ready_next(Time now, Duration period) {
  const Duration tick = std::max(period / k_ready_slack_share, Duration(1));
  const Time due = now + period;
  const Duration beyond = due.time_since_epoch() % tick;
  return beyond == Duration::zero() ? due : due + (tick - beyond);
}

Failure failure_of(const Result<int>& status, const std::string& path) {
  if (!status) return {status.error().text(), status.error().code() == Code::unavailable};
  if (*status >= 200 && *status < 300) return {};
  return {fmt::format("HTTP {} from {}", *status, path)};
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
      : clock_(clock),
        on_change_(std::move(on_change)),
        checks_(net::StatusClient::make()),
        warm_ups_(net::HttpClient::make()) {
    thread_ = std::thread([this] { run(); });
    commands_ = std::thread([this] { run_commands(); });
  }

  ~ThreadedProber() override {
    {
      const MutexLock lock(mutex_);
      stopping_ = true;
    }
    changed_.notify_all();
    command_due_.notify_all();
    thread_.join();
    commands_.join();
    checks_.reset();  // ends the calls under way, whose answers still come to us
    warm_ups_.reset();
  }

  void ensure(const ProbeTarget& target) override {
    const MutexLock lock(mutex_);
    const auto [place, added] = entries_.try_emplace(target.instance);
    if (!added) return;
    place->second.target = target;
    place->second.was_ready = target.was_ready;
    ask_at(clock_.now(), place->second);
  }

  void forget(const model::InstanceId& instance) override {
    const MutexLock lock(mutex_);
    entries_.erase(instance);
  }

  void doubt(const model::InstanceId& instance) override {
    const MutexLock lock(mutex_);
    const auto place = entries_.find(instance);
    if (place == entries_.end() || !place->second.was_ready) return;
    Entry& entry = place->second;
    if (entry.is_asked) {
      entry.is_doubted = true;
      return;
    }
    const Time soon = std::max(clock_.now(), entry.asked_at + k_doubt_interval);
    if (soon < entry.next) ask_at(soon, entry);
  }

  ProbeCounts counts() const override {
    const MutexLock lock(mutex_);
    return counts_;
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
      ask_due(clock_.now());
      looks_at_ = clock_.now() + k_look_interval;
      if (!due_.empty()) looks_at_ = std::min(looks_at_, due_.begin()->first);
      const Time until = looks_at_;
      changed_.wait_until(mutex_, until);
    }
  }

  void ask_due(Time now) HL_REQUIRES(mutex_) {
    while (!due_.empty() && due_.begin()->first <= now) {
      const auto turn = due_.extract(due_.begin());
      const auto place = entries_.find(turn.mapped());
      if (place == entries_.end() || place->second.next != turn.key()) continue;
      place->second.is_asked = true;
      place->second.asked_at = now;
      ask(place->second.target);
    }
  }

  // An instance has one turn at a time: each ends in the next, or with its being forgotten.
  void ask_at(Time at, Entry& entry) HL_REQUIRES(mutex_) {
    entry.is_asked = false;
    entry.next = at;
    due_.emplace(at, entry.target.instance);
    if (at >= looks_at_) return;  // the thread does not sleep too long
    looks_at_ = at;
    changed_.notify_all();
  }

  void ask(const ProbeTarget& target) HL_REQUIRES(mutex_) {
    if (target.check.method == model::HealthCheck::Method::exec) {
      commands_due_.push_back(target);
      command_due_.notify_one();
      return;
    }
    checks_->send({.to = target.address,
                   .target = target.check.path,
                   .timeout = target.check.timeout,
                   .body_bytes_max = k_answer_bytes_max},
                  [this, id = target.instance, path = target.check.path](Result<int> status) {
                    answered(id, failure_of(status, path));
                  });
  }

  // Exec checks one after the other: they are rare, and each costs a process anyway.
  void run_commands() {
    for (;;) {
      ProbeTarget target;
      {
        const MutexLock lock(mutex_);
        while (!stopping_ && commands_due_.empty()) command_due_.wait(mutex_);
        if (stopping_) return;
        target = std::move(commands_due_.front());
        commands_due_.pop_front();
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
    warm_ups_->send(warm_up_call(request, entry.target.address, name),
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
    if (news) on_change_();
  }

  // The end of one round of questions.
  void settle(Entry& entry, Failure failure) HL_REQUIRES(mutex_) {
    const Time now = clock_.now();
    const Duration age = now - entry.target.started;
    ++(failure.text.empty() ? counts_.passed : counts_.failed);
    if (failure.text.empty()) {
      entry.failures = 0;
      entry.was_ready = true;
      entry.state = {.probe = rollout::Probe::passing, .detail = {}};
    } else {
      count_failure(entry, now, age);
      if (failure.is_unreachable && !entry.was_ready) {
        const bool may_yet = entry.state.probe != rollout::Probe::failing && age < k_unheard_after;
        failure.text = may_yet ? std::string() : failure.text + advice_for(entry.target.address);
      }
      entry.state.detail = std::move(failure.text);
    }
    const Duration period = entry.target.check.period;
    // Its answer may be from before the doubt.
    if (std::exchange(entry.is_doubted, false)) {
      return ask_at(std::max(now, entry.asked_at + k_doubt_interval), entry);
    }
    ask_at(entry.was_ready ? ready_next(now, period) : now + starting_interval(age), entry);
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
  ConditionVariable changed_;      // looks_at_ has come nearer
  ConditionVariable command_due_;  // commands_due_ has one more
  bool stopping_ HL_GUARDED_BY(mutex_) = false;
  Time looks_at_ HL_GUARDED_BY(mutex_);  // when the thread looks again
  // Whose turn it is when.  Turns of forgotten instances stay until they come.
  std::multimap<Time, model::InstanceId> due_ HL_GUARDED_BY(mutex_);
  std::map<model::InstanceId, Entry> entries_ HL_GUARDED_BY(mutex_);
  ProbeCounts counts_ HL_GUARDED_BY(mutex_);
  std::deque<ProbeTarget> commands_due_ HL_GUARDED_BY(mutex_);

  std::unique_ptr<net::StatusClient> checks_;
  std::unique_ptr<net::HttpClient> warm_ups_;
  std::thread thread_;
  std::thread commands_;
};

}  // namespace

std::unique_ptr<Prober> Prober::start(const Clock& clock, std::function<void()> on_change) {
  return std::make_unique<ThreadedProber>(clock, std::move(on_change));
}

}  // namespace hitless::control
