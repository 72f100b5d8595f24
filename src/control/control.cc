#include "control/control.h"

#include <algorithm>
#include <limits>

#include "base/crypto.h"
#include "control/changes.h"
#include "control/importer.h"
#include "control/loop.h"

namespace hitless::control {
namespace {

class ControlImpl final : public Control {
 public:
  ControlImpl(ControlOptions options, ControlParts parts)
      : parts_(parts),
        engines_(options.engines),
        loop_(std::move(options), parts, traffic_),
        changes_(parts.store, loop_, parts.clock) {
    loop_.when_free([this](const model::ServiceId& id) { return changes_.begin_queued(id); });
  }

  Result<void> begin() {
    HL_TRY_ASSIGN(importer_, Importer::start(engines_, {.store = parts_.store,
                                                        .packages = parts_.packages,
                                                        .clock = parts_.clock}));
    return loop_.start();
  }

  void wake() override { loop_.wake(); }
  void stop() override { loop_.stop(); }

  Result<model::ModelId> create_model(NewModel asked) override {
    model::ModelVersion version;
    version.id = model::ModelId(random_uuid());
    version.name = std::move(asked.name);
    version.version = std::move(asked.version);
    version.type = std::move(asked.type);
    version.description = std::move(asked.description);
    version.source_location = std::move(asked.source_location);
    version.wire = std::move(asked.wire);
    version.created_at = parts_.clock.now();
    HL_TRY(examine(version, asked));
    HL_TRY(parts_.store.add_model(version));
    importer_->enqueue(version.id);
    return version.id;
  }

  Result<void> delete_model(const model::ModelId& id) override {
    HL_TRY_ASSIGN(const model::ModelVersion version, parts_.store.find_model(id));
    HL_TRY(parts_.store.remove_model(id));
    return remove_package_unless_used(version.digest);
  }

  Result<model::ServiceId> create_service(NewService service) override {
    return changes_.create(std::move(service));
  }
  Result<model::Plan> plan_update(const model::ServiceId& id,
                                  const ServiceUpdate& update) override {
    return changes_.plan(id, update);
  }
  Result<std::optional<UnderWay>> under_way(const model::ServiceId& id) override {
    return changes_.under_way(id);
  }
  Result<void> update_service(const model::ServiceId& id, ServiceUpdate update,
                              std::optional<std::string> plan_hash) override {
    return changes_.update(id, update, plan_hash);
  }
  Result<model::Plan> plan_start(const model::ServiceId& id) override {
    return changes_.plan_start(id);
  }
  Result<void> start_service(const model::ServiceId& id, const std::string& who,
                             const std::optional<std::string>& plan_hash) override {
    return changes_.start(id, who, plan_hash);
  }
  Result<model::Plan> plan_stop(const model::ServiceId& id) override {
    return changes_.plan_stop(id);
  }
  Result<void> stop_service(const model::ServiceId& id, const std::string& who,
                            const std::optional<std::string>& plan_hash) override {
    return changes_.stop(id, who, plan_hash);
  }
  Result<void> delete_service(const model::ServiceId& id, const std::string& who) override {
    return changes_.remove(id, who);
  }

  Result<void> steer_rollout(const RolloutOrder& order) override { return loop_.steer(order); }
  Result<void> rollback_service(const Rollback& asked) override { return changes_.rollback(asked); }
  Result<std::vector<RevisionStatus>> revisions(const model::ServiceId& id) override {
    return loop_.revisions(id);
  }
  Result<void> delete_revision(const model::ServiceId& id, model::RevisionNumber number) override {
    return loop_.remove_revision(id, number);
  }

  Result<std::vector<InstanceStatus>> instances(const model::ServiceId& id) override {
    HL_TRY_ASSIGN(const model::Service service, parts_.store.find_service(id));
    return loop_.instances(service.id);
  }

  std::optional<SideTraffic> side_traffic(const model::ServiceId& id) override {
    return loop_.side_traffic(id);
  }
  std::unique_ptr<Watch> watch(const model::ServiceId& id,
                               std::function<void()> on_change) override {
    return loop_.news().watch(id, std::move(on_change));
  }

  Result<std::string> instance_log(const model::InstanceId& id, std::size_t bytes_max) override {
    return parts_.pool.logs(id, bytes_max);
  }

  Calls calls(const model::ServiceId& id) override {
    const model::Outcomes total = traffic_.reading(id, parts_.clock.now()).total;
    // Without a status, and not because the client left.
    const std::uint64_t cut_off =
        total.by_class[0] - std::min(total.by_class[0], total.client_gone);
    return {.invocations = total.requests,
            .failures = total.by_class[5] + cut_off + total.cut,
            .rate_limited = total.rate_limited,
            .concurrency_limited = total.concurrency_limited,
            .circuit_open = total.circuit_open};
  }

  LoopCounts counts() const override { return loop_.counts(); }

  std::string gateway_url() override {
    const auto hello = parts_.gateway.attached();
    return hello ? "http://" + to_text(hello->listen) : std::string();
  }

 private:
  Result<void> remove_package_unless_used(const std::string& digest) {
    if (digest.empty()) return {};
    store::ModelQuery all;
    all.page.limit = std::numeric_limits<std::int64_t>::max();
    HL_TRY_ASSIGN(const auto page, parts_.store.list_models(all));
    for (const model::ModelVersion& other : page.rows) {
      if (other.digest == digest) return {};
    }
    return parts_.packages.remove(digest);
  }

  const ControlParts parts_;
  const EngineKit engines_;
  TrafficBook traffic_;
  Loop loop_;
  Changes changes_;
  std::unique_ptr<Importer> importer_;
};

}  // namespace

Result<std::unique_ptr<Control>> Control::start(ControlOptions options, ControlParts parts) {
  auto control = std::make_unique<ControlImpl>(std::move(options), parts);
  HL_TRY(control->begin());
  return std::unique_ptr<Control>(std::move(control));
}

}  // namespace hitless::control
