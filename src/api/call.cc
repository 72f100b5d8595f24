#include "api/call.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "api/limits.h"

namespace hitless::api {
namespace {

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

std::string word_list(std::initializer_list<std::string_view> words) {
  std::string out;
  for (std::string_view word : words) out.append(out.empty() ? "" : ", ").append(word);
  return out;
}

}  // namespace

std::string percent_decoded(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    const int high = text[i] == '%' && i + 2 < text.size() ? hex_digit(text[i + 1]) : -1;
    const int low = high >= 0 ? hex_digit(text[i + 2]) : -1;
    if (low < 0) {
      out += text[i];
    } else {
      out += static_cast<char>(high * 16 + low);
      i += 2;
    }
  }
  return out;
}

Params parse_query(std::string_view query) {
  Params members;
  while (!query.empty()) {
    const std::string_view pair = query.substr(0, query.find('&'));
    query.remove_prefix(std::min(query.size(), pair.size() + 1));
    const std::size_t equals = pair.find('=');
    if (equals == std::string_view::npos || equals + 1 == pair.size()) continue;
    std::string value(pair.substr(equals + 1));
    std::replace(value.begin(), value.end(), '+', ' ');
    members.try_emplace(percent_decoded(pair.substr(0, equals)), percent_decoded(value));
  }
  return members;
}

std::string Call::path_member(std::string_view name) const {
  const auto found = path.find(name);
  HL_CHECK(found != path.end());
  return found->second;
}

std::string Call::query_member(std::string_view name) const {
  const auto found = query.find(name);
  return found == query.end() ? std::string() : found->second;
}

Checked<std::optional<std::int64_t>> Call::query_int(std::string_view name) const {
  const std::string text = query_member(name);
  if (text.empty()) return std::optional<std::int64_t>();
  std::int64_t number = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (failure != std::errc() || end != text.data() + text.size()) {
    return Failure(Cause::invalid_argument, fmt::format("parameter [{}] must be an integer", name));
  }
  return std::optional<std::int64_t>(number);
}

Checked<bool> Call::query_bool(std::string_view name) const {
  const std::string text = query_member(name);
  if (text.empty() || text == "false") return false;
  if (text == "true") return true;
  return Failure(Cause::invalid_argument,
                 fmt::format("parameter [{}] must be true or false", name));
}

Checked<store::PageQuery> Call::page(std::initializer_list<std::string_view> sort_words) const {
  HL_TRY_ASSIGN(const auto offset, query_int("offset"));
  HL_TRY_ASSIGN(const auto limit, query_int("limit"));
  if (offset.value_or(0) < 0) {
    return Failure(Cause::invalid_argument, "parameter [offset] must be 0 or more");
  }
  if (limit.value_or(1) < 1) {
    return Failure(Cause::invalid_argument, "parameter [limit] must be from 1 to 1000");
  }
  store::PageQuery page;
  page.offset = offset.value_or(0);
  page.limit = std::min(limit.value_or(k_page_rows_max), k_page_rows_max);
  page.sort_by = query_member("sort_by");
  const bool known =
      std::find(sort_words.begin(), sort_words.end(), page.sort_by) != sort_words.end();
  if (!page.sort_by.empty() && !known) {
    return Failure(Cause::invalid_argument,
                   fmt::format("parameter [sort_by] must be one of {}", word_list(sort_words)));
  }
  const std::string order = query_member("order");
  if (!order.empty() && order != "asc" && order != "desc") {
    return Failure(Cause::invalid_argument, "parameter [order] must be asc or desc");
  }
  page.ascending = order == "asc";
  return page;
}

Checked<json::object> Call::body() const {
  Result<json::value> value = parse_json(request.body);
  if (!value) {
    return Failure(Cause::invalid_argument, request.body.empty()
                                                ? "The request body is required and cannot be empty"
                                                : "The request body is " + value.error().text());
  }
  if (!value->is_object()) {
    return Failure(Cause::invalid_argument, "The request body must be a JSON object");
  }
  return std::move(value->get_object());
}

net::HttpResponse ok(const json::value& value) {
  net::HttpResponse response;
  response.headers.add("Content-Type", "application/json");
  response.body = to_json_text(value);
  return response;
}

json::object cut_page(json::array all, const store::PageQuery& page, std::string_view name) {
  const std::size_t total = all.size();
  const std::size_t begin = std::min(total, static_cast<std::size_t>(page.offset));
  const std::size_t count = std::min(total - begin, static_cast<std::size_t>(page.limit));
  json::array rows;
  for (std::size_t i = begin; i < begin + count; ++i) rows.push_back(std::move(all[i]));
  json::object out;
  out["total_count"] = total;
  out["count"] = count;
  out[name] = std::move(rows);
  return out;
}

}  // namespace hitless::api
