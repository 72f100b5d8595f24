// Which instances the gateway has found suspect since it was last looked at: they refused a
// connection, or reset it before an answer.
//
// Owner: the loop; its thread.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "model/usage.h"

namespace hitless::control {

class Suspects {
 public:
  // What a gateway had counted before we looked first is no news.
  std::vector<model::InstanceId> take(const model::Usage& usage);

 private:
  std::string gateway_;
  std::map<model::InstanceId, std::uint64_t> counted_;
};

}  // namespace hitless::control
