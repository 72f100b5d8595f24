// An instance's answer head as the client gets it.  Pure.
#pragma once

#include <string>
#include <string_view>

#include "base/clock.h"
#include "gateway/text.h"
#include "model/ids.h"
#include "net/http1.h"

namespace hitless::gateway {

struct AnswerForm {
  std::string_view request_id;
  model::RevisionNumber revision = 0;
  bool keep_alive = true;
  bool to_http10 = false;         // the client speaks HTTP/1.0
  std::string_view set_cookie{};  // of a session that is new; empty: none
  bool unchunk = false;           // it gets the content without the chunks around it
};
void write_answer_head(Text& out, const net::http1::Head& head, const AnswerForm& form);

// An interim answer (1xx), passed on as it is but for what belongs to the hop.
void write_interim_head(Text& out, const net::http1::Head& head);

// "timeout=5" of a Keep-Alive field; zero when it is not there.
Duration keep_alive_of(const net::http1::Head& head);

}  // namespace hitless::gateway
