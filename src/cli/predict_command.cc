// hitless predict
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <istream>
#include <iterator>
#include <ostream>

#include "base/file.h"
#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/render_report.h"

namespace hitless::cli {
namespace {

constexpr std::size_t k_body_bytes_max = 12 * 1024 * 1024;  // what the gateway takes by default

struct Options {
  std::string service;
  std::string data;
  std::string path;
  std::string method;
};

// As curl reads it: the text itself, @file, or - for standard input.
Result<std::string> read_data(const Io& io, const std::string& data) {
  if (data.starts_with('@')) return read_file(data.substr(1), k_body_bytes_max);
  if (data != "-") return data;
  return std::string(std::istreambuf_iterator<char>(io.in), {});
}

Result<int> predict(Session& session, const Options& options) {
  HL_TRY_ASSIGN(const json::object service, find_service(session, options.service));
  std::string url = text_or_empty(service, "access_address");
  if (url.empty()) {
    return Error(Code::invalid,
                 "no gateway is attached, so the service has no address yet: "
                 "`hitless service show` tells when it has");
  }
  if (!options.path.empty() && !options.path.starts_with('/')) url += '/';
  url += options.path;
  net::HttpRequest request;
  request.method = options.method;
  if (request.method.empty()) request.method = options.data.empty() ? "GET" : "POST";
  HL_TRY_ASSIGN(request.body, read_data(session.io, options.data));
  if (!request.body.empty()) request.headers.add("Content-Type", "application/json");
  HL_TRY_ASSIGN(const net::HttpResponse response, session.api.predict(url, std::move(request)));
  session.io.out << response.body;
  if (!response.body.ends_with('\n')) session.io.out << "\n";
  if (response.status / 100 == 2) return k_exit_ok;
  session.io.err << "hitless: HTTP " << response.status << " from " << url << "\n";
  return k_exit_error;
}

}  // namespace

void add_predict_command(CLI::App& app, Command& chosen) {
  auto options = std::make_shared<Options>();
  CLI::App* command = app.add_subcommand("predict", "Call a service");
  command->group("Models and services");
  command->add_option("SERVICE", options->service, "Name or id")->required();
  command->add_option("-d,--data", options->data, "JSON text, @FILE, or - for standard input");
  command->add_option("--path", options->path, "Behind the service's address");
  command->add_option("-X,--method", options->method, "POST with data, else GET");
  command->footer("Example: hitless predict speech --path /v2/models/vad/infer -d @input.json");
  command->callback([options, &chosen] {
    chosen = [options](Session& session) { return predict(session, *options); };
  });
}

}  // namespace hitless::cli
