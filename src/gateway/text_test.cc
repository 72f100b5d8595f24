#include "gateway/text.h"

#include <gtest/gtest.h>

#include <set>
#include <string>

#include "gateway/hash_of_id.h"
#include "gateway/text_writer.h"

namespace hitless::gateway {
namespace {

TEST(Text, GrowsAtItsEndAndKeepsWhatIsThere) {
  Text text;
  EXPECT_EQ(std::string_view(text), "");
  std::string expected;
  for (int i = 0; i < 500; ++i) {
    const std::string more(static_cast<std::size_t>(i % 37), static_cast<char>('a' + i % 26));
    text.append(more);
    expected += more;
    ASSERT_EQ(std::string_view(text), expected);
    ASSERT_GE(text.capacity(), text.size());
  }
  const std::size_t capacity = text.capacity();
  text.clear();
  EXPECT_EQ(text.size(), 0U);
  EXPECT_EQ(text.capacity(), capacity) << "it is kept to be written into again";
}

TEST(Text, LeavesNothingWhereItWasMovedFrom) {
  Text from;
  from.append("all of it");
  Text to = std::move(from);
  EXPECT_EQ(std::string_view(to), "all of it");
  EXPECT_EQ(from.size() + from.capacity(), 0U);  // NOLINT: that is what is tested
  from.append("new");
  to = std::move(from);
  EXPECT_EQ(std::string_view(to), "new");
  EXPECT_EQ(std::string_view(from), "");  // NOLINT
}

TEST(TextWriter, AppendsBehindWhatIsThere) {
  Text text;
  text.append("before, ");
  {
    TextWriter to(text, 100);
    to.put("a literal").put(std::string_view(" and ")).put(std::string(60, 'x'));
  }
  EXPECT_EQ(std::string_view(text), "before, a literal and " + std::string(60, 'x'));
}

TEST(HashOfId, TellsIdsApartWhereverTheyDiffer) {
  const std::string id = "3f2c8a54-7d1e-4b60-9a3c-5e8d1f0b2c47-and-more";
  std::set<std::size_t> hashes;
  std::size_t made = 0;
  for (std::size_t size = 0; size <= id.size(); ++size, ++made) {
    hashes.insert(hash_of_id(id.substr(0, size)));
  }
  for (std::size_t at = 0; at < id.size(); ++at, ++made) {
    std::string other = id;
    other[at] ^= 1;
    hashes.insert(hash_of_id(other));
  }
  EXPECT_EQ(hashes.size(), made);
}

// Ids that are counted up, as those of a test's services, fall into all buckets alike.
TEST(HashOfId, SpreadsIdsThatAreNeighbours) {
  constexpr std::size_t k_buckets = 64;
  std::size_t counts[k_buckets] = {};
  for (int i = 0; i < 6400; ++i) {
    const std::string digits = std::to_string(i);
    const std::string id =
        "00000000-0000-4000-8000-" + std::string(12 - digits.size(), '0') + digits;
    ++counts[hash_of_id(id) % k_buckets];
  }
  for (const std::size_t count : counts) EXPECT_NEAR(static_cast<double>(count), 100, 60);
}

}  // namespace
}  // namespace hitless::gateway
