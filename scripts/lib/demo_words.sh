# Sourced by scripts/demo: what it says, and how it looks.
# shellcheck shell=bash disable=SC2034  # what is set here is used by the others

bold="" dim="" green="" red="" plain="" live=""
if [ -t 1 ]; then
  live=1
  if [ -z "${NO_COLOR:-}" ]; then
    bold=$'\e[1m' dim=$'\e[2m' green=$'\e[32m' red=$'\e[31m' plain=$'\e[0m'
  fi
fi

die() {
  end_progress
  reason=$*
  echo "${red}demo: $*${plain}" >&2
  exit 1
}

title() {
  printf '\n%s%s%s\n' "$bold" "$*" "$plain"
}

# step WHAT RESULT: one thing done.
step() {
  printf '  %s✓%s %-26s %s\n' "$green" "$plain" "$1" "$2"
}

# expect WHAT IS WANTED: ends the demo when they differ.
expect() {
  [ "$2" = "$3" ] || die "$1: expected [$3], found [$2]"
}

# progress WHAT SECONDS: waits, with a bar on a terminal.
progress() {
  local what=$1 tenths=$(($2 * 10)) at
  if [ -z "$live" ]; then
    echo "  $what: $2 s"
    sleep "$2"
    return
  fi
  for ((at = 0; at < tenths; ++at)); do
    local done_marks=$((at * 30 / tenths)) bar
    printf -v bar '%*s' "$done_marks" ''
    printf -v bar '%-30s' "${bar// /#}"
    printf '\r  %s [%s] %3d %%' "$what" "${bar// /.}" $((at * 100 / tenths))
    sleep 0.1
  done
  end_progress
}

end_progress() {
  if [ -n "$live" ]; then printf '\r\e[K'; fi
}
