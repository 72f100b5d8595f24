// TLS in front of services: real clients (curl, nghttp, h2load, openssl) against a real gateway.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "tests/support/gateway_fixture.h"
#include "tests/support/shell.h"

namespace hitless::gateway {
namespace {

using namespace hitless::testing;  // the fixture's words are this file's language

std::string echo(const RawMessage& request) {
  return RawUpstream::ok(request.start_line() + "|" + request.field("x-forwarded-proto") + "|" +
                         request.body);
}

class Tls : public ::testing::Test {
 protected:
  Tls()
      : files_(std::move(TemporaryDirectory::make("hitless-tls")).value()),
        upstream_(RawUpstream::answering(echo)) {
    make_certificate("one", "one.test", "first");
    make_certificate("wild", "*.wild.test", "wild");
  }

  void make_certificate(const std::string& file, const std::string& name,
                        const std::string& common) {
    const std::string base = (files_.path() / file).string();
    const Ran made =
        run("openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes "
            "-days 2 -subj /CN=" +
            common + " -addext subjectAltName=DNS:" + name + " -keyout " + base + ".key.new -out " +
            base + ".crt.new");
    ASSERT_EQ(made.status, 0) << made.output;
    std::filesystem::rename(base + ".key.new", base + ".key");
    std::filesystem::rename(base + ".crt.new", base + ".crt");
  }
  net::TlsFiles files(const std::string& name) const {
    return {.certificate = files_.path() / (name + ".crt"), .key = files_.path() / (name + ".key")};
  }
  void start(bool redirect = false, Limits limits = {}) {
    fixture_ = std::make_unique<GatewayFixture>(
        limits, 2,
        TlsOptions{.listen = {.host = "127.0.0.1", .port = 0, .path = {}},
                   .certificates = {files("one"), files("wild")},
                   .redirect = redirect});
    ASSERT_TRUE(fixture_->adopt_one(upstream_));
  }
  std::uint16_t port() const { return fixture_->gateway().tls_address()->port; }
  std::string url(const std::string& path = "/x") const {
    return "https://one.test:" + std::to_string(port()) + "/v1/infers/" + k_service + path;
  }
  std::string curl(const std::string& flags, const std::string& path = "/x") const {
    return "curl -sS --cacert " + (files_.path() / "one.crt").string() +
           " --resolve one.test:" + std::to_string(port()) +
           ":127.0.0.1 -H 'X-Auth-Token: " + k_token + "' " + flags + " '" + url(path) + "'";
  }
  // What `openssl s_client` says of a handshake.
  std::string shake_hands(const std::string& flags) {
    return run("openssl s_client -connect 127.0.0.1:" + std::to_string(port()) + " " + flags)
        .output;
  }
  Ran run(const std::string& command) { return shell_.run(command); }

