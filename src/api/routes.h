// The route table: method and path pattern → handler, as data in one place.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "api/call.h"

namespace hitless::api {

struct RouteRow {
  std::string_view method;
  std::string_view pattern;  // "{name}" stands for one segment
  std::string_view name;     // operationId in the OpenAPI documents
  Reply (*handler)(const Call&);
};

std::span<const RouteRow> route_rows();

struct RouteMatch {
  const RouteRow* row = nullptr;  // null: no row of this method fits
  bool path_known = false;        // some method fits
  std::string methods;            // those that fit, for the header Allow
  Params params;
};

// A literal segment wins over "{name}".  `path` is still percent-encoded.
RouteMatch find_route(std::string_view method, std::string_view path);

}  // namespace hitless::api
