#include "cli/accepted_change.h"

#include <fmt/format.h>

#include <ostream>

#include "cli/cli.h"
#include "cli/render_report.h"
#include "cli/rollout_events.h"
#include "cli/wait_line.h"
#include "cli/watch.h"

namespace hitless::cli {
namespace {

bool rests(const json::object& service) {
  const std::string status = text_or_empty(service, "status");
  return status == "stopped" || status == "finished";
}

int tell(Session& session, const std::string& line, const json::object& answer) {
  if (session.json) {
    print_json(session, answer);
  } else {
    session.io.out << line << "\n";
  }
  return k_exit_ok;
}

int tell_begun(Session& session, const std::string& rollout) {
  return tell(
      session,
      fmt::format("rollout {0} has begun; watch it with `hitless rollout watch {0}`", rollout),
      {{"rollout_id", rollout}});
}

int tell_queued(Session& session, const Before& before, std::int64_t revision,
                const std::string& rollout) {
  return tell(session,
              fmt::format("revision {} waits for rollout {}; `hitless service show {}` tells when "
                          "it begins",
                          revision, rollout, before.name),
              {{"queued_revision", revision}, {"waits_for", rollout}});
}

// The rollout that carries out `revision`; empty: there is none yet.
Result<std::string> rollout_to(Session& session, const std::string& path, std::int64_t revision) {
  HL_TRY_ASSIGN(const json::object page, session.api.get(path + "/rollouts"));
  for (const json::value& row : array_or_empty(page, "rollouts")) {
    const json::object& rollout = row.get_object();
    if (int_or_zero(rollout, "to_revision") == revision)
      return text_or_empty(rollout, "rollout_id");
  }
  return std::string();
}

Result<int> wait_for_turn(Session& session, const Before& before, std::int64_t revision,
                          const std::string& rollout) {
  if (!session.json) {
    session.io.out << fmt::format("revision {} waits for rollout {}\n", revision, rollout)
                   << std::flush;
  }
  WaitLine line(session, fmt::format("waiting for rollout {}", rollout));
  for (;;) {
    // In this order: a turn that comes in between is seen.
    HL_TRY_ASSIGN(const json::object service, session.api.get(before.path));
    HL_TRY_ASSIGN(const std::string own, rollout_to(session, before.path, revision));
    if (!own.empty()) {
      line.clear();
      return watch_rollout(session, own);
    }
    if (int_or_zero(object_or_empty(service, "hitless"), "queued_revision") != revision) {
      return Error(Code::conflict,
                   fmt::format("revision {} will not be carried out: `hitless service events {}` "
                               "says why",
                               revision, before.name));
    }
    wait_for_news(session, before.path + "/events/stream", [&line] { line.show(); });
  }
}

}  // namespace

Result<Before> before_change(Session& session, const json::object& service) {
  const json::object& ours = object_or_empty(service, "hitless");
  Before before{.path = path_of(service),
                .name = text_or_empty(service, "service_name"),
                .rollout = {},
                .revision = int_or_zero(ours, "revision"),
                .queued = int_or_zero(ours, "queued_revision")};
  HL_TRY_ASSIGN(before.rollout, newest_rollout(session, before.path));
  return before;
}

Result<int> follow_change(Session& session, const Before& before, bool wait) {
  // In this order: what waits and begins in between is seen as begun.
  HL_TRY_ASSIGN(const json::object service, session.api.get(before.path));
  HL_TRY_ASSIGN(const std::string newest, newest_rollout(session, before.path));
  if (!newest.empty() && newest != before.rollout) {
    if (wait) return watch_rollout(session, newest);
    return tell_begun(session, newest);
  }
  const json::object& ours = object_or_empty(service, "hitless");
  const std::int64_t queued = int_or_zero(ours, "queued_revision");
  if (queued != 0 && queued != before.queued) {
    if (wait) return wait_for_turn(session, before, queued, newest);
    return tell_queued(session, before, queued, newest);
  }
  const std::int64_t revision = int_or_zero(ours, "revision");
  if (rests(service) && revision != before.revision) {
    return tell(session,
                fmt::format("revision {} is kept for the next start: `hitless service start {}`",
                            revision, before.name),
                {{"kept_revision", revision}});
  }
  return tell(session, "done: no instance had to change", {});
}

}  // namespace hitless::cli
