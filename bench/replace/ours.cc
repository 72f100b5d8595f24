#include <fmt/format.h>

#include "bench/gateway/interrupt.h"
#include "bench/gateway/link.h"
#include "bench/replace/recipe.h"

namespace hitless::bench {
namespace {

constexpr std::chrono::seconds k_start_patience{30};

// `hitless gateway`, told by tables as `hitless serve` tells it.
class Ours final : public Recipe {
 public:
  Ours(const Routed& routed, const std::filesystem::path& folder)
      : child_({HITLESS_GATEWAY_BINARY, "gateway", "--state", folder / "state", "--listen",
                "127.0.0.1:0", "--workers", "2"},
               folder / "output", -1),
        link_(folder / "state/gateway.sock"),
        address_(link_.attach(k_start_patience)) {
    if (address_.port != 0) {
      adopt(routed);
    } else {
      give_up("the gateway does not start: " + child_.output());
    }
  }

  const Address& address() const override { return address_; }

  void reroute(const Routed& routed, const tests::LeavingInstance& leaving) override {
    // First the new beside the old, then without it.
    Routed with_leaving = routed;
    with_leaving.push_back(&leaving);
    adopt(with_leaving);
    adopt(routed);
    link_.wait_until_drained(leaving.name());
  }

 private:
  void adopt(const Routed& routed) {
    std::vector<model::Endpoint> endpoints;
    for (const tests::LeavingInstance* each : routed) {
      endpoints.push_back(
          {.instance = model::InstanceId(each->name()), .address = each->address()});
    }
    link_.adopt({route_to(k_service, std::move(endpoints))});
  }

  Child child_;
  Link link_;
  Address address_;
};

}  // namespace

std::unique_ptr<Recipe> start_hitless(const Routed& routed, const std::filesystem::path& folder) {
  return std::make_unique<Ours>(routed, folder);
}

}  // namespace hitless::bench
