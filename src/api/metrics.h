// What serve tells Prometheus, each metric once.  docs/operating/metrics.md describes them for
// people; tests hold both together.
//
// Cardinality: a series for each word of an enumeration; no service, instance or caller.
#pragma once

#include <string>

#include "base/metrics_text.h"
#include "control/port.h"

namespace hitless::api {

inline constexpr Metric k_metric_services{"hitless_services", "gauge", "Services, by status."};
inline constexpr Metric k_metric_rollouts{"hitless_rollouts", "gauge",
                                          "The newest rollout of each service, by phase."};
inline constexpr Metric k_metric_instances{"hitless_instances", "gauge", "Instances, by state."};
inline constexpr Metric k_metric_probes{"hitless_probes_total", "counter",
                                        "Health checks with their warm-up requests, by result."};
inline constexpr Metric k_metric_doubts{
    "hitless_suspects_probed_total", "counter",
    "Instances that were probed at once because the gateway could not reach them."};
inline constexpr Metric k_metric_passes{"hitless_control_passes_total", "counter",
                                        "Looks of the control loop at everything."};
inline constexpr Metric k_metric_store_errors{
    "hitless_store_errors_total", "counter",
    "Decisions and route tables' numbers that the store refused to write."};
inline constexpr Metric k_metric_published{"hitless_table_published_generation", "gauge",
                                           "The newest route table."};
inline constexpr Metric k_metric_adopted{
    "hitless_table_adopted_generation", "gauge",
    "The route table that the gateway uses; 0: no gateway is attached."};
inline constexpr Metric k_metric_build{"hitless_build_info", "gauge",
                                       "1; the label says which version runs."};

std::string metrics_text(const control::LoopCounts& counts, const std::string& version);

}  // namespace hitless::api
