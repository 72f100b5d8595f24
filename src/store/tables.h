// The queries, by noun.  Each runs inside the transaction (for writes) and under the mutex of its
// caller, the Store; none begins or ends one.  Private to this room.
#pragma once

#include <set>

#include "store/sqlite.h"
#include "store/store.h"

namespace hitless::store {

// models.cc
Result<void> insert_model(Database& database, const model::ModelVersion& version);
Result<void> update_model(Database& database, const model::ModelVersion& version);
Result<model::ModelVersion> select_model(Database& database, const model::ModelId& id);
Result<Page<model::ModelVersion>> page_models(Database& database, const ModelQuery& query);
Result<void> delete_model(Database& database, const model::ModelId& id);

// services.cc
Result<void> insert_service(Database& database, const model::Service& service);
Result<void> update_service(Database& database, const model::Service& service);
// Only what control writes: status, error, progress, revision, rollout and times.
Result<void> update_service_state(Database& database, const model::Service& service);
Result<void> check_unchanged(Database& database, const model::Service& expected);
Result<model::Service> select_service(Database& database, const model::ServiceId& id);
Result<model::Service> select_service_by_name(Database& database, const std::string& name);
Result<Page<model::Service>> page_services(Database& database, const ServiceQuery& query);
Result<void> delete_service(Database& database, const model::ServiceId& id);

// revisions.cc
Result<void> insert_revision(Database& database, const model::Revision& revision);
Result<model::Revision> select_revision(Database& database, const model::ServiceId& service,
                                        model::RevisionNumber number);
Result<std::vector<model::Revision>> select_revisions(Database& database,
                                                      const model::ServiceId& service);
Result<void> delete_revision(Database& database, const model::ServiceId& service,
                             model::RevisionNumber number);
Result<model::RevisionNumber> next_revision(Database& database, const model::ServiceId& service);

// rollouts.cc
Result<void> insert_rollout(Database& database, const model::Rollout& rollout);
// conflict when it has ended otherwise meanwhile: a terminal phase stays.
Result<void> update_rollout(Database& database, const model::Rollout& rollout);
Result<void> update_report(Database& database, const model::RolloutId& id,
                           const model::Report& report);
Result<model::Rollout> select_rollout(Database& database, const model::RolloutId& id);
Result<std::vector<model::Rollout>> select_rollouts(Database& database,
                                                    const model::ServiceId& service);
Result<Page<model::Rollout>> page_rollouts(Database& database, const model::ServiceId& service,
                                           const PageQuery& page);
Result<std::optional<model::Rollout>> select_newest_rollout(Database& database,
                                                            const model::ServiceId& service);
Result<std::vector<model::RevisionNumber>> select_served(Database& database,
                                                         const model::ServiceId& service);

// journal.cc
Result<void> insert_journal_row(Database& database, const JournalRow& row);
Result<std::vector<JournalRow>> select_journal(Database& database, const model::RolloutId& id);
Result<JournalSize> select_journal_size(Database& database, const model::RolloutId& id);

// instances.cc
Result<void> put_instance(Database& database, const model::Instance& instance);
Result<void> prune_instances(Database& database, const model::ServiceId& service);
Result<std::vector<model::Instance>> select_instances(Database& database,
                                                      const model::ServiceId& service);
Result<int> next_ordinal(Database& database, const model::ServiceId& service);

// start_times.cc
Result<std::optional<Duration>> select_start_time(Database& database, const model::ModelId& model);

// events.cc
Result<void> insert_events(Database& database, const std::vector<model::Event>& events);
Result<Page<model::Event>> page_events(Database& database, const EventQuery& query);
Result<void> delete_events(Database& database, const std::string& subject);

// settings.cc
// Adds to a counter that starts at 0 and returns what it is then.
Result<std::int64_t> add_to_counter(Database& database, std::string_view name, std::int64_t more);
Result<std::optional<std::string>> select_setting(Database& database, const std::string& name);
Result<void> put_setting(Database& database, const std::string& name, const std::string& value);

}  // namespace hitless::store
