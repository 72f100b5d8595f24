// Rows as values and lists as pages: what the tables' files share.  Private to this room.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/json.h"
#include "store/sqlite.h"
#include "store/store.h"

namespace hitless::store {

// Reads the columns of the present row from left to right.  What cannot be read gives a default
// and is remembered; finish() tells.
class Row {
 public:
  explicit Row(const Statement& statement) : statement_(statement) {}

  std::string text() { return statement_.text(next_++); }
  std::int64_t integer() { return statement_.integer(next_++); }
  int small() { return static_cast<int>(integer()); }
  Time time() { return from_micros(integer()); }
  std::optional<Time> optional_time();
  json::value json();
  json::object json_object();

  // Through a function from text, or from JSON, to a Result.
  template <class Read>
  auto word(Read read) {
    return keep(read(text()));
  }
  template <class Read>
  auto json_as(Read read) {
    return keep(read(json()));
  }

  // Through a function that fills in something and gives a Result<void>.
  template <class Read>
  void json_into(Read read) {
    if (const Result<void> done = read(json()); !done) fail(done.error());
  }

  // `value`, or corrupt: what in the row could not be read.
  template <class T>
  Result<T> finish(T value) const {
    HL_DCHECK(next_ == statement_.columns());
    if (failure_) return *failure_;
    return value;
  }

 private:
  template <class T>
  T keep(Result<T> read) {
    if (read) return *std::move(read);
    fail(read.error());
    return T();
  }
  void fail(const Error& error);

  const Statement& statement_;
  int next_ = 0;
  std::optional<Error> failure_;
};

// Conditions joined by AND, and their values.
class Filter {
 public:
  // Left out when `value` is empty.
  void equal(std::string_view column, const std::string& value);
  void contains(std::string_view column, const std::string& part);
  void add(std::string_view condition, std::string value);
  void add(std::string_view condition, Time value);

  std::string where() const;  // " WHERE a AND b", or nothing
  void bind(Statement& statement) const;

 private:
  struct Value {
    std::string text;
    std::optional<Time> time;
  };
  std::string condition_;
  std::vector<Value> values_;
};

// "%part%" with LIKE's own wildcards in `part` escaped by a backslash.
std::string like_pattern(std::string_view part);

struct SortColumn {
  std::string_view word;    // of the wire
  std::string_view column;  // unique together with the tie-break
};

// " ORDER BY column, tie LIMIT ? OFFSET ?".  The first of `columns` is the default.
Result<std::string> order_by(const PageQuery& page, std::span<const SortColumn> columns,
                             std::string_view tie);

// All rows of a prepared and bound statement.
template <class Read>
auto read_all(Statement statement, Read read)
    -> Result<std::vector<typename std::decay_t<decltype(*read(statement))>>> {
  std::vector<typename std::decay_t<decltype(*read(statement))>> rows;
  while (true) {
    HL_TRY_ASSIGN(const bool more, statement.step());
    if (!more) return rows;
    HL_TRY_ASSIGN(auto row, read(statement));
    rows.push_back(std::move(row));
  }
}

struct ListSql {
  std::string_view columns;
  std::string_view table;
  std::string order;  // from order_by
};

std::string count_sql(const ListSql& list, const Filter& filter);
std::string page_sql(const ListSql& list, const Filter& filter);

template <class T, class Read>
Result<Page<T>> read_page(Database& database, const ListSql& list, const Filter& filter,
                          const PageQuery& query, Read read) {
  Page<T> page;
  {
    HL_TRY_ASSIGN(Statement count, database.prepare(count_sql(list, filter)));
    filter.bind(count);
    HL_TRY_ASSIGN(const bool found, count.step());
    page.total = found ? count.integer(0) : 0;
  }
  HL_TRY_ASSIGN(Statement rows, database.prepare(page_sql(list, filter)));
  filter.bind(rows);
  rows.bind(query.limit, query.offset);
  HL_TRY_ASSIGN(page.rows, read_all(std::move(rows), read));
  return page;
}

// The one row that must be there; `missing` is said otherwise.
template <class Read>
auto read_one(Statement statement, Read read, const std::string& missing)
    -> decltype(read(statement)) {
  HL_TRY_ASSIGN(const bool found, statement.step());
  if (!found) return Error(Code::not_found, missing);
  return read(statement);
}

}  // namespace hitless::store
