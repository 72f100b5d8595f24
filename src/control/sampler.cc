#include "control/sampler.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "base/log.h"
#include "base/thread_annotations.h"
#include "control/limits.h"
#include "control/warm_up_call.h"

namespace hitless::control {
namespace {

// What one sample asks of whom.
struct Shot {
  bool on_new_side = false;
  bool borrowed = false;
  model::InstanceId instance;
  std::shared_ptr<const model::WarmUp> requests;  // null: that side has nothing to be asked
  std::size_t index = 0;

  const model::WarmUpRequest& request() const { return (*requests)[index]; }
};

struct Run {
  SampleTask task;
  SampleState state;
  std::uint64_t id = 0;    // answers to a former run do not count
  std::uint64_t next = 0;  // even: the old side's turn
  bool is_asking = false;
  std::uint64_t wrong_old = 0, wrong_new = 0;
  int old_side_lost = 0;          // samples in a row without an answer
  bool old_side_refused = false;  // it does not know the other side's requests
};

bool has_requests(const SampleStream& stream) {
  return stream.requests != nullptr && !stream.requests->empty();
}

bool is_usable(const SampleStream& stream) {
  return !stream.instances.empty() && has_requests(stream);
}

// The old side alone proves nothing.
bool is_pointless(const Run& run) {
  return std::none_of(run.task.new_side.begin(), run.task.new_side.end(), has_requests);
}

// Every instance gets every request in its turn.
Shot shot_of(const Run& run) {
  Shot shot{.on_new_side = run.next % 2 == 1, .instance = {}};
  if (!shot.on_new_side && run.old_side_lost >= k_samples_lost_max) return shot;
  std::vector<const SampleStream*> usable;
  for (const SampleStream& stream : shot.on_new_side ? run.task.new_side : run.task.old_side) {
    const bool refused = stream.borrowed && run.old_side_refused;
    if (is_usable(stream) && !refused) usable.push_back(&stream);
  }
  if (usable.empty()) return shot;
  const std::uint64_t number = run.next / 2;
  const SampleStream& stream = *usable[number % usable.size()];
  const std::uint64_t turn = number / usable.size();
  shot.borrowed = stream.borrowed;
  shot.instance = stream.instances[turn % stream.instances.size()];
  shot.requests = stream.requests;
  shot.index = (turn / stream.instances.size()) % stream.requests->size();
  return shot;
}

net::HttpCall sample_call(const Run& run, const Shot& shot) {
  model::WarmUpRequest addressed = shot.request();
  addressed.path = fmt::format("/v1/infers/{}{}", run.task.service.text(), addressed.path);
  addressed.headers.emplace_back("X-Auth-Token", run.task.token);
  addressed.headers.emplace_back("X-Hitless-Instance", shot.instance.text());
  net::HttpCall call =
      warm_up_call(addressed, run.task.gateway,
                   fmt::format("sample-{}-{}", run.task.rollout.text(), run.next + 1));
  call.total_timeout = std::max(call.total_timeout, k_sample_timeout);
  return call;
}

// An answer that names a revision came from, or failed at, an instance.
bool reached_an_instance(const Result<net::HttpResponse>& answer) {
  if (!answer) return answer.error().code() != Code::unavailable;
  const std::string_view revision = answer->headers.get("X-Hitless-Revision");
  return !revision.empty() && revision != "0";
}

// The gateway waited in vain, or nobody was there.
bool is_lost(const Result<net::HttpResponse>& answer) {
  return !answer || (answer->status >= 502 && answer->status <= 504);
}

constexpr int k_server_errors = 500;  // and above: the gateway has counted them as such

class ThreadedSampler final : public Sampler {
 public:
  ThreadedSampler(const Clock& clock, std::function<void()> on_change)
      : clock_(clock), on_change_(std::move(on_change)), client_(net::HttpClient::make()) {}

  ~ThreadedSampler() override {
    {
      const MutexLock lock(mutex_);
      runs_.clear();
    }
    client_.reset();  // ends the calls under way, whose answers still come to us
  }

