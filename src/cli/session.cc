#include "cli/session.h"

#include <fmt/format.h>

#include <ostream>

#include "base/clock.h"
#include "cli/render_report.h"

namespace hitless::cli {
namespace {

// Lists what fits `query` under `name`.
Result<json::array> listed(Session& session, const std::string& query, std::string_view name) {
  HL_TRY_ASSIGN(const json::object page, session.api.get(query));
  return array_or_empty(page, name);
}

}  // namespace

std::int64_t now_ms() {
  return to_millis(SystemClock().now());
}

void print_json(Session& session, const json::value& value) {
  session.io.out << to_pretty_json_text(value) << "\n";
}

std::string path_of(const json::object& service) {
  return "/services/" + text_or_empty(service, "service_id");
}

Result<json::object> find_service(Session& session, const std::string& which) {
  Result<json::object> by_id = session.api.get("/services/" + percent_encoded(which));
  if (by_id || by_id.error().code() != Code::not_found) return by_id;
  HL_TRY_ASSIGN(const json::array rows,
                listed(session, "/services?service_name=" + percent_encoded(which), "services"));
  for (const json::value& row : rows) {
    if (row.is_object() && text_or_empty(row.get_object(), "service_name") == which) {
      return session.api.get(path_of(row.get_object()));
    }
  }
  return Error(Code::not_found,
               fmt::format("there is no service {}: `hitless service list` shows all", which));
}

Result<json::object> find_model(Session& session, const std::string& which) {
  Result<json::object> by_id = session.api.get("/models/" + percent_encoded(which));
  if (by_id || by_id.error().code() != Code::not_found) return by_id;
  const std::string name = which.substr(0, which.find(':'));
  const std::string version = name == which ? "" : which.substr(name.size() + 1);
  HL_TRY_ASSIGN(
      const json::array rows,
      listed(session, "/models?exact_match=true&model_name=" + percent_encoded(name), "models"));
  for (const json::value& row : rows) {  // newest first
    const json::object& found = row.get_object();
    if (version.empty() || text_or_empty(found, "model_version") == version) return found;
  }
  return Error(Code::not_found,
               fmt::format("there is no model {}: `hitless model list` shows all", which));
}

}  // namespace hitless::cli
