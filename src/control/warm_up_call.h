// A warm-up request on its way to an instance, and what its answer says.  Pure.
#pragma once

#include <string>

#include "model/warm_up.h"
#include "net/http_client.h"

namespace hitless::control {

// With the headers that the gateway adds to traffic; `id` names it in the model's log.
net::HttpCall warm_up_call(const model::WarmUpRequest& request, const Address& to,
                           const std::string& id);

// "POST /predict answered 500, expected 200"; empty: it is right.
std::string warm_up_fault(const model::WarmUpRequest& request,
                          const Result<net::HttpResponse>& answer);

}  // namespace hitless::control
