#include "store/store.h"

#include <set>

#include "base/thread_annotations.h"
#include "store/limits.h"
#include "store/migrate.h"
#include "store/tables.h"

namespace hitless::store {
namespace {

// The Store over one Database.  Constant after construction: the Database's address.  Guarded by
// the mutex: everything else.
class SqliteStore final : public Store {
 public:
  explicit SqliteStore(std::unique_ptr<Database> database) : database_(std::move(database)) {}

  Result<void> add_model(const model::ModelVersion& version) override {
    return write([&](Database& db) { return insert_model(db, version); });
  }
  Result<void> update_model(const model::ModelVersion& version) override {
    return write([&](Database& db) { return store::update_model(db, version); });
  }
  Result<model::ModelVersion> find_model(const model::ModelId& id) override {
    return read([&](Database& db) { return select_model(db, id); });
  }
  Result<Page<model::ModelVersion>> list_models(const ModelQuery& query) override {
    return read([&](Database& db) { return page_models(db, query); });
  }
  Result<void> remove_model(const model::ModelId& id) override {
    return write([&](Database& db) { return delete_model(db, id); });
  }

  Result<void> add_service(const model::Service& service, const model::Revision& revision,
                           const model::Rollout& rollout,
                           const std::vector<model::Event>& events) override {
    return write([&](Database& db) -> Result<void> {
      HL_TRY(insert_service(db, service));
      HL_TRY(insert_revision(db, revision));
      HL_TRY(insert_rollout(db, rollout));
      return insert_events(db, events);
    });
  }
  Result<void> accept_change(const AcceptedChange& change) override {
    return write([&](Database& db) { return accept(db, change); });
  }
  Result<model::Service> find_service(const model::ServiceId& id) override {
    return read([&](Database& db) { return select_service(db, id); });
  }
  Result<model::Service> find_service_by_name(const std::string& name) override {
    return read([&](Database& db) { return select_service_by_name(db, name); });
  }
  Result<Page<model::Service>> list_services(const ServiceQuery& query) override {
    return read([&](Database& db) { return page_services(db, query); });
  }
  Result<void> update_service(const model::Service& service) override {
    return write([&](Database& db) { return store::update_service(db, service); });
  }
  Result<void> remove_service(const model::ServiceId& id) override {
    return write([&](Database& db) { return delete_service(db, id); });
  }

  Result<model::Revision> find_revision(const model::ServiceId& service,
                                        model::RevisionNumber number) override {
    return read([&](Database& db) { return select_revision(db, service, number); });
  }
  Result<std::vector<model::Revision>> list_revisions(const model::ServiceId& service) override {
    return read([&](Database& db) { return select_revisions(db, service); });
  }
  Result<void> remove_revision(const model::ServiceId& service,
                               model::RevisionNumber number) override {
    return write([&](Database& db) { return delete_revision(db, service, number); });
  }
  Result<model::RevisionNumber> next_revision(const model::ServiceId& service) override {
    return read([&](Database& db) { return store::next_revision(db, service); });
  }

  Result<model::Rollout> find_rollout(const model::RolloutId& id) override {
    return read([&](Database& db) { return select_rollout(db, id); });
  }
  Result<std::vector<model::Rollout>> list_rollouts(const model::ServiceId& service) override {
    return read([&](Database& db) { return select_rollouts(db, service); });
  }
  Result<Page<model::Rollout>> page_rollouts(const model::ServiceId& service,
                                             const PageQuery& page) override {
    return read([&](Database& db) { return store::page_rollouts(db, service, page); });
  }
  Result<std::optional<model::Rollout>> newest_rollout(const model::ServiceId& service) override {
    return read([&](Database& db) { return select_newest_rollout(db, service); });
  }
  Result<std::vector<model::RevisionNumber>> list_served(const model::ServiceId& service) override {
    return read([&](Database& db) { return select_served(db, service); });
  }
  Result<void> update_report(const model::RolloutId& id, const model::Report& report) override {
    return write([&](Database& db) { return store::update_report(db, id, report); });
  }
  Result<std::vector<JournalRow>> list_journal(const model::RolloutId& id) override {
    return read([&](Database& db) { return select_journal(db, id); });
  }
  Result<JournalSize> journal_size(const model::RolloutId& id) override {
    return read([&](Database& db) { return select_journal_size(db, id); });
  }
  Result<void> update_rollout(const model::Rollout& rollout) override {
    return write([&](Database& db) { return store::update_rollout(db, rollout); });
  }

