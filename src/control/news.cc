#include "control/news.h"

#include <utility>

namespace hitless::control {

class News::Entry final : public Watch {
 public:
  Entry(News& news, std::function<void()> on_change)
      : news_(news), on_change_(std::move(on_change)) {}
  ~Entry() override {
    const MutexLock lock(news_.mutex_);
    std::erase_if(news_.entries_, [this](const auto& row) { return row.second == this; });
  }
  void tell() const { on_change_(); }

 private:
  News& news_;
  const std::function<void()> on_change_;
};

std::unique_ptr<Watch> News::watch(const model::ServiceId& service,
                                   std::function<void()> on_change) {
  auto entry = std::make_unique<Entry>(*this, std::move(on_change));
  const MutexLock lock(mutex_);
  entries_.emplace(service, entry.get());
  return entry;
}

bool News::is_watched(const model::ServiceId& service) const {
  const MutexLock lock(mutex_);
  return entries_.contains(service);
}

void News::tell(const std::set<model::ServiceId>& changed) {
  const MutexLock lock(mutex_);
  for (const model::ServiceId& service : changed) {
    const auto [first, last] = entries_.equal_range(service);
    for (auto row = first; row != last; ++row) row->second->tell();
  }
}

}  // namespace hitless::control
