// The names of things.  An id is opaque to everyone but its maker; two kinds never mix.
#pragma once

#include <compare>
#include <cstdint>

#include "base/id.h"

namespace hitless::model {

using ServiceId = Id<struct ServiceTag>;    // a UUID, as existing clients expect
using ModelId = Id<struct ModelTag>;        // a UUID; names one version of a model
using RolloutId = Id<struct RolloutTag>;    // a UUID
using InstanceId = Id<struct InstanceTag>;  // "<8 of the service>-r<revision>-<ordinal>"

// Revisions of one service count from 1 and never go back.
using RevisionNumber = std::int64_t;

// Route tables count from 1 over the life of one state directory.  A receiver refuses an older one.
using Generation = std::uint64_t;

}  // namespace hitless::model
