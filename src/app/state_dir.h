// The state directory: everything hitless keeps, in one place.
//
//   hitless.db            the store (serve alone)
//   token                 0600; what clients send until identity comes
//   serve.lock            held by serve; holds its pid
//   api.sock              the API for this machine's CLI
//   gateway.sock, .lock   the control link, and the gateway's life
//   gateway.sock.admin    where a gateway is asked for its metrics
//   gateway.sock.next     where a gateway asks the one that runs for its place
//   gateway.address       where services were called last: a port that nobody chose stays
//   gateway.log           what the gateway says
//   access.jsonl, .1      a line for each request that the gateway answered
//   packages/<digest>/    model packages, read-only
//   engines/<digest>/     our engines, as installed
//   instances/<id>/       one folder an instance (pools/process_pool.h)
#pragma once

#include <filesystem>
#include <string>

#include "base/file.h"
#include "base/result.h"

namespace hitless::app {

class StateDir {
 public:
  // Makes the folder when it is missing.  Others may pass through it (instances run as users of
  // their own), but not list it.
  static Result<StateDir> open(std::filesystem::path path);

  const std::filesystem::path& path() const { return path_; }
  std::filesystem::path database() const { return path_ / "hitless.db"; }
  std::filesystem::path api_socket() const { return path_ / "api.sock"; }
  std::filesystem::path gateway_socket() const { return path_ / "gateway.sock"; }
  std::filesystem::path gateway_address() const { return path_ / "gateway.address"; }
  std::filesystem::path gateway_log() const { return path_ / "gateway.log"; }
  std::filesystem::path access_record() const { return path_ / "access.jsonl"; }
  std::filesystem::path packages() const { return path_ / "packages"; }
  std::filesystem::path instances() const { return path_ / "instances"; }

  // One serve for one state directory.  conflict names the pid of the one that runs.
  Result<UniqueFd> lock() const;

  // The pid of the serve that holds the lock; 0: none.
  pid_t serve_pid() const;

  // The random token that calls must bring; made at the first start.
  Result<std::string> ensure_token() const;

 private:
  explicit StateDir(std::filesystem::path path) : path_(std::move(path)) {}
  pid_t recorded_pid() const;  // of the last serve that held the lock; 0: none yet

  std::filesystem::path path_;
};

}  // namespace hitless::app
