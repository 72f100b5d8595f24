// The commands against the API as it runs, with a port behind it that runs nothing.
#include "tests/cli/cli_fixture.h"

#include <thread>

#include "cli/wait_line.h"

namespace hitless::cli {
namespace {

TEST_F(Cli, CreatesListsShowsAndDeletesModels) {
  const Ran created =
      run({"model", "create", "vad", "0.0.1", "--from", "/srv/vad", "--type", "Custom", "--wait"});
  EXPECT_EQ(created.status, 0) << created.err;
  EXPECT_TRUE(has(created.out, "published"));
  const Ran listed = run({"model", "list"});
  EXPECT_TRUE(has(listed.out, "NAME  VERSION  TYPE    STATUS")) << listed.out;
  EXPECT_TRUE(has(listed.out, "vad   0.0.1    Custom  published  2.0 kB")) << listed.out;
  EXPECT_TRUE(has(run({"model", "show", "vad"}).out, "/srv/vad"));
  EXPECT_EQ(run({"--json", "model", "list"}).as_json().at("count"), 1);
  EXPECT_EQ(run({"model", "delete", "vad:0.0.1"}).status, 0);
  const Ran gone = run({"model", "show", "vad"});
  EXPECT_EQ(gone.status, k_exit_error);
  EXPECT_EQ(gone.err, "hitless: there is no model vad: `hitless model list` shows all\n");
}

TEST_F(Cli, ModelsTakeWarmUpRequestsFromAFileAndShowThem) {
  const std::string file = (state() / "warm_up.json").string();
  ASSERT_TRUE(write_file_atomically(file, R"([{"path": "/predict", "body": {"x": 1}},
                                              {"path": "/labels"}])",
                                    0600));
  const std::vector<std::string> create{"model", "create", "vad", "0.0.1", "--from", "/srv/vad"};
  const auto with = [&](const std::string& path) {
    std::vector<std::string> args = create;
    args.insert(args.end(), {"--warm-up", path});
    return run(args);
  };
  EXPECT_EQ(with(file).status, 0);
  const Ran shown = run({"model", "show", "vad"});
  EXPECT_TRUE(has(shown.out, "2 requests: POST /predict, GET /labels")) << shown.out;
  ASSERT_TRUE(write_file_atomically(file, "[", 0600));
  const Ran refused = with(file);
  EXPECT_EQ(refused.status, k_exit_error);
  EXPECT_TRUE(has(refused.err, "warm_up.json")) << refused.err;
}

TEST_F(Cli, ShowsLongWaitsOnATerminalOnly) {
  using std::chrono::milliseconds;
  std::ostringstream out;
  std::istringstream in;
  Io io{out, out, in};
  const auto api = ApiClient::connect({.state = state(), .url = {}, .token_file = {}});
  ASSERT_TRUE(api) << api.error().text();
  const auto shown = [&](bool terminal, bool json, milliseconds waited) {
    io.terminal = terminal;
    Session session{io, **api, json};
    out.str("");
    {
      WaitLine line(session, "importing");
      line.show(waited);
    }
    return out.str();
  };
  EXPECT_EQ(shown(true, false, milliseconds(900)), "");
  EXPECT_EQ(shown(false, false, milliseconds(5000)), "");
  EXPECT_EQ(shown(true, true, milliseconds(5000)), "");
  EXPECT_EQ(shown(true, false, milliseconds(1200)),
            "\r\x1b[Kimporting [............######............] 1 s\r\x1b[K");
  EXPECT_EQ(shown(true, false, milliseconds(4700)),
            "\r\x1b[Kimporting [.######.......................] 4 s\r\x1b[K");
}

TEST_F(Cli, SaysWhyAModelStays) {
  deploy();
  const Ran ran = run({"model", "delete", "vad:0.0.1"});
  EXPECT_EQ(ran.status, k_exit_error);
  EXPECT_TRUE(has(ran.err, "stays:")) << ran.err;
}

