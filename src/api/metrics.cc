#include "api/metrics.h"

#include "api/handlers.h"

namespace hitless::api {
namespace {

void add_words(MetricsText& text, const Metric& metric, std::string_view label,
               const std::map<std::string, std::uint64_t>& counts) {
  text.begin(metric);
  for (const auto& [word, count] : counts) text.sample({{label, word}}, count);
}

}  // namespace

std::string metrics_text(const control::LoopCounts& counts, const std::string& version) {
  MetricsText text;
  add_words(text, k_metric_services, "status", counts.services);
  add_words(text, k_metric_rollouts, "phase", counts.rollouts);
  add_words(text, k_metric_instances, "state", counts.instances);
  add_words(text, k_metric_probes, "result",
            {{"passed", counts.probes_passed}, {"failed", counts.probes_failed}});
  text.add(k_metric_doubts, counts.suspects);
  text.add(k_metric_passes, counts.passes);
  text.add(k_metric_store_errors, counts.store_errors);
  text.add(k_metric_published, counts.published);
  text.add(k_metric_adopted, counts.adopted);
  text.begin(k_metric_build);
  text.sample({{"version", version}}, std::uint64_t{1});
  add_process_metrics(text);
  return text.take();
}

Reply show_metrics(const Call& call) {
  net::HttpResponse response;
  response.headers.add("Content-Type", std::string(MetricsText::k_content_type));
  response.headers.add("Cache-Control", "no-store");
  response.body = metrics_text(call.port.counts(), call.options.version);
  return response;
}

}  // namespace hitless::api
