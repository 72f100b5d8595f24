// What a command that talks to hitless works with, and the look-ups that many of them need.
//
// Lives as long as the command; one thread.
#pragma once

#include <functional>
#include <string>

#include "cli/api_client.h"
#include "cli/io.h"

namespace hitless::cli {

struct Session {
  const Io& io;
  ApiClient& api;
  bool json = false;  // answers as JSON, for programs
};

// A command's work; the value is the exit status.
using Command = std::function<Result<int>(Session&)>;

// `which` is an id or a name.  The error says how to list what there is.
Result<json::object> find_service(Session& session, const std::string& which);

// `which` is an id, NAME:VERSION, or NAME: then the newest of its versions.
Result<json::object> find_model(Session& session, const std::string& which);

// "/services/<id>" of a service as find_service gave it.
std::string path_of(const json::object& service);

// Prints `value` as pretty JSON.
void print_json(Session& session, const json::value& value);

std::int64_t now_ms();

}  // namespace hitless::cli