  void ensure(const SampleTask& task) override {
    bool done = false;
    {
      const MutexLock lock(mutex_);
      Run& run = runs_[task.service];
      const std::uint64_t wanted = run.task.wanted;
      const bool same = run.task.rollout == task.rollout && run.task.step == task.step;
      if (!same) run = Run{.task = {}, .state = {}, .id = ++last_run_};
      run.task = task;
      if (same) run.task.wanted = wanted;
      if (run.is_asking || run.state.done_at) return;
      send_next(run);
      done = run.state.done_at.has_value();
    }
    if (done) on_change_();
  }

  void forget(const model::ServiceId& service) override {
    const MutexLock lock(mutex_);
    runs_.erase(service);
  }

  SampleState state(const model::ServiceId& service) const override {
    const MutexLock lock(mutex_);
    const auto place = runs_.find(service);
    return place == runs_.end() ? SampleState{} : place->second.state;
  }

 private:
  // The next sample of a side that has something to be asked; none is left: done.
  void send_next(Run& run) HL_REQUIRES(mutex_) {
    while (run.next < 2 * run.task.wanted && !is_pointless(run)) {
      const Shot shot = shot_of(run);
      if (shot.requests != nullptr) return send(run, shot);
      if (shot.on_new_side) return;  // no instance is routed; the next ensure() looks again
      ++run.next;
    }
    run.state.done_at = clock_.now();
    log_info("samples_sent", {{"service", run.task.service.text()},
                              {"rollout", run.task.rollout.text()},
                              {"answered", std::to_string(run.state.answered)}});
  }

  void send(Run& run, const Shot& shot) HL_REQUIRES(mutex_) {
    run.is_asking = true;
    client_->send(sample_call(run, shot), [this, service = run.task.service, id = run.id,
                                           shot](const Result<net::HttpResponse>& answer) {
      take(service, id, shot, answer);
    });
  }

  void take(const model::ServiceId& service, std::uint64_t id, const Shot& shot,
            const Result<net::HttpResponse>& answer) {
    bool done = false;
    {
      const MutexLock lock(mutex_);
      const auto place = runs_.find(service);
      if (place == runs_.end() || place->second.id != id) return;
      Run& run = place->second;
      run.is_asking = false;
      if (!reached_an_instance(answer)) return;  // the next ensure() tries again
      count(run, shot, answer);
      ++run.next;
      send_next(run);
      done = run.state.done_at.has_value();
    }
    if (done) on_change_();
  }

  static void count(Run& run, const Shot& shot, const Result<net::HttpResponse>& answer) {
    ++run.state.answered;
    if (!shot.on_new_side) run.old_side_lost = is_lost(answer) ? run.old_side_lost + 1 : 0;
    if (shot.borrowed) {
      if (!answer || answer->status != shot.request().status) run.old_side_refused = true;
      return;
    }
    const std::string fault = warm_up_fault(shot.request(), answer);
    if (fault.empty()) return;
    std::uint64_t& wrong = shot.on_new_side ? run.wrong_new : run.wrong_old;
    if (wrong++ == 0) {
      log_warn("sample_wrong", {{"service", run.task.service.text()},
                                {"instance", shot.instance.text()},
                                {"cause", fault}});
    }
    if (answer && answer->status >= k_server_errors) return;
    ++(shot.on_new_side ? run.state.unseen_new : run.state.unseen_old);
  }

  const Clock& clock_;
  const std::function<void()> on_change_;
  mutable Mutex mutex_;
  std::map<model::ServiceId, Run> runs_ HL_GUARDED_BY(mutex_);
  std::uint64_t last_run_ HL_GUARDED_BY(mutex_) = 0;
  std::unique_ptr<net::HttpClient> client_;
};

}  // namespace

std::unique_ptr<Sampler> Sampler::start(const Clock& clock, std::function<void()> on_change) {
  return std::make_unique<ThreadedSampler>(clock, std::move(on_change));
}

}  // namespace hitless::control
