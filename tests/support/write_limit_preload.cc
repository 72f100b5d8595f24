// Preloaded into serve by a test: kills it right after a transaction of its store was committed.
//
// The file that $HITLESS_WRITES_LEFT names holds how many more may be; write_limit.h is the other
// end.  Works from outside, so that the program under test is the one that users run.
#include <dlfcn.h>
#include <fcntl.h>
#include <signal.h>
#include <sqlite3.h>
#include <sys/file.h>
#include <unistd.h>

#include <cstdlib>

namespace {

// What SQLite's own hook, which ours replaces, would do.
constexpr int k_checkpoint_pages = 1000;

template <class Function>
Function* next(const char* name) {
  return reinterpret_cast<Function*>(::dlsym(RTLD_NEXT, name));
}

// Under the file's lock until the process is dead: whoever has the lock after us finds the count
// true, and nobody is killed later by what was written then.
void count_write() {
  const char* path = std::getenv("HITLESS_WRITES_LEFT");
  const int file = path == nullptr ? -1 : ::open(path, O_RDWR | O_CLOEXEC);
  if (file < 0) return;
  ::flock(file, LOCK_EX);
  int left = 0;
  if (::pread(file, &left, sizeof left, 0) == sizeof left && left > 0) {
    --left;
    if (::pwrite(file, &left, sizeof left, 0) != sizeof left) ::abort();
    if (left == 0) ::kill(::getpid(), SIGKILL);
  }
  ::close(file);
}

// SQLite calls this after a commit that wrote something, with its locks released.
int on_commit(void*, sqlite3* database, const char* schema, int pages) {
  count_write();
  if (pages < k_checkpoint_pages) return SQLITE_OK;
  return next<decltype(sqlite3_wal_checkpoint)>("sqlite3_wal_checkpoint")(database, schema);
}

}  // namespace

extern "C" int sqlite3_open_v2(const char* file, sqlite3** database, int flags, const char* vfs) {
  const int code = next<decltype(sqlite3_open_v2)>("sqlite3_open_v2")(file, database, flags, vfs);
  if (code != SQLITE_OK) return code;
  next<decltype(sqlite3_wal_hook)>("sqlite3_wal_hook")(*database, on_commit, nullptr);
  return code;
}
