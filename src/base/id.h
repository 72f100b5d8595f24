// Id<Tag> is a string that names one kind of thing; two kinds never mix.
#pragma once

#include <compare>
#include <functional>
#include <string>
#include <utility>

namespace hitless {

template <class Tag>
class Id {
 public:
  Id() = default;
  explicit Id(std::string text) : text_(std::move(text)) {}

  const std::string& text() const { return text_; }
  bool empty() const { return text_.empty(); }

  friend auto operator<=>(const Id&, const Id&) = default;

 private:
  std::string text_;
};

}  // namespace hitless

template <class Tag>
struct std::hash<hitless::Id<Tag>> {
  std::size_t operator()(const hitless::Id<Tag>& id) const noexcept {
    return std::hash<std::string>{}(id.text());
  }
};
