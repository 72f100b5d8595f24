#include "store/row.h"
#include "store/tables.h"

namespace hitless::store {

Result<std::int64_t> add_to_counter(Database& database, std::string_view name, std::int64_t more) {
  HL_TRY_ASSIGN(Statement add,
                database.prepare("INSERT INTO counters (name, value) VALUES (?, ?) "
                                 "ON CONFLICT DO UPDATE SET value = value + excluded.value "
                                 "RETURNING value"));
  HL_TRY_ASSIGN(const bool found, add.bind(name, more).step());
  HL_CHECK(found);
  const std::int64_t value = add.integer(0);
  HL_TRY_ASSIGN(const bool another, add.step());
  HL_CHECK(!another);
  return value;
}

Result<std::optional<std::string>> select_setting(Database& database, const std::string& name) {
  HL_TRY_ASSIGN(Statement select, database.prepare("SELECT value FROM settings WHERE name = ?"));
  HL_TRY_ASSIGN(const bool found, select.bind(name).step());
  if (!found) return std::optional<std::string>();
  return std::optional<std::string>(select.text(0));
}

Result<void> put_setting(Database& database, const std::string& name, const std::string& value) {
  HL_TRY_ASSIGN(Statement put, database.prepare("INSERT INTO settings (name, value) VALUES (?, ?) "
                                                "ON CONFLICT DO UPDATE SET value = excluded.value "
                                                "WHERE value <> excluded.value"));
  return put.bind(name, value).run();
}

}  // namespace hitless::store
