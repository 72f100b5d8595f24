// The part of JSON Schema that the contract's answers need: type, enum, required, properties,
// items, minimum, maximum, maxProperties, allOf, $ref by name.
#pragma once

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <string>

#include "base/file.h"
#include "base/json.h"

namespace hitless::testing {

// Where the sources are: $HITLESS_ROOT, else above the working directory.
inline std::filesystem::path source_root() {
  if (const char* root = std::getenv("HITLESS_ROOT"); root != nullptr) return root;
  for (auto at = std::filesystem::current_path(); at.has_relative_path(); at = at.parent_path()) {
    if (std::filesystem::exists(at / "src/api/openapi.yaml")) return at;
  }
  return {};
}

class Schemas {
 public:
  // The contract as tests/contract/schemas.json restates it.
  Schemas() {
    const auto text = read_file(source_root() / "tests/contract/schemas.json", 1 << 20);
    EXPECT_TRUE(text) << text.error().text();
    auto value = parse_json(text ? *text : "{}");
    EXPECT_TRUE(value) << value.error().text();
    if (value) document_ = std::move(value->get_object());
  }

  // What is wrong with `value`; empty: nothing.
  std::string check(const json::value& value, std::string_view name) const {
    return check_one(value, document_.at("schemas").get_object().at(name), std::string(name));
  }

  const json::array& operations() const { return document_.at("operations").get_array(); }

 private:
  static bool is_type(const json::value& value, std::string_view type) {
    if (type == "object") return value.is_object();
    if (type == "array") return value.is_array();
    if (type == "string") return value.is_string();
    if (type == "boolean") return value.is_bool();
    if (type == "integer") return value.is_int64() || value.is_uint64();
    return type == "number" && value.is_number();
  }

  static bool fits_type(const json::value& value, const json::value& type) {
    if (type.is_string()) return is_type(value, type.get_string());
    for (const json::value& each : type.get_array()) {
      if (is_type(value, each.get_string())) return true;
    }
    return false;
  }

  std::string check_one(const json::value& value, const json::value& schema,
                        const std::string& at) const {
    const json::object& rules = schema.get_object();
    if (const json::value* name = rules.if_contains("$ref")) {
      return check_one(value, document_.at("schemas").get_object().at(name->get_string()), at);
    }
    if (const json::value* all = rules.if_contains("allOf")) {
      for (const json::value& each : all->get_array()) {
        if (std::string wrong = check_one(value, each, at); !wrong.empty()) return wrong;
      }
    }
    if (const json::value* type = rules.if_contains("type"); type && !fits_type(value, *type)) {
      return at + " is of the wrong type: " + to_json_text(value);
    }
    if (const json::value* words = rules.if_contains("enum")) {
      const json::array& known = words->get_array();
      if (std::find(known.begin(), known.end(), value) == known.end()) {
        return at + " is none of the words: " + to_json_text(value);
      }
    }
    if (value.is_number()) return check_range(value, rules, at);
    if (value.is_array()) return check_items(value.get_array(), rules, at);
    return value.is_object() ? check_members(value.get_object(), rules, at) : std::string();
  }

  static std::string check_range(const json::value& value, const json::object& rules,
                                 const std::string& at) {
    const double number = value.to_number<double>();
    const json::value* least = rules.if_contains("minimum");
    const json::value* most = rules.if_contains("maximum");
    if (least && number < least->to_number<double>()) return at + " is too small";
    return most && number > most->to_number<double>() ? at + " is too large" : std::string();
  }

  std::string check_items(const json::array& items, const json::object& rules,
                          const std::string& at) const {
    const json::value* schema = rules.if_contains("items");
    for (std::size_t i = 0; schema && i < items.size(); ++i) {
      std::string wrong = check_one(items[i], *schema, at + "[" + std::to_string(i) + "]");
      if (!wrong.empty()) return wrong;
    }
    return {};
  }

  std::string check_members(const json::object& object, const json::object& rules,
                            const std::string& at) const {
    if (const json::value* most = rules.if_contains("maxProperties");
        most && object.size() > most->to_number<std::size_t>()) {
      return at + " has too many members";
    }
    if (const json::value* needed = rules.if_contains("required")) {
      for (const json::value& name : needed->get_array()) {
        if (!object.contains(name.get_string())) {
          return at + " lacks " + std::string(name.get_string());
        }
      }
    }
    const json::value* known = rules.if_contains("properties");
    for (const auto& [name, value] : object) {
      const json::value* schema = known ? known->get_object().if_contains(name) : nullptr;
      if (schema == nullptr) continue;
      std::string wrong = check_one(value, *schema, at + "." + std::string(name));
      if (!wrong.empty()) return wrong;
    }
    return {};
  }

  json::object document_;
};

}  // namespace hitless::testing
