// Changes by command: planned, begun, waiting, ordered about, taken back.
#include "tests/cli/cli_fixture.h"

namespace hitless::cli {
namespace {

TEST_F(Cli, TakesNoNumberThatJsonCannotSay) {
  for (const char* odd : {"nan", "inf", "-inf", "NaN"}) {
    const Ran ran = run({"service", "plan", "speech", "--max-surge", odd});
    EXPECT_NE(ran.status, 0);
    EXPECT_TRUE(has(ran.err, "--max-surge")) << ran.err;
  }
}

TEST_F(Cli, SaysHowAServiceWantsToBeChanged) {
  deploy();
  const auto policy = [&] {
    return run({"--json", "service", "show", "speech"}).as_json().at("rollout_policy").get_object();
  };
  ASSERT_EQ(
      run({"service", "update", "speech", "--canary", "5:60s,50:2m", "--bake", "90",
           "--drop-budget", "2", "--overlap", "refuse", "--silence", "wait", "--proving", "0"})
          .status,
      0);
  json::object shown = policy();
  EXPECT_EQ(text(shown, "strategy"), "canary");
  EXPECT_EQ(shown.at("steps").get_array().at(1).at("bake_seconds"), 120.0);
  EXPECT_EQ(shown.at("bake_seconds"), 90.0);
  EXPECT_EQ(text(shown, "overlap"), "refuse");
  EXPECT_EQ(shown.at("judgement").at("proving_seconds"), 0.0);
  ASSERT_EQ(run({"service", "update", "speech", "--strategy", "surge"}).status, 0);
  shown = policy();
  EXPECT_EQ(text(shown, "strategy"), "surge");
  EXPECT_TRUE(shown.at("steps").get_array().empty()) << "they belong to the canary";
  EXPECT_EQ(shown.at("drop_budget"), 2) << "the rest stays";
  const Ran bad = run({"service", "update", "speech", "--canary", "5;60s"});
  EXPECT_EQ(bad.status, k_exit_error);
  EXPECT_TRUE(has(bad.err, "WEIGHT:TIME")) << bad.err;
  const Ran fast = run({"service", "update", "speech", "--strategy", "fast"});
  EXPECT_EQ(fast.status, k_exit_usage);
  EXPECT_TRUE(has(fast.err, "[fast] is none of surge,") && has(fast.err, "auto")) << fast.err;
  for (const char* flag :
       {"--canary", "--bake", "--slow-start", "--overlap", "--silence", "--proving"}) {
    const Ran empty = run({"service", "update", "speech", flag, ""});
    EXPECT_EQ(empty.status, k_exit_usage) << flag;
    EXPECT_TRUE(has(empty.err, flag)) << empty.err;
  }
  EXPECT_TRUE(has(run({"service", "update", "speech", "--bake", "nan"}).err, "--bake: \"nan\""));
}

TEST_F(Cli, PlansAndAppliesAPlanByItsHash) {
  deploy();
  const json::object plan =
      run({"--json", "service", "plan", "speech", "--model", "vad:0.0.2"}).as_json();
  const std::string hash = text(plan, "plan_hash");
  const Ran shown =
      run({"service", "plan", "speech", "--model", "vad:0.0.2", "--env", "A=it's", "--no-judge"});
  EXPECT_TRUE(
      has(shown.out, "~ config[0]     vad 0.0.1 → vad 0.0.2  replace: 2 started, 2 stopped"))
      << shown.out;
  EXPECT_TRUE(has(shown.out, "Plan: 2 to replace, 0 to add, 0 to remove · surge")) << shown.out;
  EXPECT_TRUE(has(shown.out,
                  " service update speech --model vad:0.0.2 --env 'A=it'\\''s' "
                  "--no-judge --state "))
      << shown.out;
  EXPECT_TRUE(has(shown.out, " --plan " + hash + "\n")) << shown.out;
  EXPECT_FALSE(has(shown.out, "\x1b[")) << "no colours but on a terminal";
  EXPECT_TRUE(has(run({"service", "plan", "speech", "--count", "3"}, true).out, "\x1b[33m~"));
  const Ran old = run({"service", "update", "speech", "--model", "vad:0.0.2", "--plan", "old"});
  EXPECT_EQ(old.status, k_exit_error);
  EXPECT_TRUE(has(old.err, "ask for the plan again")) << old.err;
  EXPECT_EQ(run({"service", "update", "speech", "--model", "vad:0.0.2", "--plan", hash}).status, 0);
}

TEST_F(Cli, SaysWhenNothingHadToChange) {
  deploy();
  const Ran ran = run({"service", "update", "speech", "--description", "new", "--wait"});
  EXPECT_EQ(ran.status, 0) << ran.err;
  EXPECT_EQ(ran.out, "done: no instance had to change\n");
  EXPECT_EQ(run({"service", "update", "speech"}).status, k_exit_error);
}

TEST_F(Cli, SaysWhatHasBegunAndHowToFollowIt) {
  deploy();
  port().set(World{.looks = -1});
  const Ran ran = run({"service", "update", "speech", "--model", "vad:0.0.2"});
  EXPECT_EQ(ran.status, 0) << ran.err;
  const std::string id = text(run({"--json", "rollout", "show", "speech"}).as_json(), "rollout_id");
  EXPECT_EQ(ran.out,
            "rollout " + id + " has begun; watch it with `hitless rollout watch " + id + "`\n");
}

TEST_F(Cli, TellsAChangeThatWaitsFromOneThatIsDone) {
  deploy();
  port().set(World{.looks = -1, .overlap = model::Overlap::queue});
  ASSERT_EQ(run({"service", "update", "speech", "--model", "vad:0.0.2"}).status, 0);
  const std::string first =
      text(run({"--json", "rollout", "show", "speech"}).as_json(), "rollout_id");
  const Ran queued = run({"service", "update", "speech", "--count", "3"});
  EXPECT_EQ(queued.status, 0) << queued.err;
  EXPECT_TRUE(has(queued.out, "revision 3 waits for rollout " + first)) << queued.out;
  const json::object told =
      run({"--json", "service", "update", "speech", "--count", "4"}).as_json();
  EXPECT_EQ(told.at("queued_revision"), 4);
  EXPECT_EQ(text(told, "waits_for"), first);
  // What waits begins when the one under way has ended, and is watched to its own end.
  port().set(World{.looks = 3, .overlap = model::Overlap::queue});
  const Ran waited = run({"service", "update", "speech", "--count", "5", "--wait"});
  EXPECT_EQ(waited.status, 0) << waited.err;
  EXPECT_TRUE(has(waited.out, "revision 5 waits for rollout " + first)) << waited.out;
  EXPECT_TRUE(has(waited.out, "update of revision 2 to 5: succeeded")) << waited.out;
}

TEST_F(Cli, SaysThatAChangeIsKeptForTheNextStart) {
  deploy();
  ASSERT_EQ(run({"service", "stop", "speech", "--wait"}).status, 0);
  const Ran ran = run({"service", "update", "speech", "--count", "3", "--wait"});
  EXPECT_EQ(ran.status, 0) << ran.err;
  EXPECT_EQ(ran.out, "revision 2 is kept for the next start: `hitless service start speech`\n");
}

TEST_F(Cli, PlansWhatAChangeDuringAChangeWouldMeet) {
  deploy();
  port().set(World{.looks = -1, .overlap = model::Overlap::refuse});
  ASSERT_EQ(run({"service", "update", "speech", "--model", "vad:0.0.2"}).status, 0);
  const Ran refused = run({"service", "plan", "speech", "--count", "3"});
  EXPECT_TRUE(has(refused.out, "is under way (starting): another change is refused until it ends"))
      << refused.out;
  EXPECT_TRUE(has(refused.out, "hitless rollout abort speech")) << refused.out;
  EXPECT_FALSE(has(refused.out, "Apply")) << refused.out;
  const json::object note =
      run({"--json", "service", "plan", "speech", "--description", "new"}).as_json();
  EXPECT_FALSE(note.contains("under_way")) << "a note meets nothing";
}

TEST_F(Cli, OrdersTheNewestChange) {
  deploy();
  port().set(World{.looks = -1});
  ASSERT_EQ(run({"service", "update", "speech", "--model", "vad:0.0.2"}).status, 0);
  const Ran paused = run({"rollout", "pause", "speech", "--reason", "lunch"});
  EXPECT_EQ(paused.status, 0) << paused.err;
  EXPECT_TRUE(has(paused.out, "update of revision 1 to 2: starting, paused since ")) << paused.out;
  EXPECT_TRUE(has(run({"rollout", "list", "speech"}).out, "starting paused"));
  EXPECT_EQ(run({"rollout", "resume", "speech"}).status, 0);
  const Ran aborted = run({"rollout", "abort", "speech"});
  EXPECT_TRUE(has(aborted.out, "aborted by ")) << aborted.out;
  ASSERT_TRUE(port().finish(model::ServiceId(
      text(run({"service", "show", "speech", "--json"}).as_json(), "service_id"))));
  const Ran late = run({"rollout", "skip", "speech"});
  EXPECT_EQ(late.status, k_exit_error);
  EXPECT_TRUE(has(late.err, "has ended: it is succeeded")) << late.err;
}

TEST_F(Cli, RollsBackAndListsRevisions) {
  deploy();
  ASSERT_EQ(run({"service", "update", "speech", "--model", "vad:0.0.2", "--wait"}).status, 0);
  const Ran listed = run({"service", "revisions", "speech"});
  EXPECT_TRUE(has(listed.out, "vad:0.0.1 x2")) << listed.out;
  EXPECT_TRUE(has(listed.out, "it serves")) << listed.out;
  const Ran back = run({"service", "rollback", "speech", "--to", "1", "--wait"});
  EXPECT_EQ(back.status, 0) << back.err;
  EXPECT_TRUE(has(back.out, "update of revision 2 to 3: succeeded")) << back.out;
  EXPECT_TRUE(has(run({"service", "rollback", "speech"}).err, "[revision]"));
  const Ran after = run({"service", "revisions", "speech"});
  EXPECT_TRUE(has(after.out, "back to 1")) << after.out;
  EXPECT_TRUE(has(after.out, "model vad:0.0.1 → vad:0.0.2")) << after.out;
}

TEST_F(Cli, DeletesARevisionThatNothingUses) {
  deploy();
  ASSERT_EQ(run({"service", "update", "speech", "--env", "LEVEL=2", "--wait"}).status, 0);
  EXPECT_TRUE(has(run({"service", "revisions", "speech"}).out, "envs.LEVEL 2"));
  const Ran stays = run({"service", "revisions", "speech", "--delete", "2"});
  EXPECT_EQ(stays.status, k_exit_error);
  EXPECT_TRUE(has(stays.err, "it serves")) << stays.err;
  const Ran gone = run({"service", "revisions", "speech", "--delete", "1"});
  EXPECT_EQ(gone.status, 0) << gone.err;
  EXPECT_EQ(gone.out, "revision 1 of speech is deleted; reports of its changes stay\n");
  EXPECT_TRUE(has(run({"service", "revisions", "speech", "--delete", "1"}).err, "revision 1"));
  EXPECT_FALSE(has(run({"service", "revisions", "speech"}).out, "back to"));
}

TEST_F(Cli, StopsStartsAndDeletes) {
  deploy();
  EXPECT_EQ(run({"service", "stop", "speech", "--wait"}).status, 0);
  EXPECT_TRUE(has(run({"service", "list"}).out, "stopped"));
  const Ran twice = run({"service", "stop", "speech"});
  EXPECT_EQ(twice.status, k_exit_error);
  EXPECT_TRUE(has(twice.err, "ModelArts.3519")) << twice.err;
  EXPECT_EQ(run({"service", "start", "speech", "--wait"}).status, 0);
  EXPECT_EQ(run({"service", "delete", "speech", "--wait"}).status, 0);
  EXPECT_EQ(run({"service", "show", "speech"}).status, k_exit_error);
}

}  // namespace
}  // namespace hitless::cli
