#include "control/importer.h"

#include <gtest/gtest.h>

#include <fstream>

#include "base/file.h"

namespace hitless::control {
namespace {

namespace fs = std::filesystem;

class Examine : public ::testing::Test {
 protected:
  void SetUp() override {
    auto directory = TemporaryDirectory::make("hitless-package");
    ASSERT_TRUE(directory) << directory.error().text();
    directory_ = std::make_unique<TemporaryDirectory>(std::move(*directory));
    fs::create_directories(package() / "model" / "warm_up");
    write("model/config.json", R"({"command": "a",
        "warm_up": [{"path": "/own"}, {"path": "/p", "body_file": "warm_up/in.json"}]})");
    write("model/warm_up/in.json", R"({"x": 1})");
  }

  fs::path package() const { return directory_->path() / "package"; }
  void write(const std::string& path, const std::string& text) {
    std::ofstream(package() / path, std::ios::binary) << text;
  }

  Result<model::WarmUp> examined(const NewModel& asked = {}) {
    model::ModelVersion version;
    version.type = "Custom";
    version.source_location = package().string();
    HL_TRY(examine(version, asked));
    return version.launch.warm_up;
  }

  static NewModel asking(std::string_view warm_up) {
    NewModel asked;
    asked.warm_up = model::warm_up_from_json(parse_json(warm_up).value()).value();
    return asked;
  }

  std::unique_ptr<TemporaryDirectory> directory_;
};

TEST_F(Examine, ReadsWarmUpRequestsFromThePackage) {
  const auto warm_up = examined();
  ASSERT_TRUE(warm_up) << warm_up.error().text();
  ASSERT_EQ(warm_up->size(), 2U);
  EXPECT_EQ((*warm_up)[0].path, "/own");
  EXPECT_EQ((*warm_up)[1].body, R"({"x": 1})");
  EXPECT_EQ((*warm_up)[1].body_file, "");
}

TEST_F(Examine, ThoseOfTheRequestTakePrecedence) {
  EXPECT_EQ(examined(asking(R"([{"path": "/theirs"}])"))->front().path, "/theirs");
  EXPECT_TRUE(examined(asking("[]"))->empty());
  EXPECT_EQ(examined(asking(R"([{"path": "/", "body_file": "warm_up/in.json"}])"))->front().body,
            R"({"x": 1})");
}

TEST_F(Examine, BodyFilesThatCannotBeTakenAreNamed) {
  const auto refusal = [&](const std::string& file) {
    const auto warm_up =
        examined(asking(R"([{"path": "/"}, {"path": "/", "body_file": ")" + file + "\"}]"));
    return warm_up ? "accepted" : warm_up.error().text();
  };
  EXPECT_EQ(refusal("warm_up/none"),
            "field [warm_up[1].body_file], warm_up/none: the package has no such file");
  EXPECT_EQ(refusal("warm_up"), "field [warm_up[1].body_file], warm_up: is no file");
  fs::create_symlink("/etc/hostname", package() / "model" / "link");
  EXPECT_EQ(refusal("link"), "field [warm_up[1].body_file], link: is outside the package");
  write("model/large", std::string(model::k_warm_up_bytes_max + 1, 'x'));
  EXPECT_EQ(refusal("large"), "field [warm_up[1].body_file], large: has more than 1048576 bytes");
  write("model/half", std::string(model::k_warm_up_bytes_max / 2 + 1, 'x'));
  EXPECT_NE(examined(asking(R"([{"path": "/", "body_file": "half"},
                                {"path": "/", "body_file": "half"}])"))
                .error()
                .text()
                .find("together"),
            std::string::npos);
}

}  // namespace
}  // namespace hitless::control
