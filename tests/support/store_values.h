// Values and a database in a temporary folder, for this room's tests.
#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <memory>
#include <string>

#include "base/file.h"
#include "store/sqlite.h"
#include "store/store.h"

namespace hitless::store {

inline Time at(std::int64_t seconds) {
  return Time(std::chrono::seconds(1'700'000'000 + seconds));
}

inline model::ModelVersion some_model(const std::string& id, const std::string& name = "vad",
                                      const std::string& version = "0.0.1") {
  model::ModelVersion value;
  value.id = model::ModelId(id);
  value.name = name;
  value.version = version;
  value.type = "ONNX";
  value.description = "speech or not";
  value.status = model::ModelStatus::published;
  value.digest = "d1";
  value.size_bytes = 1234567890123;
  value.created_at = at(1);
  value.launch.command = {"./serve", "{port}"};
  value.launch.warm_up = {{.method = "POST",
                           .path = "/predict",
                           .headers = {{"Content-Type", "x/y"}},
                           .body = std::string("\0\xff", 2),
                           .body_file = {},
                           .fields = {{.pointer = "/score", .value = 0.5, .absolute = 0.25}}}};
  value.config_text = "{}";
  value.wire = {{"model_name", name}, {"nested", {{"a", 1}}}};
  return value;
}

inline model::Service some_service(const std::string& id, const std::string& name) {
  model::Service value;
  value.id = model::ServiceId(id);
  value.name = name;
  value.description = "a service";
  value.created_at = at(1);
  value.publish_at = at(2);
  value.transition_at = at(3);
  value.operation_time = at(4);
  value.update_time = at(5);
  value.rollout = model::RolloutId("first-of-" + id);
  value.wire = {{"priority", 2}};
  return value;
}

inline model::Revision some_revision(const model::ServiceId& service, model::RevisionNumber number,
                                     const std::string& model_id = "m1") {
  model::ConfigEntry entry;
  entry.model = model::ModelId(model_id);
  entry.specification = "modelarts.vm.cpu.2u";
  entry.envs["A"] = "b";
  entry.wire = {{"weight", "100"}};
  model::Revision value;
  value.service = service;
  value.number = number;
  value.config.entries = {entry};
  value.created_at = at(number);
  return value;
}

inline model::Rollout some_rollout(const std::string& id, const model::ServiceId& service,
                                   model::RevisionNumber from, model::RevisionNumber to) {
  model::Rollout value;
  value.id = model::RolloutId(id);
  value.service = service;
  value.plan.service = service;
  value.plan.from = from;
  value.plan.to = to;
  value.plan.hash = "h";
  value.why = "recorded";
  value.created_at = at(1);
  value.phase_at = at(2);
  value.progress_at = at(3);
  return value;
}

inline model::Instance some_instance(const model::ServiceId& service, int ordinal) {
  model::Instance value;
  value.id = model::InstanceId(service.text() + "-r1-" + std::to_string(ordinal));
  value.service = service;
  value.rollout = model::RolloutId("first-of-" + service.text());
  value.group = "g";
  value.revision = 1;
  value.ordinal = ordinal;
  value.created_at = at(1);
  value.stage_at = at(2);
  return value;
}

inline model::Event some_event(const std::string& subject, const std::string& text,
                               Time when = at(1)) {
  return {.subject = subject,
          .type = model::EventType::normal,
          .key = "updating",
          .text = text,
          .at = when};
}

// Whole values as text, where the values have no equality of their own.
inline std::string shown(const model::Service& s) {
  return s.id.text() + "|" + s.name + "|" + s.description + "|" + s.infer_type + "|" +
         std::string(to_text(s.status)) + "|" + s.error + "|" + std::to_string(s.progress) + "|" +
         std::to_string(s.revision) + "|" + s.rollout.text() + "|" +
         std::to_string(to_micros(s.created_at)) + "|" + std::to_string(to_micros(s.publish_at)) +
         "|" + std::to_string(to_micros(s.transition_at)) + "|" +
         std::to_string(to_micros(s.operation_time)) + "|" +
         std::to_string(to_micros(s.update_time)) + "|" + to_json_text(s.wire);
}

inline std::string shown(const model::Rollout& r) {
  return r.id.text() + "|" + r.service.text() + "|" + to_json_text(to_json(r.plan)) + "|" +
         std::string(to_text(r.phase)) + "|" + r.why + "|" + r.reason + "|" +
         std::to_string(to_micros(r.created_at)) + "|" + std::to_string(to_micros(r.phase_at)) +
         "|" + std::to_string(to_micros(r.progress_at)) + "|" +
         (r.ended_at ? std::to_string(to_micros(*r.ended_at)) : "-") + "|" +
         to_json_text(to_json(r.report));
}

inline std::string shown(const model::Revision& r) {
  return r.service.text() + "|" + std::to_string(r.number) + "|" + to_json_text(to_json(r.config)) +
         "|" + std::to_string(to_micros(r.created_at));
}

// A Store in a folder of its own; reopen() closes and opens it again.
class StoreTest : public ::testing::Test {
 protected:
  StoreTest() { reopen(); }

  void reopen() {
    store_.reset();
    Result<std::unique_ptr<Store>> opened = Store::open(file());
    if (!opened) FAIL() << opened.error().text();
    store_ = *std::move(opened);
  }
  std::filesystem::path file() const { return folder_.path() / "hitless.db"; }
  Store& store() { return *store_; }

  // Puts something into the file that the store itself would not.  No reference to the store stays.
  void change_file(const std::string& sql) {
    store_.reset();
    {
      const auto database = Database::open(file());
      if (!database) FAIL() << database.error().text();
      const Result<void> done = (*database)->execute(sql);
      EXPECT_TRUE(done) << (done ? "" : done.error().text());
    }
    reopen();
  }

  // From now on no report is written while the setting "refuses" is "yes".
  void let_reports_be_refused() {
    change_file(
        "CREATE TRIGGER refuses BEFORE UPDATE OF report ON rollouts "
        "WHEN EXISTS (SELECT 1 FROM settings WHERE name = 'refuses' AND value = 'yes') "
        "BEGIN SELECT RAISE(ABORT, 'refused by a test'); END");
  }
  void refuse_reports(bool refuse) {
    ASSERT_TRUE(store().put_setting("refuses", refuse ? "yes" : "no"));
  }

  // A service with revision 1 and its deploy rollout, as accepted.
  model::Service add(const std::string& id, const std::string& name,
                     const std::string& model_id = "m1") {
    const model::Service service = some_service(id, name);
    const Result<void> done = store_->add_service(
        service, some_revision(service.id, 1, model_id),
        some_rollout(service.rollout.text(), service.id, 0, 1), {some_event(id, "begin")});
    EXPECT_TRUE(done) << (done ? "" : done.error().text());
    return service;
  }

  const TemporaryDirectory folder_ = TemporaryDirectory::make("store-test").value();
  std::unique_ptr<Store> store_;
};

}  // namespace hitless::store