TEST_F(Cli, DeploysAndShowsAService) {
  deploy();
  const Ran listed = run({"service", "list"});
  EXPECT_TRUE(has(listed.out, "speech  running")) << listed.out;
  const Ran shown = run({"service", "show", "speech"});
  EXPECT_TRUE(has(shown.out, "http://127.0.0.1:9/v1/infers/")) << shown.out;
  EXPECT_TRUE(has(shown.out, "vad    0.0.1     100 %      2  hitless.cpu.small")) << shown.out;
  EXPECT_TRUE(has(run({"service", "events", "speech"}).out, "start to deploy service"));
  const json::object detail = run({"service", "show", "speech", "--json"}).as_json();
  EXPECT_EQ(text(detail, "status"), "running");
}

TEST_F(Cli, WaitsForAnUpdateAndPrintsItsReport) {
  deploy();
  port().set(World{.looks = 3});
  const Ran ran = run({"service", "update", "speech", "--model", "vad:0.0.2", "--wait"});
  EXPECT_EQ(ran.status, 0) << ran.err;
  EXPECT_TRUE(has(ran.out, "starting: waiting for 2 of 2 instances")) << ran.out;
  EXPECT_TRUE(has(ran.out, "update of revision 1 to 2: succeeded")) << ran.out;
  EXPECT_TRUE(has(ran.out, "12,345")) << ran.out;
  EXPECT_TRUE(has(run({"service", "show", "speech"}).out, "0.0.2"));
  EXPECT_TRUE(has(run({"service", "logs", "speech"}).out, "SUCCESS"));
}

TEST_F(Cli, EndsWithThreeOrFourWhenAnUpdateWentWrong) {
  deploy();
  port().set(World{.looks = 2, .outcome = model::Phase::rolled_back});
  const Ran back = run({"service", "update", "speech", "--model", "vad:0.0.2", "--wait"});
  EXPECT_EQ(back.status, k_exit_rolled_back);
  EXPECT_TRUE(has(back.out, "turned round: instance 3 never got ready")) << back.out;
  port().set(World{.looks = 2, .outcome = model::Phase::failed});
  const Ran failed =
      run({"service", "update", "speech", "--model", "vad:0.0.2", "--wait", "--json"});
  EXPECT_EQ(failed.status, k_exit_failed);
  EXPECT_EQ(text(failed.as_json(), "phase"), "failed");
}

TEST_F(Cli, ShowsALiveViewOnATerminal) {
  deploy();
  control::InstanceStatus instance;
  instance.instance.id = model::InstanceId("speech-r2-3");
  instance.state = "warming";
  port().set(World{.looks = 3, .instances = {instance}});
  const Ran ran = run({"service", "update", "speech", "--model", "vad:0.0.2", "--wait"}, true);
  EXPECT_EQ(ran.status, 0) << ran.err;
  EXPECT_TRUE(has(ran.out, "[")) << ran.out;
  EXPECT_TRUE(has(ran.out, "speech-r2-3")) << ran.out;
  EXPECT_TRUE(has(ran.out, "\x1b[J")) << "the view is not taken away";
}

// The terminal would break longer ones, and the view would not be taken away whole.
TEST_F(Cli, CutsTheLinesOfTheLiveView) {
  deploy();
  control::InstanceStatus instance;
  instance.instance.id = model::InstanceId("speech-r2-3");
  instance.instance.detail = std::string(80, 'd');
  instance.state = "warming";
  port().set(World{.looks = 3, .instances = {instance}});
  const Ran ran = run({"service", "update", "speech", "--model", "vad:0.0.2", "--wait"}, true);
  EXPECT_EQ(ran.status, 0) << ran.err;
  EXPECT_TRUE(has(ran.out, "speech-r2-3")) << ran.out;
  EXPECT_TRUE(has(ran.out, "…\n")) << ran.out;
  EXPECT_FALSE(has(ran.out, std::string(40, 'd'))) << ran.out;
}

