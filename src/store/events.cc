#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "store/limits.h"
#include "store/row.h"
#include "store/tables.h"

namespace hitless::store {
namespace {

constexpr std::array k_sorts{SortColumn{.word = "occur_time", .column = "at_us"}};

Result<model::Event> read_event(const Statement& statement) {
  Row row(statement);
  model::Event event;
  event.subject = row.text();
  event.type = row.word(model::event_type_from_text);
  event.key = row.text();
  event.text = row.text();
  event.at = row.time();
  return row.finish(std::move(event));
}

Result<void> prune_events(Database& database, Time now) {
  HL_TRY_ASSIGN(Statement prune, database.prepare("DELETE FROM events WHERE expires_us < ?"));
  return prune.bind(now).run();
}

}  // namespace

Result<void> insert_events(Database& database, const std::vector<model::Event>& events) {
  if (events.empty()) return {};
  Time newest = events.front().at;
  for (const model::Event& event : events) {
    newest = std::max(newest, event.at);
    HL_TRY_ASSIGN(
        Statement insert,
        database.prepare("INSERT INTO events (subject, type, key, text, at_us, expires_us) "
                         "VALUES (?1, ?2, ?3, ?4, ?5, iif(EXISTS (SELECT 1 FROM models "
                         "WHERE id = ?1), ?6, ?7))"));
    HL_TRY(insert
               .bind(event.subject, to_text(event.type), event.key, event.text, event.at,
                     event.at + k_model_events_kept, event.at + k_service_events_kept)
               .run());
  }
  return prune_events(database, newest);
}

Result<Page<model::Event>> page_events(Database& database, const EventQuery& query) {
  ListSql list{.columns = "subject, type, key, text, at_us", .table = "events", .order = {}};
  HL_TRY_ASSIGN(list.order, order_by(query.page, k_sorts, "sequence"));
  Filter filter;
  filter.equal("subject", query.subject);
  filter.equal("type", query.type);
  filter.contains("text", query.text);
  if (query.from) filter.add("at_us >= ?", *query.from);
  if (query.to) filter.add("at_us <= ?", *query.to);
  return read_page<model::Event>(database, list, filter, query.page, read_event);
}

Result<void> delete_events(Database& database, const std::string& subject) {
  HL_TRY_ASSIGN(Statement remove, database.prepare("DELETE FROM events WHERE subject = ?"));
  return remove.bind(subject).run();
}

}  // namespace hitless::store
