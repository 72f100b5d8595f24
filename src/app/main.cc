// The one binary: every part of hitless is a subcommand.
#include "app/commands.h"
#include "cli/cli.h"

int main(int argc, char** argv) {
  return hitless::cli::run_cli(argc, argv, hitless::app::app_hooks());
}
