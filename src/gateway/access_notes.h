// What the access record needs of a request when the bytes that said it are long gone: kept beside
// the exchange, without an allocation for usual calls.
//
// Owner: the Exchange.  Thread: the worker's.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

#include "gateway/limits.h"
#include "gateway/trace.h"

namespace hitless::gateway {

class AccessNotes {
 public:
  // The path alone: a query may hold what is nobody's business.
  void note_call(std::string_view method, std::string_view path) {
    method_size_ = put(method_, method);
    path_size_ = std::min(path.size(), k_access_path_bytes_max);
    if (path_size_ <= path_.size()) {
      put(path_, path);
    } else {
      long_path_.assign(path.substr(0, path_size_));
    }
  }
  void note_instance(std::string_view instance) { instance_size_ = put(instance_, instance); }

  std::string_view method() const { return {method_.data(), method_size_}; }
  std::string_view path() const {
    if (path_size_ > path_.size()) return long_path_;
    return {path_.data(), path_size_};
  }
  std::string_view instance() const { return {instance_.data(), instance_size_}; }

  TraceId trace;
  std::string_view error;  // a constant's; empty: none

 private:
  template <std::size_t Room>
  static std::uint8_t put(std::array<char, Room>& into, std::string_view text) {
    static_assert(Room <= 255);
    const std::size_t size = std::min(text.size(), Room);
    std::memcpy(into.data(), text.data(), size);
    return static_cast<std::uint8_t>(size);
  }

  std::size_t path_size_ = 0;
  std::uint8_t method_size_ = 0;
  std::uint8_t instance_size_ = 0;
  // Not written before they are used: their sizes say how much of them counts.
  std::array<char, 16> method_;
  std::array<char, 88> path_;
  std::array<char, 64> instance_;
  std::string long_path_;
};

}  // namespace hitless::gateway