  Result<std::vector<model::Instance>> list_instances(const model::ServiceId& service) override {
    return read([&](Database& db) { return select_instances(db, service); });
  }
  Result<int> next_ordinal(const model::ServiceId& service) override {
    return read([&](Database& db) { return store::next_ordinal(db, service); });
  }

  Result<std::optional<Duration>> start_time(const model::ModelId& model) override {
    return read([&](Database& db) { return select_start_time(db, model); });
  }

  Result<void> record(const DecisionRecord& decision) override {
    return write([&](Database& db) { return record_in(db, decision); });
  }

  Result<void> add_events(const std::vector<model::Event>& events) override {
    return write([&](Database& db) { return insert_events(db, events); });
  }
  Result<Page<model::Event>> list_events(const EventQuery& query) override {
    return read([&](Database& db) { return page_events(db, query); });
  }

  Result<model::Generation> take_generation() override;

  Result<std::optional<std::string>> find_setting(const std::string& name) override {
    return read([&](Database& db) { return select_setting(db, name); });
  }
  Result<void> put_setting(const std::string& name, const std::string& value) override {
    return write([&](Database& db) { return store::put_setting(db, name, value); });
  }

 private:
  static Result<void> accept(Database& database, const AcceptedChange& change);
  static Result<void> record_in(Database& database, const DecisionRecord& decision);

  template <class Work>
  using Answer = std::invoke_result_t<Work, Database&>;

  template <class Work>
  Answer<Work> write(Work work) HL_EXCLUDES(mutex_) {
    const MutexLock lock(mutex_);
    return in_transaction(*database_, work);
  }
  template <class Work>
  Answer<Work> read(Work work) HL_EXCLUDES(mutex_) {
    const MutexLock lock(mutex_);
    return work(*database_);
  }
  template <class Work>
  static Answer<Work> in_transaction(Database& database, Work work) {
    HL_TRY_ASSIGN(Transaction transaction, Transaction::begin(database));
    Answer<Work> done = work(database);
    if (done) HL_TRY(transaction.commit());
    return done;
  }

  Mutex mutex_;
  const std::unique_ptr<Database> database_;
  // Reserved on disk, not yet given out: from next_generation_ up to, not including, the end.
  std::int64_t next_generation_ HL_GUARDED_BY(mutex_) = 0;
  std::int64_t generations_end_ HL_GUARDED_BY(mutex_) = 0;
};

Result<void> SqliteStore::accept(Database& database, const AcceptedChange& change) {
  HL_TRY(check_unchanged(database, change.expected));
  HL_TRY(store::update_service(database, change.service));
  if (change.revision) HL_TRY(insert_revision(database, *change.revision));
  if (change.superseded) HL_TRY(store::update_rollout(database, *change.superseded));
  if (change.rollout) HL_TRY(insert_rollout(database, *change.rollout));
  return insert_events(database, change.events);
}

Result<void> SqliteStore::record_in(Database& database, const DecisionRecord& decision) {
  if (decision.rollout) HL_TRY(store::update_rollout(database, *decision.rollout));
  if (decision.service) HL_TRY(update_service_state(database, *decision.service));
  std::set<model::ServiceId> with_gone;
  for (const model::Instance& instance : decision.instances) {
    HL_TRY(put_instance(database, instance));
    if (instance.stage == model::Stage::gone) with_gone.insert(instance.service);
  }
  for (const model::ServiceId& service : with_gone) HL_TRY(prune_instances(database, service));
  if (decision.journal) HL_TRY(insert_journal_row(database, *decision.journal));
  return insert_events(database, decision.events);
}

Result<model::Generation> SqliteStore::take_generation() {
  const MutexLock lock(mutex_);
  if (next_generation_ == generations_end_) {
    HL_TRY_ASSIGN(const std::int64_t last, in_transaction(*database_, [](Database& db) {
                    return add_to_counter(db, "generation", k_generations_reserved);
                  }));
    generations_end_ = last + 1;
    next_generation_ = generations_end_ - k_generations_reserved;
  }
  return static_cast<model::Generation>(next_generation_++);
}

}  // namespace

Result<std::unique_ptr<Store>> Store::open(const std::filesystem::path& file) {
  const auto doing = "opening the database " + file.string();
  Result<std::unique_ptr<Database>> database = Database::open(file);
  if (!database) return std::move(database).error().context(doing);
  Result<void> migrated = migrate(**database, present_schema());
  if (!migrated) return std::move(migrated).error().context(doing);
  return std::unique_ptr<Store>(std::make_unique<SqliteStore>(*std::move(database)));
}

}  // namespace hitless::store
