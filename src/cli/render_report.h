// The report of a rollout as text: what happened to every request, and where the time went.  Pure.
#pragma once

#include <string>

#include "base/json.h"
#include "cli/io.h"

namespace hitless::cli {

// `rollout` as the API answers it (components/schemas/Rollout).  Members that are missing are
// shown as "-".
std::string render_report(const Io& io, const json::object& rollout);

// What it is at: "baking, step 1 of 3, baking until 14:03:07, paused since 14:02:00".
std::string course_text(const json::object& rollout);

// The numbers of both sides that its verdict rests on; empty: it was not judged.
std::string evidence_text(const Io& io, const json::object& rollout);

// Each instance's way through it, as times after its beginning; empty: it touched none.
std::string timeline_text(const json::object& rollout);

// "update of revision 1 to 2", "deploy of revision 1": of a rollout or a plan.
std::string change_text(const json::object& change);

// Whether the rollout has come to its end.
bool has_ended(const json::object& rollout);

// Reads what may be missing: 0, "", false or an empty object then.
bool flag_or_false(const json::object& from, std::string_view name);
std::int64_t int_or_zero(const json::object& from, std::string_view name);
std::string text_or_empty(const json::object& from, std::string_view name);
const json::object& object_or_empty(const json::object& from, std::string_view name);
const json::array& array_or_empty(const json::object& from, std::string_view name);

}  // namespace hitless::cli
