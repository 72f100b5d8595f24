#include <algorithm>

#include "store/limits.h"
#include "store/row.h"
#include "store/tables.h"

namespace hitless::store {

// Over the revisions that name the model, then each one's instances: both by index.
Result<std::optional<Duration>> select_start_time(Database& database, const model::ModelId& model) {
  HL_TRY_ASSIGN(
      Statement statement,
      database.prepare("SELECT i.ready_us - i.created_us FROM revision_models m "
                       "CROSS JOIN revisions r ON r.service = m.service AND r.number = m.number "
                       "CROSS JOIN instances i ON i.service = m.service AND i.revision = m.number "
                       "WHERE m.model = ?1 AND i.ready_us IS NOT NULL "
                       "AND json_extract(r.config, '$.entries[' || i.entry || '].model') = ?1 "
                       "ORDER BY i.created_us DESC LIMIT ?2"));
  statement.bind(model.text(), k_starts_measured);
  std::vector<std::int64_t> starts;
  for (;;) {
    HL_TRY_ASSIGN(const bool found, statement.step());
    if (!found) break;
    starts.push_back(statement.integer(0));
  }
  if (starts.empty()) return std::optional<Duration>();
  const auto middle = starts.begin() + static_cast<std::ptrdiff_t>(starts.size() / 2);
  std::nth_element(starts.begin(), middle, starts.end());
  return std::optional(Duration(*middle));
}

}  // namespace hitless::store
