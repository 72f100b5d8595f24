// One request on its way to its handler: what was asked, and what the handlers work with.
//
// Lives on the stack of the server's handler thread; borrowed everywhere.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "api/api.h"
#include "api/errors.h"
#include "api/feed.h"
#include "base/json.h"

namespace hitless::api {

using Params = std::map<std::string, std::string, std::less<>>;

// "%2F" → "/"; broken escapes stay as they are.
std::string percent_decoded(std::string_view text);

// Query members, decoded.  Of a name that comes twice the first counts; unknown ones are ignored,
// empty ones are as if absent, because clients send both.
Params parse_query(std::string_view query);

struct Call {
  const ApiOptions& options;
  store::Store& store;
  control::Port& port;
  Feeds& feeds;
  const net::HttpRequest& request;
  Params path;      // of the route's pattern: {service_id} and so on
  Params query;     // without empty ones
  std::string who;  // calls: a user's name, or "token"

  std::string path_member(std::string_view name) const;
  std::string query_member(std::string_view name) const;  // empty when absent
  Checked<std::optional<std::int64_t>> query_int(std::string_view name) const;
  Checked<bool> query_bool(std::string_view name) const;  // false when absent

  // offset (records), limit (at most 1000), order; sort_by must be one of `sort_words`.
  Checked<store::PageQuery> page(std::initializer_list<std::string_view> sort_words) const;

  // The body as an object; the error says what is wrong with it.
  Checked<json::object> body() const;
};

net::HttpResponse ok(const json::value& value);

using Words = std::span<const std::string_view>;

// The part of a whole list that a page asks for, as the contract's lists are shaped:
// {total_count, count, <name>: […]}.
json::object cut_page(json::array all, const store::PageQuery& page, std::string_view name);

}  // namespace hitless::api
