// What a request says of the session that it belongs to, and stable numbers to place sessions by:
// the same at every worker, in every gateway.
//
// Pure.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "model/traffic_policy.h"
#include "net/http1.h"

namespace hitless::gateway {

// Well mixed; of equal texts the same on every machine.
std::uint64_t number_of(std::string_view text);
std::uint64_t mixed(std::uint64_t value);

// Where a session stands with a place of this weight: the place where it stands highest is its own.
// With more weight a place gets sessions of all others and gives none away.
double standing_of(std::uint64_t session, std::uint64_t place, double weight);

// The value of the header or cookie; empty: the request has none.
std::string_view session_of(const net::http1::Head& head, const model::Sticky& sticky);

// What goes into Set-Cookie for a session that is new.
std::string cookie_of(std::string_view name, std::string_view session, std::string_view service);

}  // namespace hitless::gateway
