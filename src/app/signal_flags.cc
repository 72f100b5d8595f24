#include "app/signal_flags.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>

namespace hitless::app {
namespace {

constexpr const char* k_off = "off";
constexpr std::uint64_t k_mib = 1024 * 1024;
// A terabyte: more is a mistake in the unit.
constexpr std::uint64_t k_record_mib_max = k_mib;

}  // namespace

void add_signal_flags(CLI::App& command, SignalFlags& flags, const std::string& prefix) {
  const auto given = [&flags](const std::string&) { flags.is_given = true; };
  command
      .add_option("--" + prefix + "access-record", flags.access_record,
                  "A line of JSON for each request goes there; off: nowhere. By default "
                  "access.jsonl in the state directory")
      ->each(given);
  command
      .add_option("--" + prefix + "access-record-mib", flags.access_record_mib,
                  "What that file and the one before it may have of the disk")
      ->check(CLI::Range(std::uint64_t{2}, k_record_mib_max))
      ->each(given)
      ->capture_default_str();
  command
      .add_option("--" + prefix + "admin-listen", flags.admin_listen,
                  "Answer GET /metrics there too, besides the admin socket; no token is asked for")
      ->each(given);
}

void add_arguments(std::vector<std::string>& arguments, const SignalFlags& flags) {
  if (!flags.access_record.empty()) {
    // The gateway that it is for may have another working directory.
    const bool is_off = flags.access_record == k_off;
    arguments.insert(arguments.end(),
                     {"--access-record",
                      is_off ? k_off : std::filesystem::absolute(flags.access_record).string()});
  }
  arguments.insert(arguments.end(),
                   {"--access-record-mib", fmt::format("{}", flags.access_record_mib)});
  if (!flags.admin_listen.empty()) {
    arguments.insert(arguments.end(), {"--admin-listen", flags.admin_listen});
  }
}

gateway::Signals signals_of(const SignalFlags& flags, const StateDir& state) {
  gateway::Signals signals;
  if (flags.access_record.empty()) {
    signals.access_record = state.access_record();
  } else if (flags.access_record != k_off) {
    signals.access_record = flags.access_record;
  }
  signals.access_record_bytes_max = flags.access_record_mib * k_mib;
  signals.admin_listen = flags.admin_listen;
  return signals;
}

}  // namespace hitless::app
