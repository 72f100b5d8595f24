#include "cli/completion.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>

namespace hitless::cli {
namespace {

std::string joined(const std::vector<std::string>& words) {
  std::string out;
  for (const std::string& word : words) out.append(out.empty() ? "" : " ").append(word);
  return out;
}

// A shell's case over the commands typed so far, without options and their values.
std::string cases(const std::vector<CompletionRow>& rows, std::string_view line) {
  std::string out;
  for (const CompletionRow& row : rows) {
    out += fmt::format("    \"{}\") {} ;;\n", row.path,
                       fmt::format(fmt::runtime(line), joined(row.words)));
  }
  return out;
}

std::string bash_script(const std::vector<CompletionRow>& rows) {
  return "_hitless() {\n"
         "  local current=${COMP_WORDS[COMP_CWORD]} path= words= word\n"
         "  for word in \"${COMP_WORDS[@]:1:COMP_CWORD-1}\"; do\n"
         "    case $word in -*) break ;; esac\n"
         "    [ \"${#path}\" -eq 0 ] && path=$word || path=\"$path $word\"\n"
         "  done\n"
         "  set -- $path\n"
         "  path=\"$1${2:+ $2}\"\n"
         "  case $path in\n" +
         cases(rows, "words=\"{}\"") +
         "  esac\n"
         "  if [ -n \"$words\" ]; then\n"
         "    COMPREPLY=($(compgen -W \"$words\" -- \"$current\"))\n"
         "  else\n"
         "    COMPREPLY=($(compgen -f -- \"$current\"))\n"
         "  fi\n"
         "}\n"
         "complete -o default -F _hitless hitless\n";
}

std::string zsh_script(const std::vector<CompletionRow>& rows) {
  return "#compdef hitless\n"
         "_hitless() {\n"
         "  local path=\"${(j: :)${(@)words[2,CURRENT-1]:#-*}[1,2]}\"\n"
         "  local -a choices\n"
         "  case $path in\n" +
         cases(rows, "choices=({})") +
         "    *) _files; return ;;\n"
         "  esac\n"
         "  compadd -- $choices\n"
         "}\n"
         "compdef _hitless hitless\n";
}

std::string fish_script(const std::vector<CompletionRow>& rows) {
  std::string out =
      "function __hitless_at\n"
      "  set -l typed (string match -v -- '-*' (commandline -opc)[2..3])\n"
      "  test \"$typed\" = \"$argv\"\n"
      "end\n";
  for (const CompletionRow& row : rows) {
    out += fmt::format("complete -c hitless -n '__hitless_at {}' -a '{}'\n", row.path,
                       joined(row.words));
  }
  return out;
}

}  // namespace

void collect_completions(const CLI::App& app, const std::string& path,
                         std::vector<CompletionRow>& rows) {
  CompletionRow row{path, {}};
  for (const CLI::App* sub : app.get_subcommands([](const CLI::App*) { return true; })) {
    if (sub->get_group().empty()) continue;  // hidden
    row.words.push_back(sub->get_name());
    collect_completions(*sub, path.empty() ? sub->get_name() : path + " " + sub->get_name(), rows);
  }
  for (const CLI::Option* option : app.get_options()) {
    if (option->get_group().empty()) continue;
    for (const std::string& name : option->get_lnames()) row.words.push_back("--" + name);
  }
  rows.push_back(std::move(row));
}

Result<std::string> completion_script(std::string_view shell,
                                      const std::vector<CompletionRow>& rows) {
  if (shell == "bash") return bash_script(rows);
  if (shell == "zsh") return zsh_script(rows);
  if (shell == "fish") return fish_script(rows);
  return Error(Code::invalid, fmt::format("{} is none of bash, zsh, fish", shell));
}

}  // namespace hitless::cli
