#include "rollout/match.h"

#include <map>

namespace hitless::rollout {
namespace {

std::vector<std::string> keys_of(const model::ServiceConfig& config) {
  std::vector<std::string> keys;
  std::map<std::string, int> seen;
  for (const model::ConfigEntry& entry : config.entries) {
    const std::string digest = model::template_digest(entry);
    const int nth = ++seen[digest];
    keys.push_back(nth == 1 ? digest : digest + "#" + std::to_string(nth));
  }
  return keys;
}

// old_of[new index] while pairing.
class Pairer {
 public:
  Pairer(std::size_t from, std::size_t to) : taken_(from, false), old_of_(to) {}

  template <class Alike>
  void pair_where(Alike alike) {
    for (std::size_t to = 0; to < old_of_.size(); ++to) {
      for (std::size_t from = 0; !old_of_[to] && from < taken_.size(); ++from) {
        if (taken_[from] || !alike(from, to)) continue;
        taken_[from] = true;
        old_of_[to] = from;
      }
    }
  }

  std::vector<Pair> take() const {
    std::vector<Pair> pairs;
    for (std::size_t to = 0; to < old_of_.size(); ++to) pairs.push_back({old_of_[to], to});
    for (std::size_t from = 0; from < taken_.size(); ++from) {
      if (!taken_[from]) pairs.push_back({from, std::nullopt});
    }
    return pairs;
  }

 private:
  std::vector<bool> taken_;
  std::vector<std::optional<std::size_t>> old_of_;
};

}  // namespace

Pairing pair_entries(const model::ServiceConfig& from, const model::ServiceConfig& to) {
  Pairing pairing{.from_keys = keys_of(from), .to_keys = keys_of(to), .pairs = {}};
  Pairer pairer(from.entries.size(), to.entries.size());
  pairer.pair_where([&](std::size_t old_index, std::size_t new_index) {
    return pairing.from_keys[old_index] == pairing.to_keys[new_index];
  });
  pairer.pair_where([&](std::size_t old_index, std::size_t new_index) {
    return from.entries[old_index].model == to.entries[new_index].model;
  });
  pairer.pair_where(
      [](std::size_t old_index, std::size_t new_index) { return old_index == new_index; });
  pairer.pair_where([](std::size_t, std::size_t) { return true; });
  pairing.pairs = pairer.take();
  return pairing;
}

}  // namespace hitless::rollout
