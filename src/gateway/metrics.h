// What a gateway tells Prometheus, each metric once.  docs/operating/metrics.md describes them for
// people; tests hold both together.
//
// Cardinality: series have a service, a revision that its route names now, and a status class; no
// instance, path or client.  Of more than k_metrics_services_max services the first by id are told
// of one by one.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/metrics_text.h"
#include "gateway/access_writer.h"
#include "model/route.h"
#include "model/usage.h"

namespace hitless::gateway {

inline constexpr Metric k_metric_requests{
    "hitless_gateway_requests_total", "counter",
    "Requests that have ended, by class of status; 0xx ended without one."};
inline constexpr Metric k_metric_failed{
    "hitless_gateway_failed_requests_total", "counter",
    "Of those, the ones that hitless failed and not the model."};
inline constexpr Metric k_metric_latency{"hitless_gateway_request_duration_seconds", "histogram",
                                         "From a request's head to the last byte of its answer."};
inline constexpr Metric k_metric_first_byte{
    "hitless_gateway_first_byte_seconds", "histogram",
    "From a request's head to the first byte of its answer."};
inline constexpr Metric k_metric_in_flight{"hitless_gateway_in_flight_requests", "gauge",
                                           "Requests that an instance is working on."};
inline constexpr Metric k_metric_held{"hitless_gateway_held_requests_total", "counter",
                                      "Requests that waited because no instance was ready."};
inline constexpr Metric k_metric_retried{
    "hitless_gateway_retried_requests_total", "counter",
    "Requests that were sent once more, on another connection or to another instance."};
inline constexpr Metric k_metric_streams{"hitless_gateway_streams_total", "counter",
                                         "Answers of no stated length that ended whole."};
inline constexpr Metric k_metric_open_streams{
    "hitless_gateway_open_streams", "gauge",
    "Answers of no stated length that have begun and go on."};
inline constexpr Metric k_metric_parted{
    "hitless_gateway_parted_streams_total", "counter",
    "Streams that were ended politely because their drain budget was over."};
inline constexpr Metric k_metric_cut{"hitless_gateway_cut_answers_total", "counter",
                                     "Answers that broke off after their first byte."};
inline constexpr Metric k_metric_client_gone{"hitless_gateway_client_gone_requests_total",
                                             "counter",
                                             "Requests whose clients left before their answer."};
inline constexpr Metric k_metric_client_stalled{
    "hitless_gateway_client_stalled_requests_total", "counter",
    "Requests that were given up because their clients took nothing for too long."};
inline constexpr Metric k_metric_rate_limited{
    "hitless_gateway_rate_limited_requests_total", "counter",
    "Requests that the rate limit of their service refused."};
inline constexpr Metric k_metric_concurrency_limited{
    "hitless_gateway_concurrency_limited_requests_total", "counter",
    "Requests that the concurrency limit of their service refused."};
inline constexpr Metric k_metric_circuit_open{
    "hitless_gateway_circuit_open_requests_total", "counter",
    "Requests that were refused because no instance's circuit was closed."};
inline constexpr Metric k_metric_circuits_opened{
    "hitless_gateway_circuits_opened_total", "counter",
    "Times that a worker began to keep requests from an instance that gave no answers."};
inline constexpr Metric k_metric_circuits{
    "hitless_gateway_circuits_open", "gauge",
    "Circuits that are open: workers that keep requests from an instance, added up."};
inline constexpr Metric k_metric_received{"hitless_gateway_request_body_bytes_total", "counter",
                                          "Content of requests that have ended."};
inline constexpr Metric k_metric_sent{"hitless_gateway_response_body_bytes_total", "counter",
                                      "Content of answers that have ended."};
inline constexpr Metric k_metric_suspects{
    "hitless_gateway_suspects_total", "counter",
    "Times that an instance refused or reset a new connection and was told to serve as suspect."};
inline constexpr Metric k_metric_left_out{
    "hitless_gateway_services_left_out", "gauge",
    "Services in the table that the metrics with a service do not tell of."};
inline constexpr Metric k_metric_connections{"hitless_gateway_client_connections", "gauge",
                                             "Connections of clients, idle ones too."};
inline constexpr Metric k_metric_waiting{"hitless_gateway_waiting_requests", "gauge",
                                         "Requests that wait now because no instance is ready."};
inline constexpr Metric k_metric_generation{
    "hitless_gateway_table_generation", "gauge",
    "The route table that all workers use; 0 before the first."};
inline constexpr Metric k_metric_workers{
    "hitless_gateway_workers", "gauge",
    "Threads that serve; connections and waiting requests are of those that answered in time."};
inline constexpr Metric k_metric_record_lines{"hitless_gateway_access_record_lines_total",
                                              "counter", "Lines of the access record."};
inline constexpr Metric k_metric_record_dropped{
    "hitless_gateway_access_record_dropped_lines_total", "counter",
    "Lines that are not in the access record: the disk was slow, or refused them."};
inline constexpr Metric k_metric_build{"hitless_gateway_build_info", "gauge",
                                       "1; the label says which version runs."};

// One worker, now.
struct WorkerLoad {
  std::uint64_t connections = 0;
  std::uint64_t waiting = 0;
  std::uint64_t dropped_lines = 0;
};

struct MetricsInput {
  std::string version;
  model::Usage usage;
  const model::RouteTable* table = nullptr;  // null: none came yet
  std::vector<WorkerLoad> workers;
  AccessWriter::Counts record;
};
std::string metrics_text(const MetricsInput& input);

}  // namespace hitless::gateway
