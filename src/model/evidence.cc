#include "model/evidence.h"

#include "model/json_members.h"
#include "model/words.h"

namespace hitless::model {
namespace {

constexpr Words<Verdict, 3> k_verdicts{{
    {Verdict::undecided, "undecided"},
    {Verdict::good, "good"},
    {Verdict::bad, "bad"},
}};

Result<Verdict> get_verdict(const json::object& from) {
  HL_TRY_ASSIGN(const std::string word, get_string(from, "verdict"));
  return value_of(k_verdicts, word, "verdict");
}

json::value to_json(const Tally& tally) {
  return json::array{tally.old_events, tally.old_total, tally.new_events, tally.new_total};
}

Result<Tally> tally_from_json(const json::value& value) {
  const Error unreadable(Code::corrupt, "a tally must be an array of 4 counts");
  const json::array* counts = value.if_array();
  if (counts == nullptr || counts->size() != 4) return unreadable;
  Tally tally;
  std::size_t index = 0;
  for (std::uint64_t* count :
       {&tally.old_events, &tally.old_total, &tally.new_events, &tally.new_total}) {
    boost::system::error_code failure;
    *count = (*counts)[index++].to_number<std::uint64_t>(failure);
    if (failure) return unreadable;
  }
  return tally;
}

json::value to_json(const Measure& measure) {
  return json::object{{"name", measure.name},
                      {"what", measure.what},
                      {"old_events", measure.old_events},
                      {"old_total", measure.old_total},
                      {"new_events", measure.new_events},
                      {"new_total", measure.new_total},
                      {"limit_us", measure.limit_us},
                      {"log_ratio", exact_text(measure.log_ratio)},
                      {"verdict", to_text(measure.verdict)},
                      {"settled", to_json(measure.settled)},
                      {"mark", to_json(measure.mark)},
                      {"settled_ratio", exact_text(measure.settled_ratio)}};
}

Result<Measure> measure_from_json(const json::value& value) {
  HL_TRY_ASSIGN(const json::object* object, as_object(value));
  Measure measure;
  HL_TRY_ASSIGN(measure.name, get_string(*object, "name"));
  HL_TRY_ASSIGN(measure.what, get_string(*object, "what"));
  HL_TRY_ASSIGN(measure.old_events, get_count(*object, "old_events"));
  HL_TRY_ASSIGN(measure.old_total, get_count(*object, "old_total"));
  HL_TRY_ASSIGN(measure.new_events, get_count(*object, "new_events"));
  HL_TRY_ASSIGN(measure.new_total, get_count(*object, "new_total"));
  HL_TRY_ASSIGN(measure.limit_us, get_int(*object, "limit_us"));
  HL_TRY_ASSIGN(measure.log_ratio, get_exact(*object, "log_ratio"));
  HL_TRY_ASSIGN(measure.verdict, get_verdict(*object));
  if (const json::value* settled = object->if_contains("settled")) {
    HL_TRY_ASSIGN(measure.settled, tally_from_json(*settled));
    const json::value* mark = object->if_contains("mark");
    HL_TRY_ASSIGN(measure.mark, tally_from_json(mark != nullptr ? *mark : *settled));
    HL_TRY_ASSIGN(measure.settled_ratio, get_exact(*object, "settled_ratio"));
  }
  return measure;
}

}  // namespace

std::string_view to_text(Verdict verdict) {
  return text_of(k_verdicts, verdict);
}

json::value to_json(const Evidence& evidence) {
  json::array measures;
  for (const Measure& measure : evidence.measures) measures.push_back(to_json(measure));
  return json::object{{"verdict", to_text(evidence.verdict)},
                      {"text", evidence.text},
                      {"step", evidence.step},
                      {"measures", std::move(measures)}};
}

Result<Evidence> evidence_from_json(const json::value& value) {
  HL_TRY_ASSIGN(const json::object* object, as_object(value));
  Evidence evidence;
  HL_TRY_ASSIGN(evidence.verdict, get_verdict(*object));
  HL_TRY_ASSIGN(evidence.text, get_string(*object, "text"));
  HL_TRY_ASSIGN(evidence.step, get_small_int(*object, "step"));
  HL_TRY_ASSIGN(evidence.measures, get_each<Measure>(*object, "measures", measure_from_json));
  return evidence;
}

}  // namespace hitless::model
