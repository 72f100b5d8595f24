// What the access record needs of a request when the bytes that said it are long gone: kept beside
// the exchange, without an allocation for usual calls.
//
// Owner: the Exchange.  Thread: the worker's.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "gateway/copy_text.h"
#include "gateway/limits.h"
#include "gateway/trace.h"

namespace hitless::gateway {

class AccessNotes {
 public:
  // The target may have a query; the record does not.
  void note_call(std::string_view method, std::string_view target) {
    method_size_ = put(method_, method);
    target_size_ = std::min(target.size(), k_access_path_bytes_max);
    if (target_size_ <= target_.size()) {
      put(target_, target);
    } else {
      long_target_.assign(target.substr(0, target_size_));
    }
  }
  void note_instance(std::string_view instance) { instance_size_ = put(instance_, instance); }

  std::string_view method() const { return {method_.data(), method_size_}; }
  std::string_view target() const {
    if (target_size_ > target_.size()) return long_target_;
    return {target_.data(), target_size_};
  }
  std::string_view instance() const { return {instance_.data(), instance_size_}; }

  TraceId trace;
  std::string_view error;  // a constant's; empty: none

 private:
  template <std::size_t Room>
  static std::uint8_t put(std::array<char, Room>& into, std::string_view text) {
    static_assert(Room <= 255);
    const std::size_t size = std::min(text.size(), Room);
    copy_text(into.data(), text.substr(0, size));
    return static_cast<std::uint8_t>(size);
  }

  std::size_t target_size_ = 0;
  std::uint8_t method_size_ = 0;
  std::uint8_t instance_size_ = 0;
  // Not written before they are used: their sizes say how much of them counts.
  std::array<char, 16> method_;
  std::array<char, 88> target_;
  std::array<char, 64> instance_;
  std::string long_target_;
};

}  // namespace hitless::gateway
