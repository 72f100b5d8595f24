// Reads metrics as strictly as the text format allows (Prometheus exposition format 0.0.4): what a
// lenient scraper would let pass is a fault here.
#pragma once

#include <cstdlib>
#include <map>
#include <regex>
#include <set>
#include <sstream>
#include <string>
#include <vector>

namespace hitless::testing {

class MetricsReader {
 public:
  explicit MetricsReader(const std::string& text) {
    if (!text.ends_with('\n')) fault("the last line does not end");
    std::istringstream lines(text);
    for (std::string line; std::getline(lines, line);) read(line);
    for (const auto& [family, type] : types_) {
      if (type == "histogram") check_histogram(family);
      if (type == "counter" && !family.ends_with("_total"))
        fault(family + " does not end in _total");
      if (type != "counter" && family.ends_with("_total")) fault(family + " is no counter");
    }
  }

  const std::vector<std::string>& faults() const { return faults_; }
  // By name and labels as written: "a_total{service=\"s\"}"; -1 when it is not there.
  double value(const std::string& series) const {
    const auto found = values_.find(series);
    return found == values_.end() ? -1 : found->second;
  }
  std::size_t count(const std::string& name) const {
    std::size_t count = 0;
    for (const auto& [series, value] : values_) count += series.starts_with(name + "{") ? 1 : 0;
    return count;
  }
  const std::map<std::string, std::string>& types() const { return types_; }

 private:
  void fault(std::string text) { faults_.push_back(std::move(text)); }

  void read(const std::string& line) {
    static const std::regex k_help(R"(# HELP ([a-zA-Z_:][a-zA-Z0-9_:]*) (\S.*))");
    static const std::regex k_type(
        R"(# TYPE ([a-zA-Z_:][a-zA-Z0-9_:]*) (counter|gauge|histogram))");
    static const std::regex k_sample(
        R"re(([a-zA-Z_:][a-zA-Z0-9_:]*)(\{(?:[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\]|\\["\\n])*"(?:,(?!\})|(?=\})))+\})? ([0-9.e+-]+))re");
    std::smatch match;
    if (std::regex_match(line, match, k_help)) {
      if (!helped_.insert(match[1]).second) fault("two HELP lines: " + line);
      helped_last_ = match[1];
    } else if (std::regex_match(line, match, k_type)) {
      if (!types_.emplace(match[1], match[2]).second) fault("two TYPE lines: " + line);
      if (helped_last_ != match[1]) fault("TYPE without HELP before: " + line);
      family_ = match[1];
    } else if (std::regex_match(line, match, k_sample)) {
      take(match[1], match[2], match[3]);
    } else {
      fault("no line of the format: " + line);
    }
  }

  void take(const std::string& name, const std::string& labels, const std::string& number) {
    const bool is_histogram = types_[family_] == "histogram";
    const bool belongs = is_histogram ? name == family_ + "_bucket" || name == family_ + "_sum" ||
                                            name == family_ + "_count"
                                      : name == family_;
    if (!belongs) fault(name + " stands in the family " + family_);
    char* end = nullptr;
    const double value = std::strtod(number.c_str(), &end);
    if (*end != '\0') fault("no number: " + number);
    if (value < 0) fault("negative: " + name);
    if (!values_.emplace(name + labels, value).second) fault("twice: " + name + labels);
    if (is_histogram) samples_[family_].emplace_back(name + labels, value);
  }

  // Each bucket holds the one before, the last one is everything.
  void check_histogram(const std::string& family) {
    static const std::regex k_bucket(R"re((.*_bucket)\{(.*?),?le="([^"]*)"\})re");
    std::map<std::string, std::pair<double, double>> last;  // edge and count, by labels
    for (const auto& [series, value] : samples_[family]) {
      std::smatch match;
      if (!std::regex_match(series, match, k_bucket)) continue;
      const double edge = match[3] == "+Inf" ? 1e300 : std::strtod(match[3].str().c_str(), nullptr);
      auto& before = last[match[2]];
      if (edge <= before.first || value < before.second) fault("buckets out of order: " + series);
      before = {edge, value};
    }
    if (last.empty()) fault(family + " has no buckets");
    for (const auto& [labels, end] : last) {
      const std::string in_braces = labels.empty() ? "" : "{" + labels + "}";
      if (end.first != 1e300) fault(family + in_braces + " has no last bucket");
      if (value(family + "_count" + in_braces) != end.second)
        fault("count of " + family + in_braces);
      if (value(family + "_sum" + in_braces) < 0) fault("no sum of " + family + in_braces);
    }
  }

  std::vector<std::string> faults_;
  std::set<std::string> helped_;
  std::string helped_last_;
  std::string family_;
  std::map<std::string, std::string> types_;
  std::map<std::string, double> values_;
  std::map<std::string, std::vector<std::pair<std::string, double>>> samples_;
};

}  // namespace hitless::testing
