#include "store/row.h"

#include <fmt/format.h>

namespace hitless::store {
namespace {

// What came through the API is at most 32 deep there; stored inside our own objects it is deeper.
constexpr std::size_t k_stored_depth_max = 64;

Result<json::value> parse_stored(const std::string& text) {
  json::parse_options options;
  options.max_depth = k_stored_depth_max;
  boost::system::error_code failure;
  json::value value = json::parse(text, failure, {}, options);
  if (failure) return Error(Code::corrupt, failure.message());
  return value;
}

}  // namespace

std::optional<Time> Row::optional_time() {
  if (!statement_.is_null(next_)) return time();
  ++next_;
  return std::nullopt;
}

json::value Row::json() {
  return keep(parse_stored(text()));
}

json::object Row::json_object() {
  json::value value = json();
  if (value.is_object()) return std::move(value.get_object());
  fail(Error(Code::corrupt, "not a JSON object"));
  return {};
}

void Row::fail(const Error& error) {
  if (failure_) return;
  failure_ = Error(Code::corrupt, fmt::format("the database holds a row that cannot be read "
                                              "(column {}: {})",
                                              next_, error.text()));
}

void Filter::equal(std::string_view column, const std::string& value) {
  if (!value.empty()) add(fmt::format("{} = ?", column), value);
}

void Filter::contains(std::string_view column, const std::string& part) {
  if (!part.empty()) add(fmt::format("{} LIKE ? ESCAPE '\\'", column), like_pattern(part));
}

void Filter::add(std::string_view condition, std::string value) {
  condition_.append(condition_.empty() ? " WHERE " : " AND ").append(condition);
  values_.push_back({.text = std::move(value), .time = std::nullopt});
}

void Filter::add(std::string_view condition, Time value) {
  add(condition, std::string());
  values_.back().time = value;
}

std::string Filter::where() const {
  return condition_;
}

void Filter::bind(Statement& statement) const {
  for (const Value& value : values_) {
    if (value.time) {
      statement.bind(*value.time);
    } else {
      statement.bind(value.text);
    }
  }
}

std::string like_pattern(std::string_view part) {
  std::string pattern = "%";
  for (const char c : part) {
    if (c == '%' || c == '_' || c == '\\') pattern.push_back('\\');
    pattern.push_back(c);
  }
  return pattern.append("%");
}

Result<std::string> order_by(const PageQuery& page, std::span<const SortColumn> columns,
                             std::string_view tie) {
  if (page.offset < 0 || page.limit < 0) {
    return Error(Code::invalid, "offset and limit cannot be below 0");
  }
  std::string allowed;
  for (const SortColumn& sort : columns) {
    allowed.append(allowed.empty() ? "" : ", ").append(sort.word);
    if (!page.sort_by.empty() && page.sort_by != sort.word) continue;
    const std::string_view direction = page.ascending ? "ASC" : "DESC";
    return fmt::format(" ORDER BY {} {}, {} {} LIMIT ? OFFSET ?", sort.column, direction, tie,
                       direction);
  }
  return Error(Code::invalid,
               fmt::format("sort_by [{}] must be one of: {}", page.sort_by, allowed));
}

std::string count_sql(const ListSql& list, const Filter& filter) {
  return fmt::format("SELECT count(*) FROM {}{}", list.table, filter.where());
}

std::string page_sql(const ListSql& list, const Filter& filter) {
  return fmt::format("SELECT {} FROM {}{}{}", list.columns, list.table, filter.where(), list.order);
}

}  // namespace hitless::store
