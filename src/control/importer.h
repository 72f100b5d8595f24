// The Importer turns a source into a pinned, checked package: copy, read config.json, let the
// engine load it once.
//
// Owner: control.  One thread of its own, one import at a time; what was under way when serve died
// is begun again.
#pragma once

#include <filesystem>
#include <memory>

#include "base/clock.h"
#include "control/engines.h"
#include "control/port.h"
#include "objects/package_cache.h"
#include "store/store.h"

namespace hitless::control {

struct ImportParts {
  store::Store& store;
  const objects::PackageCache& packages;
  const Clock& clock;
};

class Importer {
 public:
  static Result<std::unique_ptr<Importer>> start(EngineKit engines, ImportParts parts);
  virtual ~Importer() = default;  // finishes the step under way

  // `id` is stored with status publishing.  Any thread.
  virtual void enqueue(const model::ModelId& id) = 0;
};

// The folder a source_location names.  unsupported: a kind of source that hitless cannot read.
Result<std::filesystem::path> package_folder(const std::string& source_location);

// What can be said about a new version at once, without copying: its folder is there and its
// config.json (or what was asked for in its place) can be started.  Fills config_text and launch;
// the bodies of warm-up requests are read from the package.
Result<void> examine(model::ModelVersion& version, const NewModel& asked);

}  // namespace hitless::control
