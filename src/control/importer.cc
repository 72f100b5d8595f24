#include "control/importer.h"

#include <fmt/format.h>

#include <deque>
#include <thread>

#include "base/file.h"
#include "base/log.h"
#include "base/thread_annotations.h"
#include "control/limits.h"
#include "control/subprocess.h"

namespace hitless::control {
namespace {

namespace fs = std::filesystem;

// The last line that says something: engines end with the reason.
std::string last_line(const std::string& output) {
  const std::size_t end = output.find_last_not_of("\r\n ");
  if (end == std::string::npos) return "no reason given";
  const std::size_t begin = output.rfind('\n', end);
  return output.substr(begin == std::string::npos ? 0 : begin + 1, end - begin);
}

// Of a file in the package itself, wherever links may lead.
Result<std::string> read_body(const fs::path& package, const std::string& file) {
  std::error_code failure;
  const fs::path root = fs::canonical(package, failure);
  const fs::path path = fs::canonical(package / file, failure);
  if (failure) return Error(Code::not_found, "the package has no such file");
  const fs::path below = path.lexically_relative(root);
  if (below.empty() || *below.begin() == "..")
    return Error(Code::invalid, "is outside the package");
  if (!fs::is_regular_file(path, failure)) return Error(Code::invalid, "is no file");
  auto bytes = read_file(path, model::k_warm_up_bytes_max);
  if (bytes || bytes.error().code() != Code::exhausted) return bytes;
  return Error(Code::invalid, fmt::format("has more than {} bytes", model::k_warm_up_bytes_max));
}

Result<void> read_bodies(const fs::path& package, model::WarmUp& warm_up) {
  for (std::size_t index = 0; index < warm_up.size(); ++index) {
    model::WarmUpRequest& request = warm_up[index];
    if (request.body_file.empty()) continue;
    auto body = read_body(package, request.body_file);
    if (!body) {
      return std::move(body).error().context(
          fmt::format("field [warm_up[{}].body_file], {}", index, request.body_file));
    }
    request.body = *std::move(body);
    request.body_file.clear();
  }
  return model::check_bodies(warm_up);
}

class ThreadedImporter final : public Importer {
 public:
  ThreadedImporter(EngineKit engines, ImportParts parts)
      : engines_(std::move(engines)), parts_(parts), thread_([this] { run(); }) {}

  ~ThreadedImporter() override {
    {
      const MutexLock lock(mutex_);
      stopping_ = true;
    }
    changed_.notify_all();
    thread_.join();
  }

  void enqueue(const model::ModelId& id) override {
    {
      const MutexLock lock(mutex_);
      queue_.push_back(id);
    }
    changed_.notify_all();
  }

 private:
  void run() {
    for (;;) {
      model::ModelId id;
      {
        const MutexLock lock(mutex_);
        while (!stopping_ && queue_.empty()) changed_.wait(mutex_);
        if (stopping_) return;
        id = queue_.front();
        queue_.pop_front();
      }
      if (auto done = import(id); !done) {
        log_error("import_not_recorded", {{"model", id.text()}, {"cause", done.error().text()}});
      }
    }
  }

  // The error is one of the store: what is wrong with the package is recorded in the version.
  Result<void> import(const model::ModelId& id) {
    HL_TRY_ASSIGN(model::ModelVersion version, parts_.store.find_model(id));
    Result<void> done = fetch_and_check(version);
    version.status = done ? model::ModelStatus::published : model::ModelStatus::failed;
    if (!done) version.error = done.error().text();
    HL_TRY(parts_.store.update_model(version));
    const std::string what = version.name + " " + version.version;
    log_info("model_imported", {{"model", id.text()},
                                {"version", what},
                                {"status", std::string(to_text(version.status))},
                                {"cause", version.error}});
    return parts_.store.add_events(
        {{.subject = id.text(),
          .type = done ? model::EventType::normal : model::EventType::abnormal,
          .key = done ? "imported" : "import-failed",
          .text = done ? fmt::format("model {} imported", what)
                       : fmt::format("import of model {} failed: {}", what, version.error),
          .at = parts_.clock.now()}});
  }

