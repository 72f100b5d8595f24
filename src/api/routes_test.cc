#include "api/routes.h"

#include <gtest/gtest.h>

#include <set>
#include <sstream>

#include "tests/support/schema.h"

namespace hitless::api {
namespace {

using Operations = std::set<std::string>;

// The paths of an OpenAPI document written as ours is: a path at two blanks, a method at four, its
// operationId at six.
Operations operations_of(const std::string& yaml) {
  Operations found;
  std::istringstream lines(yaml);
  std::string line, path, method;
  while (std::getline(lines, line)) {
    const std::size_t indent = line.find_first_not_of(' ');
    if (indent == std::string::npos) continue;
    const std::string text = line.substr(indent);
    if (indent == 2 && text.starts_with('/')) path = text.substr(0, text.size() - 1);
    if (indent == 4 && !path.empty()) method = text.substr(0, text.size() - 1);
    if (indent == 6 && text.starts_with("operationId: ")) {
      for (char& c : method) c = static_cast<char>(std::toupper(c));
      found.insert(method + " " + path + " " + text.substr(13));
    }
  }
  return found;
}

TEST(RouteTable, IsTheContractAndOurOpenApiDocument) {
  const auto yaml = read_file(testing::source_root() / "src/api/openapi.yaml", 1 << 20);
  ASSERT_TRUE(yaml) << yaml.error().text();
  Operations documented = operations_of(*yaml);
  ASSERT_FALSE(documented.empty());
  const testing::Schemas contract;
  for (const json::value& each : contract.operations()) {
    EXPECT_TRUE(documented.insert(std::string(each.get_string())).second) << each;
  }
  Operations routed;
  for (const RouteName& row : route_names()) {
    routed.insert(row.method + " " + row.pattern + " " + row.name);
  }
  EXPECT_EQ(routed, documented);
}

TEST(RouteTable, PrefersTheLiteralSegment) {
  const RouteMatch match = find_route("GET", "/v1/p/services/specifications");
  ASSERT_NE(match.row, nullptr);
  EXPECT_EQ(match.row->name, "ShowServiceSpecifications");
  EXPECT_EQ(find_route("PUT", "/v1/p/services/specifications").row, nullptr);
}

TEST(RouteTable, DecodesParametersAndNamesMethods) {
  const RouteMatch match = find_route("GET", "/v1/p/services/a%2Cb/");
  ASSERT_NE(match.row, nullptr);
  EXPECT_EQ(match.params.at("service_id"), "a,b");
  const RouteMatch patch = find_route("PATCH", "/v1/p/services/a");
  EXPECT_EQ(patch.row, nullptr);
  EXPECT_TRUE(patch.path_known);
  EXPECT_EQ(patch.methods, "GET, PUT, DELETE");
  EXPECT_FALSE(find_route("GET", "/v1/p/services/a/nothing").path_known);
  EXPECT_FALSE(find_route("GET", "/v1/p/services//logs").path_known);
}

TEST(Query, TakesTheFirstAndDropsEmptyOnes) {
  const Params query = parse_query("limit=5&workspace_id=&name=a%20b+c&limit=9&flag&&x=%zz");
  EXPECT_EQ(query.at("limit"), "5");
  EXPECT_EQ(query.at("name"), "a b c");
  EXPECT_EQ(query.at("x"), "%zz");
  EXPECT_FALSE(query.contains("workspace_id"));
  EXPECT_FALSE(query.contains("flag"));
}

}  // namespace
}  // namespace hitless::api