  TemporaryDirectory files_;
  Shell shell_;
  RawUpstream upstream_;
  std::unique_ptr<GatewayFixture> fixture_;
};

TEST_F(Tls, CurlChoosesHttp2AndHttp11) {
  start();
  const std::string shown = " -w ' %{http_version} %{http_code}' ";
  Ran ran = run(curl("--http2 -d body" + shown));
  EXPECT_EQ(ran.output, "POST /x HTTP/1.1|https|body 2 200");
  ran = run(curl("--http1.1 -d body" + shown));
  EXPECT_EQ(ran.output, "POST /x HTTP/1.1|https|body 1.1 200");
  EXPECT_EQ(fixture_->outcomes_of(2).by_class[2], 2U);
}

TEST_F(Tls, LargeBodiesPassBothWays) {
  RawUpstream mirror(RawUpstream::answering(
      [](const RawMessage& request) { return RawUpstream::ok(request.body); }));
  start();
  ASSERT_TRUE(fixture_->adopt_one(mirror));
  const std::string in = (files_.path() / "in").string();
  const std::string out = (files_.path() / "out").string();
  ASSERT_EQ(run("openssl rand -out " + in + " 8000000").status, 0);
  for (const char* version : {"--http2", "--http1.1"}) {
    const Ran ran =
        run(curl(std::string(version) + " -H Expect: --data-binary @" + in + " -o " + out));
    EXPECT_EQ(ran.status, 0) << ran.output;
    EXPECT_EQ(run("cmp " + in + " " + out).status, 0) << version;
  }
}

TEST_F(Tls, NghttpAndH2loadAreServed) {
  start();
  const std::string token = " -H 'x-auth-token: " + std::string(k_token) + "' ";
  const std::string local = "//127.0.0.1:" + std::to_string(port()) + "/v1/infers/" + k_service;
  Ran ran = run("nghttp --no-verify-peer" + token + "https:" + local + "/n");
  EXPECT_NE(ran.output.find("GET /n HTTP/1.1|https|"), std::string::npos) << ran.output;
  ran = run("h2load -n 2000 -c 4 -m 32" + token + "https:" + local + "/h");
  EXPECT_NE(ran.output.find("2000 succeeded, 0 failed, 0 errored, 0 timeout"), std::string::npos)
      << ran.output;
  const std::string plain = "//" + to_text(fixture_->address()) + "/v1/infers/" + k_service;
  ran = run("h2load -n 2000 -c 4 -m 32" + token + "http:" + plain + "/h");
  EXPECT_NE(ran.output.find("2000 succeeded, 0 failed, 0 errored, 0 timeout"), std::string::npos)
      << ran.output;
  ran = run("curl -sS --http2-prior-knowledge -d body" + token + " http:" + plain + "/p");
  EXPECT_EQ(ran.output, "POST /p HTTP/1.1|http|body");
  EXPECT_EQ(fixture_->outcomes_of(4002).by_class[2], 4002U);
}

TEST_F(Tls, TheServerNameChoosesTheCertificate) {
  start();
  const auto subject = [&](const std::string& name) {
    const std::string said = shake_hands("-servername " + name);
    for (const char* each : {"first", "wild"}) {
      if (said.find("subject=CN = " + std::string(each)) != std::string::npos) return each;
    }
    return "none";
  };
  EXPECT_STREQ(subject("one.test"), "first");
  EXPECT_STREQ(subject("A.Wild.Test"), "wild");
  EXPECT_STREQ(subject("a.b.wild.test"), "first") << "a star stands for one label";
  EXPECT_STREQ(subject("unknown.test"), "first");
  EXPECT_NE(shake_hands("-noservername").find("subject=CN = first"), std::string::npos);
}

TEST_F(Tls, ProtocolsAreNegotiatedAndOldOnesRefused) {
  start();
  EXPECT_NE(shake_hands("-alpn http/1.1,h2").find("ALPN protocol: h2"), std::string::npos);
  EXPECT_NE(shake_hands("-alpn http/1.1").find("ALPN protocol: http/1.1"), std::string::npos);
  EXPECT_NE(shake_hands("-alpn spdy/1").find("no application protocol"), std::string::npos);
  EXPECT_NE(shake_hands("-tls1_3").find("New, TLSv1.3"), std::string::npos);
  EXPECT_NE(shake_hands("-tls1_2").find("Cipher is ECDHE-ECDSA-"), std::string::npos);
  EXPECT_NE(shake_hands("-tls1_1 -cipher ALL:@SECLEVEL=0").find("alert protocol version"),
            std::string::npos);
  EXPECT_NE(shake_hands("-tls1_2 -cipher AES128-SHA:AES256-SHA").find("handshake failure"),
            std::string::npos);
}

// The connection is kept through the reload and goes on; a new one sees the new certificate.
TEST_F(Tls, ReloadedCertificatesDropNoConnection) {
  start();
  EXPECT_FALSE(fixture_->gateway().certificates_have_changed());
  const std::string base = (files_.path() / "client").string();
  ASSERT_EQ(run("mkfifo " + base + ".in").status, 0);
  shell_.tell(
      "timeout 30 openssl s_client -quiet -no_ign_eof -servername one.test -connect "
      "127.0.0.1:" +
      std::to_string(port()) + " <" + base + ".in >" + base + ".out 2>&1 &");
  std::ofstream client(base + ".in");
  const auto ask = [&](const std::string& path, std::uint64_t count) {
    client << request(path, "b") << std::flush;
    EXPECT_EQ(fixture_->outcomes_of(count).by_class[2], count);
  };
  ask("/before", 1);
  make_certificate("one", "one.test", "second");
  EXPECT_TRUE(fixture_->gateway().certificates_have_changed());
  ASSERT_TRUE(fixture_->gateway().reload_certificates());
  EXPECT_FALSE(fixture_->gateway().certificates_have_changed());
  ask("/after", 2);
  const auto sees_the_new_one = [&] {
    return shake_hands("-servername one.test").find("subject=CN = second") != std::string::npos;
  };
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(k_read_seconds);
  while (!sees_the_new_one() && std::chrono::steady_clock::now() < deadline) {
  }
  EXPECT_TRUE(sees_the_new_one());
  ask("/again", 3);
}

TEST_F(Tls, BadCertificatesAreRefusedAndTheOldOnesKept) {
  start();
  std::filesystem::copy(files("wild").key, files("one").key,
                        std::filesystem::copy_options::overwrite_existing);
  const auto reloaded = fixture_->gateway().reload_certificates();
  ASSERT_FALSE(reloaded);
  EXPECT_NE(reloaded.error().text().find("one.key"), std::string::npos) << reloaded.error().text();
  EXPECT_NE(shake_hands("-servername one.test").find("subject=CN = first"), std::string::npos);
  EXPECT_FALSE(net::TlsIdentity::load({files("absent")}));
  EXPECT_FALSE(net::TlsIdentity::load({}));
}

TEST_F(Tls, PlainRequestsAreSentToTls) {
  start(true);
  const std::string port_text = std::to_string(port());
  const RawMessage answer = fixture_->call(request("/x?q=1", "b"));
  EXPECT_EQ(answer.status(), 308);
  EXPECT_EQ(answer.field("location"),
            "https://test:" + port_text + "/v1/infers/" + k_service + "/x?q=1");
  EXPECT_EQ(fixture_->call("GET /a HTTP/1.1\r\nHost: [::1]:80\r\n\r\n").field("location"),
            "https://[::1]:" + port_text + "/a");
  EXPECT_EQ(fixture_->call("GET /a HTTP/1.0\r\n\r\n").status(), 400);
  EXPECT_EQ(fixture_->call("GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n").status(), 200);
  EXPECT_EQ(run(curl("-d body")).output, "POST /x HTTP/1.1|https|body");
  EXPECT_EQ(upstream_.connections(), 1) << "nothing plain reached the instance";
}

TEST_F(Tls, InACrowdWhoeverDoesNotShakeHandsMakesRoom) {
  Limits limits;
  limits.connections_max = 4;  // two for each worker
  limits.crowded_patience = std::chrono::milliseconds(30);
  start(false, limits);
  std::vector<RawConnection> silent;
  for (int i = 0; i < 8; ++i) {
    silent.push_back(RawConnection::connect(*fixture_->gateway().tls_address()));
  }
  EXPECT_EQ(run(curl("-d body")).output, "POST /x HTTP/1.1|https|body");
}

TEST_F(Tls, WhoeverDoesNotShakeHandsIsGivenUp) {
  Limits limits;
  limits.tls_handshake_timeout = std::chrono::milliseconds(50);
  start(false, limits);
  RawConnection silent = RawConnection::connect(*fixture_->gateway().tls_address());
  EXPECT_EQ(silent.read_all(), "");
  RawConnection plain = RawConnection::connect(*fixture_->gateway().tls_address());
  plain.write(request());
  EXPECT_EQ(plain.read_all().find("HTTP/1.1 200"), std::string::npos);
  EXPECT_EQ(upstream_.connections(), 0);
}

}  // namespace
}  // namespace hitless::gateway
