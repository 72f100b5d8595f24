// Tries the requests of tests/refusals/ on a gateway, each with a second request behind it in the
// same bytes, while the instance behind the gateway looks for that one.
//
// Owner: one test, one thread; the instance has threads of its own.
#pragma once

#include <gtest/gtest.h>

#include <mutex>
#include <string>
#include <vector>

#include "tests/support/raw_http.h"
#include "tests/support/refusal_corpus.h"
#include "tests/support/strict_request.h"

namespace hitless::testing {

// An instance that keeps what it gets.
class WatchingUpstream {
 public:
  WatchingUpstream() : upstream_([this](RawConnection& connection) { serve(connection); }) {}

  const Address& address() const { return upstream_.address(); }

  struct Seen {
    std::vector<StrictRequest> requests;  // whole, in the order of their ends
    std::string bytes;                    // of all connections
  };
  // What came since the last call.
  Seen take() {
    const std::lock_guard<std::mutex> lock(mutex_);
    return std::exchange(seen_, {});
  }

 private:
  void serve(RawConnection& connection) {
    for (;;) {
      const StrictRequest request = read_strictly(connection.buffered());
      if (request.whole) {
        {
          const std::lock_guard<std::mutex> lock(mutex_);
          seen_.requests.push_back(request);
        }
        if (!request.problem.empty()) return;
        connection.buffered().erase(0, request.size);
        if (!connection.write(RawUpstream::ok("served"))) return;
        continue;
      }
      const std::size_t before = connection.buffered().size();
      if (!connection.read_more()) return;
      const std::lock_guard<std::mutex> lock(mutex_);
      seen_.bytes += connection.buffered().substr(before);
    }
  }

  std::mutex mutex_;
  Seen seen_;
  RawUpstream upstream_;
};

class RefusalTrial {
 public:
  RefusalTrial(Address gateway, const RefusalWords& words, WatchingUpstream& upstream)
      : gateway_(std::move(gateway)), upstream_(upstream), cases_(read_refusals(words)) {
    second_ = "POST " + words.call + "/smuggled HTTP/1.1\r\nHost: a\r\n" + words.token +
              "Content-Length: 2\r\n\r\nok";
  }

  // The bytes in one piece, and in two cut in the middle and near the end.
  void run() {
    std::size_t refused = 0;
    for (const RefusalCase& one : cases_) {
      const std::size_t size = one.bytes.size();
      for (const std::size_t cut : {size + second_.size(), size / 2, size > 3 ? size - 3 : size}) {
        const Trace trace(one, cut);
        one.is_accepted() ? expect_accepted(one, cut) : expect_refused(one, cut);
      }
      refused += one.is_accepted() ? 0 : 1;
    }
    EXPECT_GT(refused, 200U);
    EXPECT_GT(cases_.size() - refused, 30U);
  }

 private:
  struct Trace {
    Trace(const RefusalCase& one, std::size_t cut)
        : trace(__FILE__, __LINE__,
                one.name + " (RFC " + one.section + "), cut at " + std::to_string(cut)) {}
    ::testing::ScopedTrace trace;
  };

  void send(RawConnection& client, const RefusalCase& one, std::size_t cut) {
    const std::string all = one.bytes + second_;
    client.write(std::string_view(all).substr(0, cut));
    // May fail where the first piece was refused already.
    if (cut < all.size()) client.write(std::string_view(all).substr(cut));
  }

  void expect_refused(const RefusalCase& one, std::size_t cut) {
    RawConnection client = RawConnection::connect(gateway_);
    send(client, one, cut);
    const RawMessage answer = client.read_message();
    EXPECT_EQ(answer.status(), one.status) << answer.wire;
    EXPECT_EQ(answer.field("connection"), "close");
    EXPECT_FALSE(answer.field("x-request-id").empty());
    client.shut_writing();
    EXPECT_EQ(client.read_all(), "") << "something behind the refusal";
    EXPECT_EQ(client.last_error(), 0) << "reset";
    const WatchingUpstream::Seen seen = upstream_.take();
    EXPECT_TRUE(seen.requests.empty()) << seen.requests.front().target;
    EXPECT_EQ(seen.bytes.find("smuggled"), std::string::npos) << seen.bytes;
  }

  void expect_accepted(const RefusalCase& one, std::size_t cut) {
    RawConnection client = RawConnection::connect(gateway_);
    send(client, one, cut);
    for (int i = 0; i < 2; ++i) {
      const RawMessage answer = client.read_message();
      EXPECT_EQ(answer.status(), 200) << answer.wire;
      EXPECT_EQ(answer.body, "served");
    }
    const WatchingUpstream::Seen seen = upstream_.take();
    ASSERT_EQ(seen.requests.size(), 2U);
    for (const StrictRequest& request : seen.requests) EXPECT_EQ(request.problem, "");
    EXPECT_EQ(seen.requests[0].method, one.method);
    EXPECT_EQ(seen.requests[0].target, one.target);
    EXPECT_EQ(seen.requests[0].body, one.body);
    EXPECT_EQ(seen.requests[1].target, "/smuggled");
    EXPECT_EQ(seen.requests[1].body, "ok");
  }

  const Address gateway_;
  WatchingUpstream& upstream_;
  const std::vector<RefusalCase> cases_;
  std::string second_;
};

}  // namespace hitless::testing
