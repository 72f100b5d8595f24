# Sourced by scripts/demo: the hitless of the demo, from its start to its end.
# shellcheck shell=bash disable=SC2154  # bin, state, home and root are set by scripts/demo

# Where the demo that stays keeps everything.
lasting_state() {
  if [ "$(id -u)" -eq 0 ]; then
    echo /var/lib/hitless-demo
  else
    echo "${XDG_STATE_HOME:-$HOME/.local/state}/hitless-demo"
  fi
}

# hitless ARGUMENTS...: the command line, shown and run.
hitless() {
  local shown=() word
  for word in "$@"; do shown+=("${word/#"$home"\/packages\//}"); done
  printf '%s$ hitless %s%s\n' "$dim" "${shown[*]}" "$plain"
  quiet "$@"
}

quiet() {
  "$bin/hitless" --state "$state" "$@"
}

is_port_free() {
  ! (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null
}

# free_port DEFAULT: that one, or the first free one well above.
free_port() {
  local port
  for port in "$1" $(seq $(($1 + 10000)) 10 $(($1 + 11000))); do
    if is_port_free "$port"; then
      echo "$port"
      return
    fi
  done
  die "no free port found for hitless to listen on (tried $1 and $(($1 + 10000)) to $(($1 + 11000)))"
}

start_hitless() {
  local api gateway
  api=$(free_port 7070)
  gateway=$(free_port 7080)
  # In a session of its own: a Ctrl-C in this terminal is for the demo, which ends it in order.
  setsid "$bin/hitless" serve --state "$state" --listen "127.0.0.1:$api" \
    --gateway-listen "127.0.0.1:$gateway" --log-file "$state/serve.log" \
    </dev/null >"$home/serve.out" 2>&1 &
  local pid=$! tries
  disown "$pid"
  for ((tries = 0; tries < 200; ++tries)); do
    if quiet model list >/dev/null 2>&1; then
      step "hitless serves" "API 127.0.0.1:$api, gateway 127.0.0.1:$gateway, state $state"
      return
    fi
    kill -0 "$pid" 2>/dev/null || break
    sleep 0.1
  done
  die "hitless serve did not start: $(tail -n 5 "$home/serve.out" "$state/serve.log" 2>&1)"
}

stop_hitless() {
  [ -d "$state" ] || return 0
  "$bin/hitless" down --state "$state" && return 0  # in a trap, a bare return is no success
  echo "demo: not everything has stopped; again: $bin/hitless down --state $state" >&2
  return 1
}

stop_lasting() {
  state=$(lasting_state)
  if [ ! -d "$state" ]; then
    echo "no demo is there to stop"
    return
  fi
  stop_hitless
  forget_state
  echo "stopped, and its state forgotten"
}

# Packages are read-only, for their owner too.
forget_state() {
  chmod -R u+w "${state:?}"
  rm -rf "${state:?}"
}

# The processes that were started for this state and are still there.
left_running() {
  local process
  for process in /proc/[0-9]*; do
    if { tr '\0' ' ' <"$process/cmdline"; readlink "$process/cwd"; } 2>/dev/null |
      grep -qF -- "$state"; then
      echo "${process#/proc/}"
    fi
  done
}