  Result<void> fetch_and_check(model::ModelVersion& version) {
    HL_TRY_ASSIGN(const fs::path source, package_folder(version.source_location));
    HL_TRY_ASSIGN(const objects::CachedPackage package, parts_.packages.import(source));
    version.digest = package.digest;
    version.size_bytes = package.size_bytes;
    if (version.launch.engine != model::Engine::onnx) return {};
    return check_onnx(package.path);
  }

  Result<void> check_onnx(const fs::path& package) {
    if (engines_.onnx.empty()) {
      return Error(Code::unsupported,
                   "the ONNX engine is not installed: start serve with "
                   "--engines DIR");
    }
    HL_TRY_ASSIGN(const CommandEnd end,
                  run_command({.argv = {engines_.onnx.string(), "--check", "--model-dir", "."},
                               .directory = package,
                               .timeout = k_import_check_timeout}));
    if (end.status == 0) return {};
    return Error(Code::invalid,
                 "the ONNX engine cannot load this model, export it again and import that: " +
                     last_line(end.output));
  }

  const EngineKit engines_;
  const ImportParts parts_;
  Mutex mutex_;
  ConditionVariable changed_;
  bool stopping_ HL_GUARDED_BY(mutex_) = false;
  std::deque<model::ModelId> queue_ HL_GUARDED_BY(mutex_);
  std::thread thread_;
};

}  // namespace

Result<std::unique_ptr<Importer>> Importer::start(EngineKit engines, ImportParts parts) {
  store::ModelQuery unfinished;
  unfinished.status = to_text(model::ModelStatus::publishing);
  HL_TRY_ASSIGN(const auto page, parts.store.list_models(unfinished));
  auto importer = std::make_unique<ThreadedImporter>(std::move(engines), parts);
  for (const model::ModelVersion& version : page.rows) importer->enqueue(version.id);
  return std::unique_ptr<Importer>(std::move(importer));
}

Result<fs::path> package_folder(const std::string& source_location) {
  constexpr std::string_view k_file = "file://";
  std::string_view path = source_location;
  if (path.starts_with(k_file)) path.remove_prefix(k_file.size());
  if (path.find("://") != std::string_view::npos) {
    return Error(Code::unsupported,
                 fmt::format("source_location [{}]: this version of hitless imports from folders "
                             "of its own machine only, such as /srv/models/vad",
                             source_location));
  }
  if (path.empty() || path.front() != '/') {
    return Error(Code::invalid,
                 fmt::format("source_location [{}] must be an absolute path", source_location));
  }
  return fs::path(path);
}

Result<void> examine(model::ModelVersion& version, const NewModel& asked) {
  HL_TRY_ASSIGN(const fs::path folder, package_folder(version.source_location));
  std::error_code failure;
  if (!fs::is_directory(folder / "model", failure)) {
    return Error(Code::not_found,
                 fmt::format("source_location [{}] has no folder model/ in it: put config.json and "
                             "the model's files there",
                             folder.string()));
  }
  version.config_text = asked.initial_config;
  if (version.config_text.empty()) {
    auto text = read_file(folder / "model" / "config.json", k_config_bytes_max);
    if (!text) {
      return std::move(text).error().context(
          "every package needs a model/config.json, or initial_config in the request");
    }
    version.config_text = *std::move(text);
  }
  auto config = parse_json(version.config_text);
  if (!config) {
    return std::move(config).error().context("config.json is no JSON, mend it and import again");
  }
  if (!config->is_object()) return Error(Code::invalid, "config.json: must be an object");
  HL_TRY_ASSIGN(version.launch, model::launch_from_config(config->get_object(), version.type));
  if (asked.warm_up) version.launch.warm_up = *asked.warm_up;
  return read_bodies(folder / "model", version.launch.warm_up);
}

}  // namespace hitless::control