// What has left the terminal at its top could not be taken away.
TEST_F(Cli, KeepsTheLiveViewWithinTheTerminal) {
  deploy();
  World world{.looks = 3};
  for (int i = 1; i <= 20; ++i) {
    control::InstanceStatus instance;
    instance.instance.id = model::InstanceId("speech-r1-" + std::to_string(i));
    instance.state = i == 20 ? "warming" : "routed";
    world.instances.push_back(instance);
  }
  port().set(world);
  const Ran ran = run({"service", "update", "speech", "--model", "vad:0.0.2", "--wait"}, true);
  EXPECT_EQ(ran.status, 0) << ran.err;
  EXPECT_TRUE(has(ran.out, "speech-r1-20")) << "what is under way comes first\n" << ran.out;
  EXPECT_TRUE(has(ran.out, "… and 16 more\n")) << ran.out;
  EXPECT_TRUE(has(ran.out, "\x1b[8A\r\x1b[J")) << ran.out;
  EXPECT_FALSE(has(ran.out, "\x1b[9A")) << ran.out;
}

TEST_F(Cli, PrintsALineForEachEventOfAWatchedRollout) {
  deploy();
  port().set(World{.looks = 3});
  ASSERT_EQ(run({"service", "update", "speech", "--model", "vad:0.0.2"}).status, 0);
  const Ran ran = run({"--json", "rollout", "watch", "speech"});
  EXPECT_EQ(ran.status, 0) << ran.err;
  std::istringstream lines(ran.out);
  std::vector<std::string> events;
  json::object last;
  for (std::string line; std::getline(lines, line);) {
    const auto value = parse_json(line);
    ASSERT_TRUE(value && value->is_object()) << line;
    last = value->get_object();
    events.push_back(text(last, "event") + " " + text(last, "phase"));
  }
  ASSERT_GE(events.size(), 2U) << ran.out;
  EXPECT_EQ(events.front(), "state starting");
  EXPECT_EQ(events.back(), "end succeeded");
  EXPECT_TRUE(last.contains("report"));
}

TEST_F(Cli, TellsPhasesThatPassedBetweenTwoEvents) {
  deploy();
  port().set(World{.looks = -1});
  ASSERT_EQ(run({"service", "update", "speech", "--model", "vad:0.0.2"}).status, 0);
  const json::object service = run({"--json", "service", "show", "speech"}).as_json();
  const model::ServiceId id(text(service, "service_id"));
  const auto pass = [](model::Rollout& rollout) {
    const Time now = SystemClock().now();
    rollout.phase = model::Phase::draining;
    rollout.report.phases.push_back({model::Phase::shifting, now});
    rollout.report.phases.push_back({model::Phase::draining, now});
  };
  ASSERT_TRUE(port().change(id, pass));
  std::thread ender([&] {
    EXPECT_TRUE(port().wait_until_told());
    EXPECT_TRUE(port().finish(id));
  });
  const Ran ran = run({"rollout", "watch", "speech"});
  ender.join();
  const std::size_t starting = ran.out.find(" starting\n");
  const std::size_t shifting = ran.out.find(" shifting\n");
  EXPECT_NE(starting, std::string::npos) << ran.out;
  EXPECT_NE(shifting, std::string::npos) << ran.out;
  EXPECT_LT(starting, shifting) << ran.out;
}

TEST_F(Cli, WatchesOnWhenServeIsRestarted) {
  deploy();
  port().set(World{.looks = -1, .outcome = model::Phase::rolled_back});
  ASSERT_EQ(run({"service", "update", "speech", "--model", "vad:0.0.2"}).status, 0);
  const json::object service = run({"--json", "service", "show", "speech"}).as_json();
  const model::ServiceId id(text(service, "service_id"));
  std::thread restarter([&] {
    EXPECT_TRUE(port().wait_until_watched(id));
    server().stop();
    start_server();
    EXPECT_TRUE(port().wait_until_watched(id));
    EXPECT_TRUE(port().finish(id));
  });
  const Ran ran = run({"rollout", "watch", "speech"});
  restarter.join();
  EXPECT_EQ(ran.status, k_exit_rolled_back) << ran.out << ran.err;
  EXPECT_TRUE(has(ran.out, "turned round: instance 3 never got ready")) << ran.out;
}

TEST_F(Cli, WaitsUntilAServiceIsGone) {
  deploy();
  const Ran ran = run({"service", "delete", "speech", "--wait"});
  EXPECT_EQ(ran.status, 0) << ran.err;
}

