// SQLite behind values and owners: the only pair of files that knows its C API.
//
// A Database belongs to one owner and is used by one thread at a time (the Store's mutex).
#pragma once

#include <concepts>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "base/clock.h"
#include "base/result.h"

struct sqlite3;
struct sqlite3_stmt;

namespace hitless::store {

class Database;

// One prepared statement, borrowed from its Database: bind, then step() or run().  Given back,
// reset, at the end of its life.  No two of the same text at a time.
class Statement {
 public:
  Statement(Statement&& other) noexcept
      : database_(other.database_),
        handle_(std::exchange(other.handle_, nullptr)),
        bound_(other.bound_) {}
  Statement& operator=(Statement&&) = delete;
  ~Statement();

  // Values in the order of the question marks.
  template <class... Values>
  Statement& bind(const Values&... values) {
    (bind_next(values), ...);
    return *this;
  }

  Result<bool> step();  // true: there is a row
  Result<void> run();   // for statements without rows
  void reset();         // ready for other values
  std::int64_t changes() const;

  int columns() const;
  bool is_null(int column) const;
  std::int64_t integer(int column) const;
  std::string text(int column) const;

 private:
  friend class Database;
  Statement(Database& database, sqlite3_stmt* handle) : database_(&database), handle_(handle) {}

  void bind_next(std::integral auto value) { bind_integer(static_cast<std::int64_t>(value)); }
  void bind_next(std::string_view value);
  void bind_next(const std::string& value) { bind_next(std::string_view(value)); }
  void bind_next(const char* value) { bind_next(std::string_view(value)); }
  void bind_next(Time value) { bind_integer(to_micros(value)); }
  void bind_next(const std::optional<Time>& value) { value ? bind_next(*value) : bind_null(); }
  void bind_integer(std::int64_t value);
  void bind_null();

  Database* database_;
  sqlite3_stmt* handle_;
  int bound_ = 0;
};

class Database {
 public:
  // Opens or makes the file, alone: another process that tries gets `unavailable` until we close.
  static Result<std::unique_ptr<Database>> open(const std::filesystem::path& file);
  ~Database();
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;

  // A statement out of the cache.  `sql` is text of ours, never of a user.
  Result<Statement> prepare(const std::string& sql);

  // Statements without values and without interesting rows, separated by semicolons.
  Result<void> execute(const std::string& sql);

  // The error of the last call, in words for whoever must act on it.
  Error last_error() const;

 private:
  friend class Statement;
  Database(std::filesystem::path file, sqlite3* handle) : file_(std::move(file)), handle_(handle) {}
  Result<void> set_up();

  const std::filesystem::path file_;
  sqlite3* handle_;
  std::unordered_map<std::string, sqlite3_stmt*> statements_;
};

// All or nothing.  Rolls back at the end of its life unless committed.
class Transaction {
 public:
  static Result<Transaction> begin(Database& database);
  Transaction(Transaction&& other) noexcept : database_(std::exchange(other.database_, nullptr)) {}
  Transaction& operator=(Transaction&&) = delete;
  ~Transaction();

  Result<void> commit();

 private:
  explicit Transaction(Database& database) : database_(&database) {}
  Database* database_;
};

}  // namespace hitless::store
