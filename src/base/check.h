// HL_CHECK(condition): what must hold inside hitless, in every build; a failure aborts with the
// place and the text.  HL_DCHECK: the same where checking costs; debug builds only.
// Never for data from outside: that gets an Error.
#pragma once

namespace hitless::detail {
[[noreturn]] void check_failed(const char* condition, const char* file, int line);
}

#define HL_CHECK(condition) \
  ((condition) ? (void)0 : ::hitless::detail::check_failed(#condition, __FILE__, __LINE__))

#ifdef HITLESS_DEBUG
#define HL_DCHECK(condition) HL_CHECK(condition)
#else
#define HL_DCHECK(condition) ((void)sizeof(!(condition)))
#endif
