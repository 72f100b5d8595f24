#include "gateway/signals.h"

namespace hitless::gateway {

std::filesystem::path admin_socket(const std::filesystem::path& control_socket) {
  return control_socket.string() + ".admin";
}

json::value to_json(const Signals& signals) {
  return json::object{{"access_record", signals.access_record.string()},
                      {"access_record_bytes_max", signals.access_record_bytes_max},
                      {"admin_listen", signals.admin_listen}};
}

Result<Signals> signals_from_json(const json::object& form) {
  Signals signals;
  HL_TRY_ASSIGN(const std::string record, get_string(form, "access_record"));
  signals.access_record = record;
  HL_TRY_ASSIGN(const std::int64_t bytes_max, get_int(form, "access_record_bytes_max"));
  if (bytes_max < 0) return Error(Code::corrupt, "[access_record_bytes_max] is negative");
  signals.access_record_bytes_max = static_cast<std::uint64_t>(bytes_max);
  HL_TRY_ASSIGN(signals.admin_listen, get_string(form, "admin_listen"));
  return signals;
}

}  // namespace hitless::gateway
