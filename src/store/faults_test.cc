#include <fcntl.h>
#include <gtest/gtest.h>
#include <sqlite3.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <string_view>

#include "store/test_faults.h"

namespace hitless::store {
namespace {

std::function<void(const std::string&)> watch_statement;
std::function<WriteWatch::Answer()> watch_write;

int on_trace(unsigned, void*, void* statement, void*) {
  if (!watch_statement) return 0;
  char* text = sqlite3_expanded_sql(static_cast<sqlite3_stmt*>(statement));
  const std::string sql(text == nullptr ? "" : text);
  sqlite3_free(text);
  watch_statement(sql);
  return 0;
}

int on_connection(sqlite3* connection, const char**, const sqlite3_api_routines*) {
  return sqlite3_trace_v2(connection, SQLITE_TRACE_STMT, on_trace, nullptr);
}

void (*extension())() {
  return reinterpret_cast<void (*)()>(on_connection);
}

// Whether to go on with the real write; ends the process when told to tear it.
bool may_write(const std::function<void()>& write_half) {
  switch (watch_write ? watch_write() : WriteWatch::Answer::pass) {
    case WriteWatch::Answer::pass: return true;
    case WriteWatch::Answer::tear: write_half(); _exit(WriteWatch::k_torn);
    case WriteWatch::Answer::fail: errno = ENOSPC; return false;
  }
  return true;
}

ssize_t watched_pwrite(int fd, const void* bytes, std::size_t count, off_t offset) {
  const auto half = [&] { (void)!::pwrite(fd, bytes, count / 2, offset); };
  return may_write(half) ? ::pwrite(fd, bytes, count, offset) : -1;
}

ssize_t watched_write(int fd, const void* bytes, std::size_t count) {
  const auto half = [&] { (void)!::write(fd, bytes, count / 2); };
  return may_write(half) ? ::write(fd, bytes, count) : -1;
}

void set_system_call(const char* name, sqlite3_syscall_ptr call) {
  sqlite3_vfs* vfs = sqlite3_vfs_find(nullptr);
  if (vfs->xGetSystemCall(vfs, name) != nullptr) vfs->xSetSystemCall(vfs, name, call);
}

}  // namespace

StatementWatch::StatementWatch(std::function<void(const std::string&)> seen) {
  watch_statement = std::move(seen);
  sqlite3_auto_extension(extension());
}

StatementWatch::~StatementWatch() {
  sqlite3_cancel_auto_extension(extension());
  watch_statement = nullptr;
}

WriteWatch::WriteWatch(std::function<Answer()> before) {
  sqlite3_initialize();
  watch_write = std::move(before);
  set_system_call("pwrite", reinterpret_cast<sqlite3_syscall_ptr>(watched_pwrite));
  set_system_call("pwrite64", reinterpret_cast<sqlite3_syscall_ptr>(watched_pwrite));
  set_system_call("write", reinterpret_cast<sqlite3_syscall_ptr>(watched_write));
}

WriteWatch::~WriteWatch() {
  for (const char* name : {"pwrite", "pwrite64", "write"}) set_system_call(name, nullptr);
  watch_write = nullptr;
}

int status_of_child(const std::function<void()>& work) {
  const pid_t child = fork();
  if (child == 0) {
    work();
    _exit(0);
  }
  int status = 0;
  EXPECT_EQ(waitpid(child, &status, 0), child);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

}  // namespace hitless::store