// No stream is left for it.
class CliWithoutStreams : public Cli {
 protected:
  CliWithoutStreams() { server_options_.streams_max = 0; }
};

TEST_F(CliWithoutStreams, AsksAgainAndAgain) {
  deploy();
  port().set(World{.looks = 3, .outcome = model::Phase::failed});
  const Ran ran = run({"service", "update", "speech", "--model", "vad:0.0.2", "--wait"});
  EXPECT_EQ(ran.status, k_exit_failed) << ran.err;
  EXPECT_TRUE(has(ran.out, "starting: waiting for 2 of 2 instances")) << ran.out;
  EXPECT_EQ(run({"rollout", "watch", "speech", "--json"}).status, k_exit_failed);
  EXPECT_EQ(run({"rollout", "watch", "nothing"}).status, k_exit_error);
}

TEST_F(Cli, ShowsAndListsRollouts) {
  deploy();
  EXPECT_TRUE(has(run({"rollout", "list", "speech"}).out, "deploy  succeeded"));
  const Ran shown = run({"rollout", "show", "speech"});
  const std::size_t plan = shown.out.find("deploy of revision 1\n");
  ASSERT_NE(plan, std::string::npos) << shown.out;
  EXPECT_LT(shown.out.find("deploy of revision 1: succeeded\n"), plan) << "the report is first";
  EXPECT_TRUE(has(shown.out, "vad 0.0.1")) << "models have names: " << shown.out;
  EXPECT_FALSE(has(shown.out, "\nnow ")) << shown.out;
  const std::string id = text(run({"--json", "rollout", "show", "speech"}).as_json(), "rollout_id");
  EXPECT_EQ(run({"rollout", "watch", id}).status, 0);
  EXPECT_EQ(run({"rollout", "watch", "nothing"}).status, k_exit_error);
}

TEST_F(Cli, ShowsThePlanOfAChangeUnderWayFirst) {
  deploy();
  port().set(World{.looks = -1});
  ASSERT_EQ(run({"service", "update", "speech", "--model", "vad:0.0.2"}).status, 0);
  const Ran shown = run({"rollout", "show", "speech"});
  EXPECT_LT(shown.out.find("update of revision 1 to 2\n"),
            shown.out.find("update of revision 1 to 2: starting\n"))
      << shown.out;
  EXPECT_TRUE(has(shown.out, "vad 0.0.1 → vad 0.0.2")) << shown.out;
  EXPECT_TRUE(has(shown.out, "requests are counted at the end")) << shown.out;
  EXPECT_TRUE(has(shown.out, "\nnow starting")) << shown.out;
}

TEST_F(Cli, CallsErrorsWhatTheContractCounts) {
  deploy();
  port().set(World{.calls = {.invocations = 2000, .failures = 554}});
  EXPECT_TRUE(has(run({"service", "list"}).out, "ERRORS"));
  EXPECT_TRUE(has(run({"service", "show", "speech"}).out,
                  "2,000, 554 of them errors: answered 5xx, cut or not answered"));
}

TEST_F(Cli, ShowsInstancesAndTheirOutput) {
  deploy();
  control::InstanceStatus instance;
  instance.instance.id = model::InstanceId("i-1");
  instance.state = "routed";
  instance.in_flight = 1234;
  port().set(World{.instances = {instance}, .logs = {{"i-1", "listening\n"}}});
  EXPECT_TRUE(has(run({"service", "instances", "speech"}).out, "1,234"));
  EXPECT_EQ(run({"service", "instance-log", "speech", "i-1"}).out, "listening\n");
}

TEST_F(Cli, TakesABodyFromAFile) {
  deploy();
  const auto file = state() / "body.json";
  ASSERT_TRUE(write_file_atomically(file, R"({"priority":3,"description":"from a file"})"));
  const Ran ran = run({"service", "create", "other", "--model", "vad", "--file", file.string()});
  ASSERT_EQ(ran.status, 0) << ran.err;
  const json::object shown = run({"--json", "service", "show", "other"}).as_json();
  EXPECT_EQ(shown.at("priority"), 3);
  EXPECT_EQ(text(shown, "description"), "from a file");
}

