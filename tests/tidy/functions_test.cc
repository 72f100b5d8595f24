#include "tests/tidy/functions.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/tidy/text.h"

namespace hitless::tidy {
namespace {

std::vector<std::string> heads(std::string_view text) {
  std::vector<std::string> found;
  for (const Function& function : functions_of(text)) found.push_back(function.head);
  return found;
}

TEST(Text, BlanksWhatIsNotCode) {
  EXPECT_EQ(blank_non_code("a // {\nb"), "a     \nb");
  EXPECT_EQ(blank_non_code("a /* {\n} */ b"), "a     \n     b");
  EXPECT_EQ(blank_non_code("f(\"{\\\"{\", '{');"), "f(      ,    );");
  EXPECT_EQ(blank_non_code("R\"x({\n)\")x\" b"), "     \n      b");
  EXPECT_EQ(blank_non_code("#define A { \\\n  {\nb"), "             \n   \nb");
  EXPECT_EQ(blank_non_code("1'000 + 2'000"), "1'000 + 2'000");
}

TEST(Functions, AreFoundInNamespacesAndTypes) {
  EXPECT_THAT(heads("namespace a {\n"
                    "int f(int x) {\n  if (x) {\n  }\n  return 1;\n}\n"
                    "class HL_ANNOTATE(capability(\"m\")) B {\n"
                    "  int g() const { return 2; }\n"
                    "};\n"
                    "template <class T>\nstruct std::hash<a::Id<T>> {\n"
                    "  int h() { return 3; }\n};\n"
                    "}  // namespace a\n"),
              testing::ElementsAre("int f(int x)", "int g() const", "int h()"));
}

TEST(Functions, TakeParametersThatSayStruct) {
  EXPECT_THAT(heads("void f(struct sockaddr* a) {\n  if (a) {\n  }\n}\n"),
              testing::ElementsAre("void f(struct sockaddr* a)"));
}

TEST(Functions, AreNotInitialisersOfVariables) {
  EXPECT_THAT(heads("constexpr Edge k_edges[] = {\n  {f(1), 2},\n};\nint x{0};\n"),
              testing::IsEmpty());
}

TEST(Functions, CountTheLinesOfTheirBody) {
  const std::vector<Function> found = functions_of("\nvoid f(\n    int a) {\n  g([] {\n  });\n}\n");
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found[0].line_first, 3U);
  EXPECT_EQ(found[0].lines(), 4U);
}

TEST(Functions, AreMeasuredBehindAListOfMemberInitialisers) {
  const std::vector<Function> found =
      functions_of("A::A(int x)\n    : a_{x},\n      b_(x) {\n  f();\n  g();\n}\n");
  ASSERT_FALSE(found.empty());
  EXPECT_EQ(found.back().lines(), 4U);
}

}  // namespace
}  // namespace hitless::tidy
