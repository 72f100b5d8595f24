#include "store/sqlite.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sqlite3.h>

#include <cerrno>

#include "base/check.h"
#include "base/file.h"
#include "store/limits.h"

namespace hitless::store {
namespace {

Error disk_full(const std::string& file) {
  return Error(Code::exhausted,
               fmt::format("the disk that holds {} is full: free some space", file));
}

Error constraint_error(int extended, const std::string& text) {
  switch (extended) {
    case SQLITE_CONSTRAINT_UNIQUE:
    case SQLITE_CONSTRAINT_PRIMARYKEY:
    case SQLITE_CONSTRAINT_ROWID: return Error(Code::conflict, text);
    case SQLITE_CONSTRAINT_FOREIGNKEY: return Error(Code::not_found, text);
    default: return Error(Code::internal, text);
  }
}

Error error_of(int extended, int system_error_number, const std::string& file,
               const std::string& text) {
  switch (extended & 0xff) {
    case SQLITE_FULL: return disk_full(file);
    case SQLITE_IOERR:
      if (system_error_number == ENOSPC || system_error_number == EDQUOT) return disk_full(file);
      return Error(Code::internal, fmt::format("reading or writing {} failed: {}", file, text));
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return Error(Code::unavailable,
                   fmt::format("{} is locked by another process: is another hitless running on "
                               "this state directory?",
                               file));
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return Error(Code::corrupt,
                   fmt::format("{} is damaged or no database of hitless ({}): restore it from a "
                               "backup, or move it away to start empty",
                               file, text));
    case SQLITE_CANTOPEN:
    case SQLITE_PERM:
    case SQLITE_READONLY:
      return Error(Code::forbidden, fmt::format("{} cannot be opened for writing: {}", file, text));
    case SQLITE_CONSTRAINT: return constraint_error(extended, text);
    default: return Error(Code::internal, fmt::format("{}: {}", file, text));
  }
}

}  // namespace

Statement::~Statement() {
  if (handle_ != nullptr) reset();
}

// The code of sqlite3_reset repeats the last step's, which its caller has had.
void Statement::reset() {
  sqlite3_reset(handle_);
  sqlite3_clear_bindings(handle_);
  bound_ = 0;
}

void Statement::bind_next(std::string_view value) {
  const int code =
      sqlite3_bind_text64(handle_, ++bound_, value.data() == nullptr ? "" : value.data(),
                          value.size(), SQLITE_TRANSIENT, SQLITE_UTF8);
  HL_CHECK(code == SQLITE_OK);
}

void Statement::bind_integer(std::int64_t value) {
  HL_CHECK(sqlite3_bind_int64(handle_, ++bound_, value) == SQLITE_OK);
}

void Statement::bind_null() {
  HL_CHECK(sqlite3_bind_null(handle_, ++bound_) == SQLITE_OK);
}

Result<bool> Statement::step() {
  HL_DCHECK(bound_ == sqlite3_bind_parameter_count(handle_));
  const int code = sqlite3_step(handle_);
  if (code == SQLITE_ROW) return true;
  if (code == SQLITE_DONE) return false;
  return database_->last_error();
}

Result<void> Statement::run() {
  HL_TRY_ASSIGN([[maybe_unused]] const bool row, step());
  HL_DCHECK(!row);
  return {};
}

std::int64_t Statement::changes() const {
  return sqlite3_changes64(database_->handle_);
}

int Statement::columns() const {
  return sqlite3_column_count(handle_);
}

bool Statement::is_null(int column) const {
  return sqlite3_column_type(handle_, column) == SQLITE_NULL;
}

std::int64_t Statement::integer(int column) const {
  return sqlite3_column_int64(handle_, column);
}

std::string Statement::text(int column) const {
  const auto* bytes = static_cast<const char*>(sqlite3_column_blob(handle_, column));
  if (bytes == nullptr) return {};
  return std::string(bytes, static_cast<std::size_t>(sqlite3_column_bytes(handle_, column)));
}

Result<std::unique_ptr<Database>> Database::open(const std::filesystem::path& file) {
  // Environments of services are in it, and passwords in those: nobody else's to read.  SQLite
  // gives its other files the same mode.
  UniqueFd(::open(file.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  sqlite3* handle = nullptr;
  constexpr int k_flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX;
  const int code = sqlite3_open_v2(file.c_str(), &handle, k_flags, nullptr);
  HL_CHECK(handle != nullptr);
  std::unique_ptr<Database> database(new Database(file, handle));
  if (code != SQLITE_OK) return database->last_error();
  HL_TRY(database->set_up());
  return database;
}

// synchronous=FULL: each commit is on the disk before we act on it, so that no power cut takes a
// rollout back behind what the world has seen.  EXCLUSIVE keeps other processes out and does
// without the shared memory file.
Result<void> Database::set_up() {
  sqlite3_extended_result_codes(handle_, 1);
  sqlite3_busy_timeout(handle_, static_cast<int>(k_busy_wait.count()));
  HL_TRY(execute("PRAGMA locking_mode = EXCLUSIVE"));
  HL_TRY(execute("PRAGMA journal_mode = WAL"));
  HL_TRY(execute("PRAGMA synchronous = FULL"));
  HL_TRY(execute("PRAGMA foreign_keys = ON"));
  return execute("BEGIN IMMEDIATE; COMMIT");
}

Database::~Database() {
  for (const auto& [sql, statement] : statements_) sqlite3_finalize(statement);
  const int code = sqlite3_close(handle_);
  HL_DCHECK(code == SQLITE_OK);
}

Result<Statement> Database::prepare(const std::string& sql) {
  sqlite3_stmt*& handle = statements_[sql];
  if (handle == nullptr) {
    const int code = sqlite3_prepare_v3(handle_, sql.data(), static_cast<int>(sql.size()),
                                        SQLITE_PREPARE_PERSISTENT, &handle, nullptr);
    if (code != SQLITE_OK) return last_error().context(sql);
  }
  HL_DCHECK(!sqlite3_stmt_busy(handle));
  return Statement(*this, handle);
}

Result<void> Database::execute(const std::string& sql) {
  if (sqlite3_exec(handle_, sql.c_str(), nullptr, nullptr, nullptr) == SQLITE_OK) return {};
  return last_error();
}

Error Database::last_error() const {
  return error_of(sqlite3_extended_errcode(handle_), sqlite3_system_errno(handle_), file_.string(),
                  sqlite3_errmsg(handle_));
}

Result<Transaction> Transaction::begin(Database& database) {
  HL_TRY(database.execute("BEGIN IMMEDIATE"));
  return Transaction(database);
}

// A failed rollback leaves nothing to undo: SQLite has rolled back by itself (disk full).
Transaction::~Transaction() {
  if (database_ != nullptr) (void)database_->execute("ROLLBACK");
}

Result<void> Transaction::commit() {
  HL_TRY(database_->execute("COMMIT"));
  database_ = nullptr;
  return {};
}

}  // namespace hitless::store