TEST_F(Cli, CallsAServiceThroughItsAddress) {
  deploy();
  auto model = net::HttpServer::start({.listen = {Address{"127.0.0.1", 0, ""}}},
                                      [](const net::HttpRequest& request, const net::HttpPeer&) {
                                        net::HttpResponse response;
                                        const bool known =
                                            request.headers.get("X-Auth-Token") == testing::k_token;
                                        response.status = known ? 200 : 401;
                                        response.body = request.method + " " + request.body;
                                        if (!request.target.ends_with("/v2/health"))
                                          response.status = 404;
                                        return response;
                                      });
  ASSERT_TRUE(model) << model.error().text();
  port().set(World{.gateway = "http://" + to_text((*model)->addresses()[0])});
  EXPECT_EQ(run({"predict", "speech", "--path", "v2/health"}).out, "GET \n");
  EXPECT_EQ(run({"predict", "speech", "--path", "/v2/health", "-d", "[1]"}).out, "POST [1]\n");
  EXPECT_EQ(run({"predict", "speech", "--path", "/v2/health", "-d", "-"}).out, "POST {}\n");
  const Ran missing = run({"predict", "speech"});
  EXPECT_EQ(missing.status, k_exit_error);
  EXPECT_TRUE(has(missing.err, "HTTP 404")) << missing.err;
}

TEST_F(Cli, WorksOverTcpWithTheTokensFile) {
  const std::string url = "http://" + to_text(tcp_address());
  const std::string file = (state() / "token").string();
  EXPECT_EQ(run_bare({"service", "list", "--url", url, "--token-file", file}).status, 0);
  const Ran ran = run_bare({"service", "list", "--url", url, "--token-file", "/nowhere"});
  EXPECT_EQ(ran.status, k_exit_error);
  EXPECT_TRUE(has(ran.err, "--token-file")) << ran.err;
}

TEST_F(Cli, ListsTheInstancesThatCount) {
  deploy();
  const auto instance = [](const char* id, model::Stage stage, const std::string& rollout) {
    control::InstanceStatus status;
    status.instance.id = model::InstanceId(id);
    status.instance.stage = stage;
    status.instance.rollout = model::RolloutId(rollout);
    status.state = stage == model::Stage::gone ? "gone" : "routed";
    return status;
  };
  const std::string newest =
      text(run({"--json", "rollout", "show", "speech"}).as_json(), "rollout_id");
  port().set(World{.instances = {instance("i-old", model::Stage::gone, "earlier"),
                                 instance("i-here", model::Stage::ready, "earlier"),
                                 instance("i-fell", model::Stage::gone, newest)}});
  const Ran usual = run({"service", "instances", "speech"});
  EXPECT_TRUE(has(usual.out, "i-here") && has(usual.out, "i-fell")) << usual.out;
  EXPECT_FALSE(has(usual.out, "i-old")) << usual.out;
  EXPECT_TRUE(has(usual.out, "1 of earlier changes is gone: --all lists them too")) << usual.out;
  const Ran all = run({"service", "instances", "speech", "--all"});
  EXPECT_TRUE(has(all.out, "i-old")) << all.out;
  EXPECT_FALSE(has(all.out, "--all")) << all.out;
}

TEST_F(Cli, PrintsAJournal) {
  deploy();
  const Ran none = run({"rollout", "show", "speech", "--journal"});
  EXPECT_EQ(none.status, 1);
  EXPECT_TRUE(has(none.err, "has no journal")) << none.err;
  const model::Service service = store().find_service_by_name("speech").value();
  store::DecisionRecord record;
  record.journal = store::JournalRow{.rollout = store().newest_rollout(service.id).value()->id,
                                     .at = from_millis(1),
                                     .view = "{}",
                                     .decision = "{}"};
  ASSERT_TRUE(store().record(record));
  const Ran ran = run({"rollout", "show", "speech", "--journal"});
  EXPECT_EQ(ran.status, 0) << ran.err;
  EXPECT_TRUE(has(ran.out, "\"plan\":")) << ran.out;
}

}  // namespace
}  // namespace hitless::cli
