#include "model/instance.h"

#include "model/words.h"

namespace hitless::model {
namespace {

constexpr Words<Stage, 5> k_stages{{
    {Stage::starting, "starting"},
    {Stage::ready, "ready"},
    {Stage::draining, "draining"},
    {Stage::stopping, "stopping"},
    {Stage::gone, "gone"},
}};

constexpr Words<Ending, 4> k_endings{{
    {Ending::none, "none"},
    {Ending::retired, "retired"},
    {Ending::exited, "exited"},
    {Ending::never_ready, "never_ready"},
}};

}  // namespace

std::string_view to_text(Stage stage) {
  return text_of(k_stages, stage);
}

Result<Stage> stage_from_text(std::string_view text) {
  return value_of(k_stages, text, "stage of an instance");
}

std::string_view to_text(Ending ending) {
  return text_of(k_endings, ending);
}

Result<Ending> ending_from_text(std::string_view text) {
  return value_of(k_endings, text, "ending of an instance");
}

}  // namespace hitless::model
