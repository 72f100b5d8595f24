#include "model/event.h"

#include "model/words.h"

namespace hitless::model {
namespace {

constexpr Words<EventType, 2> k_event_types{{
    {EventType::normal, "normal"},
    {EventType::abnormal, "abnormal"},
}};

}  // namespace

std::string_view to_text(EventType type) {
  return text_of(k_event_types, type);
}

Result<EventType> event_type_from_text(std::string_view text) {
  return value_of(k_event_types, text, "type of event");
}

}  // namespace hitless::model
