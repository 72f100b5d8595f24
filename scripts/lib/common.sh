# Sourced by ./dev: words for the terminal, the compiler cache, building a preset.
# shellcheck shell=bash disable=SC2154  # root and HITLESS_CACHE are set by ./dev

die() {
  echo "dev: $*" >&2
  exit 1
}

title() {
  printf '\n== %s\n' "$*"
}

# One cache for every clone of this user: paths inside a clone do not count.
use_ccache() {
  export CCACHE_DIR=$HITLESS_CACHE/ccache
  export CCACHE_BASEDIR=$root
  export CCACHE_NOHASHDIR=1
  export CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime,include_file_ctime
  export CCACHE_MAXSIZE=5G
}

# build PRESET [TARGETS...]: configures and builds, all targets unless some are named.
build() {
  local preset=$1
  shift
  local targets=()
  [ $# -eq 0 ] || targets=(--target "$@")
  quietly "configure-$preset" cmake --preset "$preset"
  showing_progress "build-$preset" cmake --build "build/$preset" --parallel "$(nproc)" "${targets[@]}"
}

# quietly NAME COMMAND...: the output goes to build/logs/NAME.log and is shown when COMMAND fails.
quietly() {
  local log=build/logs/$1.log
  shift
  mkdir -p build/logs
  "$@" >"$log" 2>&1 && return
  show_failure "$log" "$@"
}

show_failure() {
  local log=$1
  shift
  cat "$log"
  echo "failed: $* (log: $log)"
  return 1
}

# On a terminal the same as the command itself; elsewhere ninja's lines would bury everything, so
# one each quarter of a minute says how far it is.
showing_progress() {
  local name=$1 log=build/logs/$1.log began=$SECONDS
  shift
  if [ -t 1 ]; then
    "$@" || return 1
  else
    mkdir -p build/logs
    "$@" 2>&1 | one_line_now_and_then "$log" || show_failure "$log" "$@" || return 1
  fi
  echo "$name: $((SECONDS - began)) s"
}

one_line_now_and_then() {
  local line told=$SECONDS
  while IFS= read -r line; do
    printf '%s\n' "$line"
    [[ $line == \[*/*\]* && $((SECONDS - told)) -ge 15 ]] || continue
    told=$SECONDS
    printf '  %s\n' "$line" >&3
  done 3>&1 >"$1"
}
