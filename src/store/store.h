// What hitless remembers: models, services, revisions, rollouts, instances, events, in one SQLite
// database (WAL, foreign keys, numbered migrations).
//
// Each public function is one transaction and one sentence.  One writer at a time, guarded inside;
// any thread.  No clock and no ids in here: both come in as values.  One process has the database
// open: the owner of the state directory's lock.
//
// Errors: not_found, conflict (a unique name is taken, or the row is not as the caller thought),
// exhausted (disk full; nothing was written), corrupt, unavailable (locked by another process),
// unsupported (a database of a newer hitless).
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "model/event.h"
#include "model/instance.h"
#include "model/model_version.h"
#include "model/rollout.h"
#include "model/service.h"

namespace hitless::store {

// A page of a list: `rows` from `offset`, and how many there are in all.
template <class T>
struct Page {
  std::vector<T> rows;
  std::int64_t total = 0;
};

// Members may be left out of designated initialisers: each has its default.
struct PageQuery {
  std::int64_t offset = 0;
  std::int64_t limit = 1000;
  std::string sort_by{};  // a wire word; empty: the list's default
  bool ascending = false;
};

struct ModelQuery {
  PageQuery page{};    // sort_by: create_at (default), model_version, model_size
  std::string name{};  // part of the name, or the whole with exact_name
  bool exact_name = false;
  std::string version{};
  std::string status{};
  std::string description{};
  std::string type{};
  std::string not_type{};
};

struct ServiceQuery {
  PageQuery page{};  // sort_by: publish_at (default), service_name, transition_at
  std::string id{};
  std::string name{};  // part of the name
  std::string model{};
  std::string infer_type{};
  std::string status{};
};

struct EventQuery {
  PageQuery page{};  // newest first unless ascending
  std::string subject{};
  std::string type{};
  std::string text{};  // part of it
  std::optional<Time> from{}, to{};
};

// What a decision of a rollout was made from, and the decision, both as JSON text of rollout's.
struct JournalRow {
  model::RolloutId rollout;
  Time at;
  std::string view;
  std::string decision;
};

// How much of a rollout's journal is kept by now.
struct JournalSize {
  std::int64_t rows = 0;
  std::int64_t bytes = 0;
};

// What one step of a rollout (or of tending) changed; recorded before anything is done about it.
struct DecisionRecord {
  std::optional<model::Rollout> rollout{};   // its new state
  std::vector<model::Instance> instances{};  // new and changed ones, whole
  std::optional<model::Service> service{};   // its new state
  std::vector<model::Event> events{};
  std::optional<JournalRow> journal{};  // what it was made from
};

class Store {
 public:
  // Makes or migrates the database at `file`.  A database of a newer hitless is refused.
  static Result<std::unique_ptr<Store>> open(const std::filesystem::path& file);
  virtual ~Store() = default;

  // Models.
  virtual Result<void> add_model(const model::ModelVersion& version) = 0;  // conflict: name+version
  virtual Result<void> update_model(const model::ModelVersion& version) = 0;
  virtual Result<model::ModelVersion> find_model(const model::ModelId& id) = 0;
  virtual Result<Page<model::ModelVersion>> list_models(const ModelQuery& query) = 0;
  // conflict when a service's current revision, a rollout under way or a live instance needs it;
  // the text names the services.
  virtual Result<void> remove_model(const model::ModelId& id) = 0;

  // Services.  A new service, its first revision, its deploy rollout and events in one.
  virtual Result<void> add_service(const model::Service& service, const model::Revision& revision,
                                   const model::Rollout& rollout,
                                   const std::vector<model::Event>& events) = 0;
  // An accepted change: new state of the service, the revision it makes (none for stop, start and
  // remove), its rollout, the one it supersedes (its end), events.  conflict when the service's
  // rollout or revision is not `expected`'s any more.
  struct AcceptedChange {
    model::Service expected;  // as read before planning
    model::Service service;
    std::optional<model::Revision> revision;
    std::optional<model::Rollout> rollout;
    std::optional<model::Rollout> superseded;
    std::vector<model::Event> events;
  };
  virtual Result<void> accept_change(const AcceptedChange& change) = 0;
  virtual Result<model::Service> find_service(const model::ServiceId& id) = 0;
  virtual Result<model::Service> find_service_by_name(const std::string& name) = 0;
  virtual Result<Page<model::Service>> list_services(const ServiceQuery& query) = 0;
  virtual Result<void> update_service(const model::Service& service) = 0;
  // And all that hangs on it but its rollouts, whose reports are kept for good.
  virtual Result<void> remove_service(const model::ServiceId& id) = 0;

  virtual Result<model::Revision> find_revision(const model::ServiceId& service,
                                                model::RevisionNumber number) = 0;
  virtual Result<std::vector<model::Revision>> list_revisions(const model::ServiceId& service) = 0;
  virtual Result<void> remove_revision(const model::ServiceId& service,
                                       model::RevisionNumber number) = 0;
  virtual Result<model::RevisionNumber> next_revision(const model::ServiceId& service) = 0;

  // Rollouts, newest first.
  virtual Result<model::Rollout> find_rollout(const model::RolloutId& id) = 0;
  virtual Result<std::vector<model::Rollout>> list_rollouts(const model::ServiceId& service) = 0;
  virtual Result<Page<model::Rollout>> page_rollouts(const model::ServiceId& service,
                                                     const PageQuery& page) = 0;
  virtual Result<std::optional<model::Rollout>> newest_rollout(const model::ServiceId& service) = 0;
  // Which revisions came to serve, newest first, one for each rollout that succeeded.
  virtual Result<std::vector<model::RevisionNumber>> list_served(
      const model::ServiceId& service) = 0;
  // Its state and report; the plan never changes.  conflict when it ended otherwise meanwhile: a
  // terminal phase stays.
  virtual Result<void> update_rollout(const model::Rollout& rollout) = 0;
  // The report alone, whatever else of the rollout changed meanwhile.
  virtual Result<void> update_report(const model::RolloutId& id, const model::Report& report) = 0;

  // Journals are kept of a service's newest k_journals_kept rollouts and of the newest that failed
  // or was rolled back; rows oldest first.
  virtual Result<std::vector<JournalRow>> list_journal(const model::RolloutId& id) = 0;
  virtual Result<JournalSize> journal_size(const model::RolloutId& id) = 0;

  // Instances, by ordinal.  `gone` ones are kept for the record, the newest k_gone_kept a service.
  virtual Result<std::vector<model::Instance>> list_instances(const model::ServiceId& service) = 0;
  virtual Result<int> next_ordinal(const model::ServiceId& service) = 0;

  // From told to run to first ready: the median of this version's newest starts, of instances that
  // are kept.  None: it never got ready.
  virtual Result<std::optional<Duration>> start_time(const model::ModelId& model) = 0;

  // Writes one decision, whole or not at all.  Of the service only what control owns: status,
  // error, progress, revision, rollout and times.  conflict as for update_rollout.
  virtual Result<void> record(const DecisionRecord& decision) = 0;

  virtual Result<void> add_events(const std::vector<model::Event>& events) = 0;
  virtual Result<Page<model::Event>> list_events(const EventQuery& query) = 0;

  // The route tables' counter: never lower than any published one.  Numbers are reserved in
  // blocks, so a restart skips some.
  virtual Result<model::Generation> take_generation() = 0;

  virtual Result<std::optional<std::string>> find_setting(const std::string& name) = 0;
  virtual Result<void> put_setting(const std::string& name, const std::string& value) = 0;
};

}  // namespace hitless::store
