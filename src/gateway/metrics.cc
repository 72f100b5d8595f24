#include "gateway/metrics.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>

#include "gateway/limits.h"

namespace hitless::gateway {
namespace {

// Powers of two in microseconds, from a quarter of a millisecond to a minute: there the counts are
// exact (model::Histogram).
constexpr int k_first_edge = 8;
constexpr int k_last_edge = 26;

// What is told of one revision of a service, or of its requests that reached none.
struct Series {
  std::string service;
  std::string revision;  // empty: none
  model::Outcomes outcomes;
  std::uint64_t in_flight = 0;
  std::uint64_t streams = 0;  // of those
  std::uint64_t suspects = 0;
  std::uint64_t circuits_opened = 0;
  std::uint64_t circuits_open = 0;
};

using SeriesOf = std::map<std::pair<model::ServiceId, model::RevisionNumber>, Series>;

// A series for whatever the table routes to, and for each service's requests that reach nothing.
// The empty service has those that name none.
SeriesOf series_of(const MetricsInput& input, std::uint64_t& left_out) {
  SeriesOf all;
  const auto begin = [&all](const model::ServiceId& service, model::RevisionNumber revision) {
    Series& series = all[{service, revision}];
    series.service = service.text();
    if (revision > 0) series.revision = fmt::format("{}", revision);
    return &series;
  };
  begin(model::ServiceId(), 0);
  if (input.table == nullptr) return all;
  std::vector<const model::ServiceRoute*> routes;
  for (const model::SharedRoute& route : input.table->services) routes.push_back(&*route);
  std::sort(routes.begin(), routes.end(),
            [](const auto* left, const auto* right) { return left->service < right->service; });
  left_out = routes.size() - std::min(routes.size(), k_metrics_services_max);
  routes.resize(routes.size() - left_out);
  for (const model::ServiceRoute* route : routes) {
    begin(route->service, 0);
    for (const model::Share& share : route->shares) {
      Series& series = *begin(route->service, share.revision);
      for (const model::Endpoint& endpoint : share.endpoints) {
        const model::InstanceUsage* const usage = input.usage.find(endpoint.instance);
        if (usage == nullptr) continue;
        series.in_flight += usage->in_flight;
        series.streams += usage->streams;
        series.suspects += usage->connect_failures;
        series.circuits_opened += usage->circuit_opened;
        series.circuits_open += usage->circuits_open;
      }
    }
  }
  return all;
}

void count(const model::Usage& usage, SeriesOf& all) {
  for (const model::RevisionUsage& revision : usage.revisions) {
    const auto found = all.find({revision.service, revision.revision});
    if (found != all.end()) found->second.outcomes += revision.outcomes;
  }
}

void add_requests(MetricsText& text, const SeriesOf& all) {
  text.begin(k_metric_requests);
  for (const auto& [key, series] : all) {
    const auto& by_class = series.outcomes.by_class;
    for (std::size_t i = 0; i < by_class.size(); ++i) {
      const std::array<char, 3> code{static_cast<char>('0' + i), 'x', 'x'};
      if (by_class[i] == 0) continue;
      text.sample({{"service", series.service},
                   {"revision", series.revision},
                   {"code", {code.data(), code.size()}}},
                  by_class[i]);
    }
  }
}

void add_histogram(MetricsText& text, const Metric& metric, const SeriesOf& all,
                   model::Histogram model::Outcomes::*histogram,
                   std::uint64_t model::Outcomes::*sum_us) {
  text.begin(metric);
  for (const auto& [key, series] : all) {
    const model::Histogram& counted = series.outcomes.*histogram;
    const std::uint64_t count = counted.count();
    std::array<MetricsText::Bucket, k_last_edge - k_first_edge + 1> buckets;
    for (int edge = k_first_edge; edge <= k_last_edge; ++edge) {
      // Durations are whole microseconds, rounded down: below the edge.
      const std::uint64_t micros = std::uint64_t{1} << edge;
      buckets[static_cast<std::size_t>(edge - k_first_edge)] = {
          .upper_edge = static_cast<double>(micros) / 1e6,
          .count = count - counted.count_above(micros - 1)};
    }
    text.histogram({{"service", series.service}, {"revision", series.revision}}, buckets, count,
                   static_cast<double>(series.outcomes.*sum_us) / 1e6);
  }
}

template <class Value>
void add_each(MetricsText& text, const Metric& metric, const SeriesOf& all, Value value) {
  text.begin(metric);
  for (const auto& [key, series] : all) {
    text.sample({{"service", series.service}, {"revision", series.revision}}, value(series));
  }
}

void add_services(MetricsText& text, const SeriesOf& all) {
  add_requests(text, all);
  const auto add_counter = [&](const Metric& metric, std::uint64_t model::Outcomes::*counter) {
    add_each(text, metric, all, [counter](const Series& of) { return of.outcomes.*counter; });
  };
  add_counter(k_metric_failed, &model::Outcomes::failed);
  add_histogram(text, k_metric_latency, all, &model::Outcomes::latency,
                &model::Outcomes::latency_us);
  add_histogram(text, k_metric_first_byte, all, &model::Outcomes::first_byte,
                &model::Outcomes::first_byte_us);
  add_each(text, k_metric_in_flight, all, [](const Series& of) { return of.in_flight; });
  add_counter(k_metric_held, &model::Outcomes::held);
  add_counter(k_metric_retried, &model::Outcomes::retried);
  add_counter(k_metric_streams, &model::Outcomes::streams);
  add_each(text, k_metric_open_streams, all, [](const Series& of) { return of.streams; });
  add_counter(k_metric_parted, &model::Outcomes::parted);
  add_counter(k_metric_cut, &model::Outcomes::cut);
  add_counter(k_metric_client_gone, &model::Outcomes::client_gone);
  add_counter(k_metric_client_stalled, &model::Outcomes::client_stalled);
  add_counter(k_metric_rate_limited, &model::Outcomes::rate_limited);
  add_counter(k_metric_concurrency_limited, &model::Outcomes::concurrency_limited);
  add_counter(k_metric_circuit_open, &model::Outcomes::circuit_open);
  add_counter(k_metric_received, &model::Outcomes::bytes_in);
  add_counter(k_metric_sent, &model::Outcomes::bytes_out);
  add_each(text, k_metric_suspects, all, [](const Series& of) { return of.suspects; });
  add_each(text, k_metric_circuits_opened, all,
           [](const Series& of) { return of.circuits_opened; });
  add_each(text, k_metric_circuits, all, [](const Series& of) { return of.circuits_open; });
}

}  // namespace

std::string metrics_text(const MetricsInput& input) {
  MetricsText text;
  std::uint64_t left_out = 0;
  SeriesOf all = series_of(input, left_out);
  count(input.usage, all);
  add_services(text, all);
  text.add(k_metric_left_out, left_out);
  WorkerLoad sum;
  for (const WorkerLoad& load : input.workers) {
    sum.connections += load.connections;
    sum.waiting += load.waiting;
    sum.dropped_lines += load.dropped_lines;
  }
  text.add(k_metric_connections, sum.connections);
  text.add(k_metric_waiting, sum.waiting);
  text.add(k_metric_generation, input.usage.adopted);
  text.add(k_metric_workers, static_cast<std::uint64_t>(input.workers.size()));
  text.add(k_metric_record_lines, input.record.written);
  text.add(k_metric_record_dropped, sum.dropped_lines + input.record.lost);
  text.begin(k_metric_build);
  text.sample({{"version", input.version}}, std::uint64_t{1});
  add_process_metrics(text);
  return text.take();
}

}  // namespace hitless::gateway
