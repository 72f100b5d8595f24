#include "net/uri.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>

namespace hitless::net {
namespace {

TEST(Uri, DecodesEscapes) {
  EXPECT_EQ(*decode_percent(""), "");
  EXPECT_EQ(*decode_percent("a%2Fb%2fc+d"), "a/b/c+d");
  EXPECT_EQ(*decode_percent("%00"), std::string(1, '\0'));
}

TEST(Uri, RefusesBadEscapes) {
  for (const char* text : {"%", "%4", "%4x", "%x4", "a%", "%%41"}) {
    EXPECT_EQ(decode_percent(text).error().code(), Code::invalid) << text;
  }
  EXPECT_EQ(parse_query("a=%zz").error().code(), Code::invalid);
  EXPECT_EQ(parse_query("%=1").error().code(), Code::invalid);
}

TEST(Uri, AnyTextSurvivesEncodingAndDecoding) {
  EXPECT_TRUE(rc::check([](const std::string& text) {
    const std::string encoded = encode_percent(text);
    RC_ASSERT(encoded.find_first_of(" /?#&=+\r\n") == std::string::npos);
    RC_ASSERT(*decode_percent(encoded) == text);
    RC_ASSERT((*parse_query(encoded + "k=" + encoded) == Query{{text + "k", text}}));
  }));
}

TEST(Uri, ReadsQueriesInOrder) {
  EXPECT_EQ(*parse_query(""), Query());
  EXPECT_EQ(*parse_query("a=1&b=x+y%26z&&c&a=2="),
            (Query{{"a", "1"}, {"b", "x y&z"}, {"c", ""}, {"a", "2="}}));
  EXPECT_EQ(*parse_query("=v"), (Query{{"", "v"}}));
}

}  // namespace
}  // namespace hitless::net
