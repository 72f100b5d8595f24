#include "control/way_back.h"

#include <fmt/format.h>

#include <algorithm>

namespace hitless::control {
namespace {

using model::Revision;
using model::RevisionNumber;

const Revision* find(const std::vector<Revision>& revisions, RevisionNumber number) {
  const auto found = std::find_if(revisions.begin(), revisions.end(),
                                  [number](const auto& each) { return each.number == number; });
  return found == revisions.end() ? nullptr : &*found;
}

}  // namespace

RevisionNumber way_back(const WayBack& standing,
                        const std::function<bool(const Revision&)>& can_run) {
  const Revision* present = find(standing.revisions, standing.present);
  const auto last = std::find(standing.served.begin(), standing.served.end(), standing.present);
  // What never served (a first start that failed, a change kept for the next start) came after all.
  const auto begin = last == standing.served.end() ? standing.served.begin() : last;
  for (auto each = begin; each != standing.served.end(); ++each) {
    const Revision* candidate = find(standing.revisions, *each);
    if (candidate == nullptr || *each == standing.present) continue;
    if (present != nullptr && candidate->config == present->config) continue;
    if (can_run(*candidate)) return *each;
  }
  return 0;
}

std::string revisions_text(const std::vector<Revision>& revisions) {
  std::string text = revisions.size() == 1 ? "revision " : "revisions ";
  for (std::size_t index = 0; index < revisions.size(); ++index) {
    const bool is_last = index + 1 == revisions.size();
    const char* between = index == 0 ? "" : is_last ? " and " : ", ";
    text += fmt::format("{}{}", between, revisions[index].number);
  }
  return text;
}

}  // namespace hitless::control
