// What happened to a service or a model, for its user (semantics.md section 12).  Value.
#pragma once

#include <string>

#include "base/clock.h"

namespace hitless::model {

enum class EventType { normal, abnormal };

struct Event {
  std::string subject;  // a ServiceId's or ModelId's text
  EventType type = EventType::normal;
  std::string key;   // from the catalogue: "update-rolled-back"
  std::string text;  // a sentence
  Time at;
};

}  // namespace hitless::model
