#include "api/routes.h"

#include <algorithm>
#include <array>
#include <vector>

#include "api/handlers.h"

namespace hitless::api {
namespace {

// Of two patterns that fit one path, the one with the literal stands first.
constexpr std::array k_rows = {
    RouteRow{"POST", "/v1/{project_id}/models", "CreateModel", create_model},
    RouteRow{"GET", "/v1/{project_id}/models", "ListModels", list_models},
    RouteRow{"GET", "/v1/{project_id}/models/{model_id}", "ShowModel", show_model},
    RouteRow{"DELETE", "/v1/{project_id}/models/{model_id}", "DeleteModel", delete_model},

    RouteRow{"POST", "/v1/{project_id}/services", "CreateService", create_service},
    RouteRow{"GET", "/v1/{project_id}/services", "ListServices", list_services},
    RouteRow{"GET", "/v1/{project_id}/services/specifications", "ShowServiceSpecifications",
             list_specifications},
    RouteRow{"GET", "/v1/{project_id}/services/{service_id}", "ShowService", show_service},
    RouteRow{"PUT", "/v1/{project_id}/services/{service_id}", "UpdateService", update_service},
    RouteRow{"DELETE", "/v1/{project_id}/services/{service_id}", "DeleteService", delete_service},
    RouteRow{"GET", "/v1/{project_id}/services/{service_id}/logs", "ShowServiceUpdateLogs",
             list_update_logs},
    RouteRow{"GET", "/v1/{project_id}/services/{service_id}/events", "ShowServiceEvents",
             list_service_events},

    // hitless' own, described in openapi.yaml beside this file.
    RouteRow{"POST", "/v1/{project_id}/services/{service_id}/plan", "PlanServiceUpdate",
             plan_service},
    RouteRow{"GET", "/v1/{project_id}/services/{service_id}/rollouts", "ListServiceRollouts",
             list_rollouts},
    RouteRow{"GET", "/v1/{project_id}/services/{service_id}/rollouts/{rollout_id}",
             "ShowServiceRollout", show_rollout},
    RouteRow{"POST", "/v1/{project_id}/services/{service_id}/rollouts/{rollout_id}/pause",
             "PauseServiceRollout", pause_rollout},
    RouteRow{"POST", "/v1/{project_id}/services/{service_id}/rollouts/{rollout_id}/resume",
             "ResumeServiceRollout", resume_rollout},
    RouteRow{"POST", "/v1/{project_id}/services/{service_id}/rollouts/{rollout_id}/abort",
             "AbortServiceRollout", abort_rollout},
    RouteRow{"POST", "/v1/{project_id}/services/{service_id}/rollouts/{rollout_id}/skip",
             "SkipServiceRolloutBake", skip_bake},
    RouteRow{"GET", "/v1/{project_id}/services/{service_id}/rollouts/{rollout_id}/journal",
             "ShowServiceRolloutJournal", show_journal},
    RouteRow{"GET", "/v1/{project_id}/rollouts/{rollout_id}/journal", "ShowRolloutJournal",
             show_journal},
    RouteRow{"GET", "/v1/{project_id}/services/{service_id}/rollouts/{rollout_id}/events",
             "StreamServiceRollout", stream_rollout},
    RouteRow{"GET", "/v1/{project_id}/rollouts/{rollout_id}/events", "StreamRollout",
             stream_rollout},
    RouteRow{"GET", "/v1/{project_id}/services/{service_id}/events/stream", "StreamService",
             stream_service},
    RouteRow{"POST", "/v1/{project_id}/services/{service_id}/rollback", "RollbackService",
             rollback_service},
    RouteRow{"GET", "/v1/{project_id}/services/{service_id}/revisions", "ListServiceRevisions",
             list_revisions},
    RouteRow{"DELETE", "/v1/{project_id}/services/{service_id}/revisions/{revision}",
             "DeleteServiceRevision", delete_revision},
    RouteRow{"GET", "/v1/{project_id}/services/{service_id}/instances", "ListServiceInstances",
             list_instances},
    RouteRow{"GET", "/v1/{project_id}/services/{service_id}/instances/{instance_id}/log",
             "ShowInstanceLog", show_instance_log},
    RouteRow{"GET", "/v1/{project_id}/rollouts/{rollout_id}", "ShowRollout", show_rollout},
    RouteRow{"GET", "/hitless/v1/status", "ShowStatus", show_status},
    RouteRow{"GET", "/metrics", "ShowMetrics", show_metrics},
};

std::vector<std::string_view> segments_of(std::string_view path) {
  std::vector<std::string_view> segments;
  if (path.ends_with('/')) path.remove_suffix(1);
  while (path.starts_with('/')) {
    path.remove_prefix(1);
    segments.push_back(path.substr(0, path.find('/')));
    path.remove_prefix(segments.back().size());
  }
  return segments;
}

bool fits(std::string_view pattern, std::string_view segment) {
  return pattern.starts_with('{') ? !segment.empty() : pattern == segment;
}

}  // namespace

std::span<const RouteRow> route_rows() {
  return k_rows;
}

std::vector<RouteName> route_names() {
  std::vector<RouteName> names;
  for (const RouteRow& row : k_rows) {
    names.push_back({std::string(row.method), std::string(row.pattern), std::string(row.name)});
  }
  return names;
}

RouteMatch find_route(std::string_view method, std::string_view path) {
  RouteMatch match;
  const std::vector<std::string_view> segments = segments_of(path);
  std::string_view pattern_found;
  for (const RouteRow& row : k_rows) {
    const std::vector<std::string_view> pattern = segments_of(row.pattern);
    if (!std::equal(pattern.begin(), pattern.end(), segments.begin(), segments.end(), fits)) {
      continue;
    }
    if (match.path_known && row.pattern != pattern_found) continue;  // the first pattern wins
    pattern_found = row.pattern;
    match.path_known = true;
    match.methods.append(match.methods.empty() ? "" : ", ").append(row.method);
    if (row.method != method) continue;
    match.row = &row;
    for (std::size_t i = 0; i < pattern.size(); ++i) {
      if (!pattern[i].starts_with('{')) continue;
      match.params[std::string(pattern[i].substr(1, pattern[i].size() - 2))] =
          percent_decoded(segments[i]);
    }
  }
  return match;
}

}  // namespace hitless::api
