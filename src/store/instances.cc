#include <fmt/format.h>

#include "store/limits.h"
#include "store/row.h"
#include "store/tables.h"

namespace hitless::store {
namespace {

constexpr std::string_view k_columns =
    "id, service, ordinal, rollout, template, revision, entry, stage, ending, detail, created_us, "
    "stage_us, ready_us, routed_us, address";

Result<Address> address_from_text(const std::string& text) {
  if (text.empty()) return Address();
  return parse_address(text);
}

Result<model::Instance> read_instance(const Statement& statement) {
  Row row(statement);
  model::Instance instance;
  instance.id = model::InstanceId(row.text());
  instance.service = model::ServiceId(row.text());
  instance.ordinal = row.small();
  instance.rollout = model::RolloutId(row.text());
  instance.group = row.text();
  instance.revision = row.integer();
  instance.entry = row.small();
  instance.stage = row.word(model::stage_from_text);
  instance.ending = row.word(model::ending_from_text);
  instance.detail = row.text();
  instance.created_at = row.time();
  instance.stage_at = row.time();
  instance.ready_at = row.optional_time();
  instance.routed_at = row.optional_time();
  instance.address = row.word(address_from_text);
  return row.finish(std::move(instance));
}

}  // namespace

Result<void> put_instance(Database& database, const model::Instance& instance) {
  HL_TRY_ASSIGN(
      Statement put,
      database.prepare("INSERT INTO instances (id, service, ordinal, rollout, template, revision, "
                       "entry, stage, ending, detail, created_us, stage_us, ready_us, routed_us, "
                       "address) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) "
                       "ON CONFLICT (id) DO UPDATE SET rollout = excluded.rollout, "
                       "template = excluded.template, revision = excluded.revision, "
                       "entry = excluded.entry, stage = excluded.stage, ending = excluded.ending, "
                       "detail = excluded.detail, created_us = excluded.created_us, "
                       "stage_us = excluded.stage_us, ready_us = excluded.ready_us, "
                       "routed_us = excluded.routed_us, address = excluded.address"));
  Result<void> done =
      put.bind(instance.id.text(), instance.service.text(), instance.ordinal,
               instance.rollout.text(), instance.group, instance.revision, instance.entry,
               to_text(instance.stage), to_text(instance.ending), instance.detail,
               instance.created_at, instance.stage_at, instance.ready_at, instance.routed_at,
               instance.address == Address() ? std::string() : to_text(instance.address))
          .run();
  if (done) return done;
  return done.error().context(fmt::format("recording instance {}", instance.id.text()));
}

Result<void> prune_instances(Database& database, const model::ServiceId& service) {
  HL_TRY_ASSIGN(Statement prune,
                database.prepare("DELETE FROM instances WHERE service = ?1 AND stage = 'gone' "
                                 "AND rollout NOT IN (SELECT rollout FROM services WHERE id = ?1 "
                                 "AND rollout <> '') "
                                 "AND ordinal <= (SELECT ordinal FROM instances WHERE service = ?1 "
                                 "AND stage = 'gone' ORDER BY ordinal DESC LIMIT 1 OFFSET ?2)"));
  return prune.bind(service.text(), k_gone_kept).run();
}

Result<std::vector<model::Instance>> select_instances(Database& database,
                                                      const model::ServiceId& service) {
  HL_TRY_ASSIGN(Statement statement,
                database.prepare(fmt::format(
                    "SELECT {} FROM instances WHERE service = ? ORDER BY ordinal", k_columns)));
  statement.bind(service.text());
  return read_all(std::move(statement), read_instance);
}

// Pruning leaves the highest ordinal, so none is used twice.
Result<int> next_ordinal(Database& database, const model::ServiceId& service) {
  HL_TRY_ASSIGN(Statement statement,
                database.prepare("SELECT ifnull(max(ordinal), 0) + 1 FROM instances "
                                 "WHERE service = ?"));
  HL_TRY_ASSIGN(const bool found, statement.bind(service.text()).step());
  HL_CHECK(found);
  return static_cast<int>(statement.integer(0));
}

}  // namespace hitless::store
