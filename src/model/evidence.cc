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

constexpr Words<Called, 3> k_called{{
    {Called::old_side, "old_side"},
    {Called::both, "both"},
    {Called::new_side, "new_side"},
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

json::value to_json(const Onsets& onsets) {
  json::array sums;
  for (const double sum : onsets.log_sums) sums.emplace_back(exact_text(sum));
  return json::object{{"count", onsets.count},
                      {"last", onsets.last},
                      {"likely_events", onsets.likely_events},
                      {"likely_total", onsets.likely_total},
                      {"log_sums", std::move(sums)}};
}

Result<Onsets> onsets_from_json(const json::value& value) {
  HL_TRY_ASSIGN(const json::object* object, as_object(value));
  Onsets onsets;
  HL_TRY_ASSIGN(onsets.count, get_count(*object, "count"));
  HL_TRY_ASSIGN(onsets.last, get_count(*object, "last"));
  HL_TRY_ASSIGN(onsets.likely_events, get_count(*object, "likely_events"));
  HL_TRY_ASSIGN(onsets.likely_total, get_count(*object, "likely_total"));
  HL_TRY_ASSIGN(onsets.log_sums, get_each<double>(*object, "log_sums", exact_from_json));
  return onsets;
}

json::value to_json(const Measure& measure) {
  return json::object{{"name", measure.name},
                      {"what", measure.what},
                      {"old_events", measure.old_events},
                      {"old_total", measure.old_total},
                      {"new_events", measure.new_events},
                      {"new_total", measure.new_total},
                      {"past_events", measure.apart.old_events},
                      {"past_total", measure.apart.old_total},
                      {"alone_events", measure.apart.new_events},
                      {"alone_total", measure.apart.new_total},
                      {"steps_total", measure.steps_total},
                      {"alone_bar", exact_text(measure.bar)},
                      {"alone_onsets", to_json(measure.onsets)},
                      {"limit_us", measure.limit_us},
                      {"log_ratio", exact_text(measure.log_ratio)},
                      {"verdict", to_text(measure.verdict)},
                      {"seen", to_json(measure.seen)},
                      {"settled", to_json(measure.settled)},
                      {"mark", to_json(measure.mark)},
                      {"settled_ratio", exact_text(measure.settled_ratio)}};
}

// Of a version of hitless that compared past and present: none of these.
Result<void> read_apart(const json::object& from, Measure& measure) {
  if (from.if_contains("seen") == nullptr) return {};
  HL_TRY_ASSIGN(measure.seen, tally_from_json(from.at("seen")));
  HL_TRY_ASSIGN(measure.apart.old_events, get_count(from, "past_events"));
  HL_TRY_ASSIGN(measure.apart.old_total, get_count(from, "past_total"));
  HL_TRY_ASSIGN(measure.apart.new_events, get_count(from, "alone_events"));
  HL_TRY_ASSIGN(measure.apart.new_total, get_count(from, "alone_total"));
  HL_TRY_ASSIGN(measure.bar, get_exact(from, "alone_bar"));
  if (from.contains("steps_total")) {
    HL_TRY_ASSIGN(measure.steps_total, get_count(from, "steps_total"));
  }
  if (const json::value* onsets = from.if_contains("alone_onsets")) {
    HL_TRY_ASSIGN(measure.onsets, onsets_from_json(*onsets));
  }
  return {};
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
  HL_TRY(read_apart(*object, measure));
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
                      {"called", text_of(k_called, evidence.called)},
                      {"measures", std::move(measures)}};
}

Result<Evidence> evidence_from_json(const json::value& value) {
  HL_TRY_ASSIGN(const json::object* object, as_object(value));
  Evidence evidence;
  HL_TRY_ASSIGN(evidence.verdict, get_verdict(*object));
  HL_TRY_ASSIGN(evidence.text, get_string(*object, "text"));
  HL_TRY_ASSIGN(evidence.step, get_small_int(*object, "step"));
  HL_TRY_ASSIGN(const std::optional<std::string> called, find_string(*object, "called"));
  if (called) {
    HL_TRY_ASSIGN(evidence.called, value_of(k_called, *called, "called"));
  }
  HL_TRY_ASSIGN(evidence.measures, get_each<Measure>(*object, "measures", measure_from_json));
  return evidence;
}

}  // namespace hitless::model
