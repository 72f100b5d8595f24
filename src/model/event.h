// What happened to a service or a model, for its user (contract: events).  Value.
#pragma once

#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/result.h"

namespace hitless::model {

enum class EventType { normal, abnormal };

struct Event {
  std::string subject;  // a ServiceId's or ModelId's text
  EventType type = EventType::normal;
  std::string key;   // from the catalogue: "update-rolled-back"
  std::string text;  // a sentence
  Time at;
  friend bool operator==(const Event&, const Event&) = default;
};

std::string_view to_text(EventType type);
Result<EventType> event_type_from_text(std::string_view text);

}  // namespace hitless::model
