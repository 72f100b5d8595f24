#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/crypto.h"
#include "base/duration_text.h"
#include "base/file.h"
#include "base/json.h"
#include "base/result.h"

namespace hitless {
namespace {

Result<int> half(int number) {
  if (number % 2 != 0) return Error(Code::invalid, "odd");
  return number / 2;
}

Result<int> quarter(int number) {
  HL_TRY_ASSIGN(const int once, half(number));
  HL_TRY_ASSIGN(const int twice, half(once));
  return twice;
}

TEST(Result, HandsTheFirstErrorUp) {
  EXPECT_EQ(*quarter(12), 3);
  EXPECT_EQ(quarter(6).error(), Error(Code::invalid, "odd"));
}

TEST(Error, ReadsFromTheOutsideIn) {
  const Error error = Error(Code::not_found, "no such file").context("opening a").context("import");
  EXPECT_EQ(error.text(), "import: opening a: no such file");
  EXPECT_EQ(error.code(), Code::not_found);
}

TEST(Json, NamesTheMemberThatIsWrong) {
  const json::value value = parse_json(R"({"count": "two", "whole": 2.0, "none": null})").value();
  EXPECT_EQ(get_int(value.get_object(), "count").error().text(),
            "field [count] must be an integer");
  EXPECT_EQ(*get_int(value.get_object(), "whole"), 2);
  EXPECT_EQ(get_string(value.get_object(), "none").error().text(),
            "field [none] is required and cannot be empty");
}

TEST(DurationText, HasThreeFiguresAtTheMost) {
  using std::chrono::microseconds;
  using std::chrono::seconds;
  for (const auto& [duration, text] : {
           std::pair<Duration, const char*>(microseconds(0), "0 µs"),
           {microseconds(850), "850 µs"},
           {microseconds(12'345), "12.3 ms"},
           {microseconds(41'000), "41 ms"},
           {microseconds(345'678), "346 ms"},
           {microseconds(999'600), "1 s"},
           {microseconds(4'210'000), "4.21 s"},
           {seconds(40), "40 s"},
           {microseconds(59'960'000), "1 min"},
           {seconds(185), "3 min 5 s"},
           {seconds(3600), "1 h"},
           {seconds(7500), "2 h 5 min"},
           {seconds(-40), "-40 s"},
       }) {
    EXPECT_EQ(duration_text(duration), text);
  }
}

TEST(Json, PutsAnErrorIntoItsPlace) {
  const auto placed = [](const char* text) {
    return in_field("config[0]", Error(Code::invalid, text)).text();
  };
  EXPECT_EQ(placed("field [weight] must be a number"), "field [config[0].weight] must be a number");
  EXPECT_EQ(placed("must be an object"), "field [config[0]] must be an object");
  EXPECT_EQ(placed("no such thing"), "field [config[0]]: no such thing");
}

TEST(Json, RefusesWhatIsTooDeepOrCut) {
  EXPECT_FALSE(parse_json(std::string(64, '[') + std::string(64, ']')));
  EXPECT_FALSE(parse_json("{\"a\": 1"));
  EXPECT_TRUE(parse_json("{\"a\": 1}\n"));
}

TEST(File, AtomicWriteReplacesWholly) {
  const TemporaryDirectory folder = TemporaryDirectory::make("base-test").value();
  const auto path = folder.path() / "value";
  ASSERT_TRUE(write_file_atomically(path, "one", 0600));
  ASSERT_TRUE(write_file_atomically(path, "two", 0600));
  EXPECT_EQ(*read_file(path, 10), "two");
  EXPECT_EQ(read_file(path, 2).error().code(), Code::exhausted);
  EXPECT_EQ(read_file(folder.path() / "none", 2).error().code(), Code::not_found);
}

TEST(File, LockIsExclusiveWhileHeld) {
  const TemporaryDirectory folder = TemporaryDirectory::make("base-test").value();
  {
    const Result<UniqueFd> held = lock_file(folder.path() / "lock");
    ASSERT_TRUE(held);
    EXPECT_EQ(lock_file(folder.path() / "lock").error().code(), Code::conflict);
  }
  EXPECT_TRUE(lock_file(folder.path() / "lock"));
}

// As when the holder was killed between the fork and the exec of a child.
TEST(File, LockLeftToAChildIsHadOnceTheChildIsGone) {
  const TemporaryDirectory folder = TemporaryDirectory::make("base-test").value();
  Result<UniqueFd> held = lock_file(folder.path() / "lock");
  ASSERT_TRUE(held);
  int ends[2];
  ASSERT_EQ(::pipe2(ends, O_CLOEXEC), 0);
  UniqueFd child_waits(ends[0]);
  UniqueFd parent_ends(ends[1]);
  const pid_t child = ::fork();
  if (child == 0) {
    ::close(parent_ends.get());
    char byte;
    ::_exit(static_cast<int>(::read(child_waits.get(), &byte, 1)));
  }
  held->reset();
  EXPECT_EQ(lock_file(folder.path() / "lock").error().code(), Code::conflict);
  parent_ends.reset();
  EXPECT_TRUE(lock_file(folder.path() / "lock", std::chrono::minutes(1)));
  int status = 0;
  EXPECT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
}

TEST(File, ALockCanBeLookedAtWithoutTakingIt) {
  const TemporaryDirectory folder = TemporaryDirectory::make("base-test").value();
  const auto path = folder.path() / "lock";
  EXPECT_FALSE(*is_file_locked(path));
  EXPECT_FALSE(std::filesystem::exists(path));
  {
    const Result<UniqueFd> held = lock_file(path);
    ASSERT_TRUE(held);
    EXPECT_TRUE(*is_file_locked(path));
    EXPECT_TRUE(*is_file_locked(path));
  }
  EXPECT_FALSE(*is_file_locked(path));
  EXPECT_FALSE(is_file_locked(path / "below"));
}

TEST(Crypto, Base64IsExactBothWays) {
  EXPECT_EQ(to_base64(""), "");
  EXPECT_EQ(to_base64("foobar"), "Zm9vYmFy");
  EXPECT_EQ(to_base64("fooba"), "Zm9vYmE=");
  const std::string all("\0\x01\xfe\xff", 4);
  EXPECT_EQ(*from_base64(to_base64(all)), all);
  for (const char* wrong : {"Zm9vYmE", "Zm9v YmE=", "Zm9vYmE==", "Zm9vYm$="}) {
    EXPECT_FALSE(from_base64(wrong)) << wrong;
  }
}

TEST(Crypto, KnownAnswers) {
  // FIPS 180-4, "abc".
  EXPECT_EQ(sha256_hex("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(random_hex(32).size(), 64U);
  EXPECT_NE(random_uuid(), random_uuid());
  EXPECT_TRUE(equal_in_constant_time("secret", "secret"));
  EXPECT_FALSE(equal_in_constant_time("secret", "secre"));
}

TEST(Crypto, OneByteMakesTextsDifferentWhereverItIs) {
  for (std::size_t size = 0; size <= 100; ++size) {
    const std::string text(size, 'a');
    EXPECT_TRUE(equal_in_constant_time(text, text));
    for (std::size_t at = 0; at < size; ++at) {
      std::string other = text;
      other[at] = 'b';
      EXPECT_FALSE(equal_in_constant_time(text, other)) << size << " " << at;
    }
  }
}

}  // namespace
}  // namespace hitless
