// What this hitless offers: specifications, and how it stands.
#include "api/answers.h"
#include "api/handlers.h"

namespace hitless::api {
namespace {

json::object to_json(const Flavor& flavor) {
  constexpr std::int64_t k_mib_per_gib = 1024;
  const std::int64_t mib = flavor.resources.memory_mib;
  const bool whole = mib % k_mib_per_gib == 0;
  return {{"specification", flavor.name},
          {"billing_spec", flavor.name},
          {"category", "CPU"},
          {"cpu_info",
           {{"arch", "x86"}, {"cpu", static_cast<double>(flavor.resources.cpu_millis) / 1000}}},
          {"memory_info",
           {{"unit", whole ? "GB" : "MB"}, {"memory", whole ? mib / k_mib_per_gib : mib}}},
          {"source_type", ""},
          {"is_open", true},
          {"spec_status", "normal"},
          {"is_free", false},
          {"over_quota", false},
          {"extend_params", 1},
          {"display_en", flavor.display},
          {"display_cn", flavor.display}};
}

}  // namespace

std::vector<Flavor> default_flavors() {
  return {{"hitless.cpu.small", {1000, 512}, "CPU: 1 core, 512 MB"},
          {"modelarts.vm.cpu.2u", {2000, 8192}, "CPU: 2 cores, 8 GB"},
          {"modelarts.vm.cpu.4u", {4000, 16384}, "CPU: 4 cores, 16 GB"},
          {"modelarts.vm.cpu.8u", {8000, 32768}, "CPU: 8 cores, 32 GB"}};
}

Flavor gpu_flavor() {
  return {"hitless.gpu.1",
          {.cpu_millis = 4000, .memory_mib = 16384, .gpus = 1},
          "GPU: 1 GPU, 4 cores, 16 GB"};
}

Reply list_specifications(const Call& call) {
  HL_TRY_ASSIGN(const store::PageQuery page, call.page({}));
  json::array rows;
  for (const Flavor& flavor : call.options.flavors) rows.push_back(to_json(flavor));
  return ok(cut_page(std::move(rows), page, "specifications"));
}

Reply show_status(const Call& call) {
  json::array warnings;
  if (call.options.warnings) {
    for (const std::string& warning : call.options.warnings()) warnings.emplace_back(warning);
  }
  return ok(json::object{{"version", call.options.version},
                         {"project_id", call.options.project_id},
                         {"gateway_url", call.port.gateway_url()},
                         {"warnings", std::move(warnings)}});
}

}  // namespace hitless::api
