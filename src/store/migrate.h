// Brings a database to the present schema, or refuses it.
#pragma once

#include <span>
#include <string>

#include "store/sqlite.h"

namespace hitless::store {

// The statements that lead from version `to - 1` to `to`.
struct Migration {
  int to = 0;
  std::string sql;
};

// The present schema as a whole, for new databases, and the way to it from each older one.
// Invariant: the last migration leads to `version`.
struct Schema {
  int version = 0;
  std::string whole;
  std::span<const Migration> migrations;
};

const Schema& present_schema();

// One transaction.  unsupported: made by a newer hitless.  corrupt: of another program, or of a
// version from which no way leads.
Result<void> migrate(Database& database, const Schema& schema);

}  // namespace hitless::store
