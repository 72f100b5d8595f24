// Reads the `config` list of a service body and checks it against the contract.
//
// Unknown and misplaced members are errors that name the field: a knob that silently does nothing
// is found out in the middle of an upgrade.  Any thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "api/call.h"

namespace hitless::api {

// The whole list: each entry, then what must hold between them (weights make 100, no version
// twice), then that their models exist and are published.  `pool` is the service's.
Checked<std::vector<model::ConfigEntry>> read_entries(const Call& call, const json::array& list,
                                                      const std::string& pool);

// One entry alone; `path` is where it stands, "config[0]".  Pure.
Checked<model::ConfigEntry> read_entry(const ApiOptions& options, const json::value& value,
                                       const std::string& path, const std::string& pool);

// The entry as answers show it: what was sent, weight as an integer.
json::object echo_of(const model::ConfigEntry& entry);

// Every member must be in `known`; one that is in `elsewhere` is named with its place.
Checked<void> check_members(const json::object& object, std::string_view path, Words known,
                            Words elsewhere, std::string_view place);

// Names a pool that is configured, or a Failure; empty is the public pool.
Checked<std::string> check_pool(const ApiOptions& options, std::string name);

}  // namespace hitless::api
