#include <gtest/gtest.h>

#include "cli/completion.h"
#include "cli/render_report.h"
#include "cli/text.h"
#include "tests/support/render_values.h"

namespace hitless::cli {
namespace {

TEST(HumanText, RoundsForPeople) {
  EXPECT_EQ(human_count(0), "0");
  EXPECT_EQ(human_count(1234567), "1,234,567");
  EXPECT_EQ(human_count(-1000), "-1,000");
  EXPECT_EQ(human_bytes(999), "999 B");
  EXPECT_EQ(human_bytes(2'200'000), "2.2 MB");
  EXPECT_EQ(human_bytes(999'700), "1.0 MB");
  EXPECT_EQ(human_micros(850), "850 µs");
  EXPECT_EQ(human_micros(12'345), "12.3 ms");
  EXPECT_EQ(human_micros(345'678), "346 ms");
  EXPECT_EQ(human_micros(4'210'000), "4.21 s");
  EXPECT_EQ(human_micros(185'000'000), "3 min 5 s");
  EXPECT_EQ(human_ago(0, 5000), "-");
  EXPECT_EQ(human_ago(1000, 31'000), "30 s ago");
  EXPECT_EQ(human_ago(1000, 600'000), "9 min ago");
}

TEST(HumanText, DrawsBars) {
  EXPECT_EQ(progress_bar(0, 4), "[....]   0 %");
  EXPECT_EQ(progress_bar(50, 4), "[##..]  50 %");
  EXPECT_EQ(progress_bar(120, 4), "[####] 100 %");
}

TEST(HumanText, CutsLinesToTheTerminalsWidth) {
  const std::string text = "short\n\nas wide\nmuch too wide\n";
  EXPECT_EQ(cut_lines(text, 7), "short\n\nas wide\nmuch t…\n");
  EXPECT_EQ(cut_lines(text, 0), text);
  EXPECT_EQ(cut_lines("no end of line", 6), "no en…");
  EXPECT_EQ(cut_lines("µµµµ", 4), "µµµµ");
  EXPECT_EQ(cut_lines("µµµµ", 3), "µµ…");
  // The colour ends where the line does.
  EXPECT_EQ(cut_lines("\x1b[32mgreen\x1b[0m and on", 4), "\x1b[32mgre…\x1b[0m");
  EXPECT_EQ(cut_lines("\x1b[32mgreen\x1b[0m", 5), "\x1b[32mgreen\x1b[0m");
}

TEST(Text, IsNoHigherThanTheTerminal) {
  const std::string text = "a\nb\nc\nd\n";
  EXPECT_EQ(cut_height(text, 0), text);
  EXPECT_EQ(cut_height(text, 4), text);
  EXPECT_EQ(cut_height(text, 3), "a\nb\n… and 2 more\n");
  EXPECT_EQ(cut_height(text, 1), "… and 4 more\n");
}

TEST(Table, AlignsWordsLeftAndNumbersRight) {
  Table table({"NAME", ">COUNT", "NOTE"});
  table.add({"a", "5", ""});
  table.add({"\x1b[32mlonger\x1b[0m", "1,000", "µ"});
  EXPECT_EQ(table.text(),
            "NAME    COUNT  NOTE\n"
            "a           5\n"
            "\x1b[32mlonger\x1b[0m  1,000  µ\n");
}

TEST(Report, ShowsTrafficTimesAndWhyItTurnedRound) {
  const json::object rollout = object(R"({
    "kind": "update", "from_revision": 1, "to_revision": 2, "phase": "rolled_back",
    "ended": true, "why": "revision 1 serves again", "reason": "instance 3 never got ready",
    "created_at": 1000, "ended_at": 5210,
    "report": {
      "instances_started": 1, "instances_failed": 1, "start_to_ready_us": 0,
      "phases": [{"phase": "starting", "duration_us": 4000000},
                 {"phase": "rolling_back", "duration_us": 210000}, {"phase": "rolled_back"}],
      "before": {"requests": 1204, "ok": 1204, "failed": 0, "p50_us": 900, "p99_us": 2100},
      "during": {"requests": 18003, "ok": 18002, "retried": 2, "held": 1, "held_longest_us": 41000,
                 "p50_us": 910, "p99_us": 2300}}})");
  EXPECT_EQ(render_report(plain_io(), rollout),
            "update of revision 1 to 2: rolled_back\n"
            "  turned round: instance 3 never got ready\n"
            "  revision 1 serves again\n"
            "\n"
            "                   before  during  after\n"
            "  requests          1,204  18,003      -\n"
            "  ok                1,204  18,002      -\n"
            "  failed                0       0      -\n"
            "  retried               0       2      -\n"
            "  held                  0       1      -\n"
            "  longest hold       0 µs   41 ms      -\n"
            "  streams               0       0      -\n"
            "  cut                   0       0      -\n"
            "  left by clients       0       0      -\n"
            "  p50              900 µs  910 µs      -\n"
            "  p99              2.1 ms  2.3 ms      -\n"
            "\n"
            "  took       4.21 s\n"
            "  phases     starting 4 s, rolling_back 210 ms\n"
            "  instances  1 started, 1 failed\n");
}

TEST(Report, SaysAReasonOnce) {
  const json::object rollout = object(R"({"phase":"rolled_back","reason":"it crashed",
    "why":"rolled back to revision 1: it crashed","report":{}})");
  const std::string text = render_report(plain_io(), rollout);
  EXPECT_EQ(text.find("it crashed"), text.rfind("it crashed")) << text;
  EXPECT_NE(text.find("rolled back to revision 1"), std::string::npos) << text;
}

TEST(Report, LeavesTheTableOutWhereNobodyCalled) {
  const json::object rollout =
      object(R"({"phase":"succeeded","ended":true,"report":{"during":{"requests":0,"failed":0}}})");
  EXPECT_NE(render_report(plain_io(), rollout).find("no requests came"), std::string::npos);
}

TEST(Report, PromisesTheCountsWhileItGoesOn) {
  const json::object rollout = object(R"({"phase":"baking","ended":false,
      "report":{"before":{"requests":70,"ok":70}}})");
  const std::string text = render_report(plain_io(), rollout);
  EXPECT_NE(text.find("requests are counted at the end"), std::string::npos) << text;
  EXPECT_EQ(text.find("no requests came"), std::string::npos) << text;
}

TEST(Report, TellsAnswersOfErrorClassesWhereThereWereSome) {
  const json::object rollout = object(R"({"phase":"succeeded","ended":true,"report":{
      "before":{"requests":7,"ok":7,"by_class":[0,0,7,0,0,0]},
      "during":{"requests":1020,"ok":1000,"by_class":[0,0,1000,0,0,20]}}})");
  const std::string text = render_report(plain_io(), rollout);
  EXPECT_NE(text.find("  answered 5xx          0      20      -\n"), std::string::npos) << text;
  EXPECT_EQ(text.find("4xx"), std::string::npos) << text;
}

TEST(Report, DoesNotSayUntilWhenItBakesWhilePaused) {
  json::object rollout = object(R"({"phase":"baking","step":0,"steps":2,"baking_until":3600000,
      "paused":false})");
  EXPECT_EQ(course_text(rollout), "baking, step 1 of 2, baking until 01:00:00");
  rollout["paused"] = true;
  rollout["paused_at"] = 1800000;
  EXPECT_EQ(course_text(rollout), "baking, step 1 of 2, paused since 00:30:00");
}

TEST(Report, ShowsOfTheEvidenceWhatWasMeasured) {
  const std::string unmeasured = R"({"name":"cut answers","old_total":0,"new_total":0})";
  const auto text = [&](const std::string& measures) {
    return evidence_text(plain_io(), object((R"({"evidence":{"verdict":"good","text":"as good",
        "measures":[)" + measures + "]}}")
                                                .c_str()));
  };
  EXPECT_EQ(text(unmeasured), "verdict good: as good\n");
  const std::string both =
      text(R"({"name":"errors","old_total":80,"new_events":1,"new_total":40},)" + unmeasured);
  EXPECT_NE(both.find("errors    0 of 80   1 of 40"), std::string::npos) << both;
  EXPECT_EQ(both.find("cut answers"), std::string::npos) << both;
}

TEST(Report, ShowsTheEvidenceOfEachStep) {
  const json::object rollout = object(R"({"plan":{"bake_steps":[{"weight":10},{"weight":100}]},
      "earlier_evidence":[{"step":0,"verdict":"good","text":"as good","measures":[
          {"name":"errors","old_total":80,"new_events":1,"new_total":40}]}],
      "evidence":{"step":1,"verdict":"undecided","text":"alone","measures":[
          {"name":"errors","old_total":9,"new_total":9,"past_events":2,"past_total":200,
           "alone_events":5,"alone_total":7000}]}})");
  const std::string text = evidence_text(plain_io(), rollout);
  for (const char* part :
       {"verdict of step 1 of 2 (10 %) good, by 40 requests of the new side and 80 of the old: "
        "as good\n",
        "verdict of step 2 of 2 (100 %) undecided, by 7,009 requests of the new side and 9 of the "
        "old: alone\n",
        "errors, before and alone  2 of 200  5 of 7,000"}) {
    EXPECT_NE(text.find(part), std::string::npos) << part << "\n" << text;
  }
}

TEST(Report, PaintsFailedRequests) {
  const json::object rollout = object(
      R"({"phase":"succeeded","ended":true,"report":{"during":{"requests":10,"failed":3}}})");
  Io io = plain_io();
  io.colour = true;
  EXPECT_NE(render_report(io, rollout).find("\x1b[31m3\x1b[0m"), std::string::npos);
}

TEST(Report, NamesOneRevisionWhereThereIsOneOnly) {
  EXPECT_EQ(change_text(object(R"({"kind":"deploy","from_revision":0,"to_revision":1})")),
            "deploy of revision 1");
  EXPECT_EQ(change_text(object(R"({"kind":"stop","from_revision":3,"to_revision":0})")),
            "stop of revision 3");
}

TEST(Report, StandsMissingMembers) {
  EXPECT_NE(render_report(plain_io(), {}).find("requests"), std::string::npos);
}

TEST(Completion, CoversCommandsForEveryShell) {
  const std::vector<CompletionRow> rows{{"service", {"list", "create"}}, {"", {"service"}}};
  for (const char* shell : {"bash", "zsh", "fish"}) {
    const auto script = completion_script(shell, rows);
    ASSERT_TRUE(script) << shell;
    EXPECT_NE(script->find("list create"), std::string::npos) << shell;
  }
  EXPECT_FALSE(completion_script("tcsh", rows));
}

}  // namespace
}  // namespace hitless::cli
