#include "net/descriptors.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

namespace hitless::net {
namespace {

struct Pair {
  Pair() {
    int ends[2];
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
    here.reset(ends[0]);
    there.reset(ends[1]);
  }
  UniqueFd here, there;
};

ino_t identity(int fd) {
  struct stat about {};
  EXPECT_EQ(::fstat(fd, &about), 0);
  return about.st_ino;
}

TEST(Descriptors, AnyNumberArrivesInOrderAndTheByteAfterThemIsLeft) {
  for (const std::size_t count : {1U, 32U, 33U, 259U}) {
    Pair pair;
    std::vector<UniqueFd> sent;
    std::vector<int> numbers;
    for (std::size_t i = 0; i < count; ++i) {
      sent.emplace_back(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
      numbers.push_back(sent.back().get());
    }
    ASSERT_TRUE(send_descriptors(pair.here.get(), numbers));
    ASSERT_EQ(::send(pair.here.get(), "x", 1, 0), 1);
    const auto received = receive_descriptors(pair.there.get(), count);
    ASSERT_TRUE(received) << received.error().text();
    ASSERT_EQ(received->size(), count);
    for (std::size_t i = 0; i < count; ++i) {
      EXPECT_NE((*received)[i].get(), numbers[i]);
      EXPECT_EQ(identity((*received)[i].get()), identity(numbers[i]));
    }
    char byte = 0;
    EXPECT_EQ(::recv(pair.there.get(), &byte, 1, 0), 1);
    EXPECT_EQ(byte, 'x');
  }
}

TEST(Descriptors, AnEndBeforeAllHaveComeIsAnError) {
  Pair pair;
  Pair other;  // not of the pair itself: a descriptor on its way keeps its socket open
  const std::vector<int> one{other.here.get()};
  ASSERT_TRUE(send_descriptors(pair.here.get(), one));
  pair.here.reset();
  const auto received = receive_descriptors(pair.there.get(), 40);
  ASSERT_FALSE(received);
}

TEST(Descriptors, ANeighbourThatSendsBytesAloneIsAnError) {
  Pair pair;
  ASSERT_EQ(::send(pair.here.get(), "x", 1, 0), 1);
  EXPECT_FALSE(receive_descriptors(pair.there.get(), 1));
}

}  // namespace
}  // namespace hitless::net
