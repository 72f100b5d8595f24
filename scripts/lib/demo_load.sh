# Sourced by scripts/demo: load, a change under it, and whether all counts agree.
# shellcheck shell=bash disable=SC2154  # set by scripts/demo

load_pid=""

vad_client() {
  "$bin/vad-client" --url "$url" --token-file "$state/token" "$@"
}

# 8 streams, each at most 125 windows a second: 30 people speaking, say.
begin_load() {
  # No function here: the signal that ends it must reach the client and not a shell around it.
  "$bin/vad-client" --url "$url" --token-file "$state/token" --streams 8 --interval-ms 8 \
    --until-stopped --json "${spoken[@]}" >"$home/load.json" 2>"$home/load.err" </dev/null &
  load_pid=$!
}

# Its own status: 1 when a request failed.
end_load() {
  [ -n "$load_pid" ] || return 0
  local pid=$load_pid
  load_pid=""
  kill -TERM "$pid" 2>/dev/null || true
  wait "$pid"
}

# The requests that hitless has counted for the service.
counted() {
  quiet --json service show speech | jq .invocation_times
}

# under_load NAME STATUS ARGUMENTS...: the command ends with STATUS while no request fails.
under_load() {
  local name=$1 wanted=$2 before status=0
  shift 2
  before=$(counted)
  begin_load
  progress "load: 8 streams" "$seconds"
  kill -0 "$load_pid" 2>/dev/null || die "the load ended by itself: $(cat "$home/load.err")"
  hitless "$@" || status=$?
  end_load || die "the client counted failed requests: $(cat "$home/load.err" "$home/load.json")"
  expect "exit status of the change" "$status" "$wanted"
  compare_counts "$name" "$before" "$status"
}

# The client's count and hitless's must be the same; totals come once a second.
compare_counts() {
  local name=$1 before=$2 status=$3 sent seen tries
  sent=$(jq .requests "$home/load.json")
  for ((tries = 0; tries < 50; ++tries)); do
    seen=$(($(counted) - before))
    [ "$seen" -ne "$sent" ] || break
    sleep 0.2
  done
  expect "requests that hitless counted, of the client's $sent" "$seen" "$sent"
  quiet --json rollout show speech >"$home/rollout.json"
  expect "failed requests in hitless's report" "$(jq '[.report | .before, .during, .after |
    .failed + .cut] | add' "$home/rollout.json")" 0
  jq -n --slurpfile client "$home/load.json" --slurpfile rollout "$home/rollout.json" \
    --argjson counted "$seen" --argjson status "$status" \
    '{exit_status: $status, counted: $counted, client: $client[0], hitless: $rollout[0]}' \
    >"$home/$name.json"
  step "the client's own count" "$(jq -r '"\(.requests) requests, \(.failed) failed; revisions " +
    ([.revisions | to_entries[] | "\(.key): \(.value)"] | join(", "))' "$home/load.json")"
  step "hitless counted" "$seen requests, 0 failed"
}
