# Sourced by scripts/demo: load, a change under it, and whether all counts agree.
# shellcheck shell=bash disable=SC2154  # set by scripts/demo

load_pid=""
sent=0  # requests of all our clients so far

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
  local name=$1 wanted=$2 status=0
  shift 2
  begin_load
  progress "load: 8 streams" "$seconds"
  kill -0 "$load_pid" 2>/dev/null || die "the load ended by itself: $(cat "$home/load.err")"
  hitless "$@" || status=$?
  end_load || die "the client counted failed requests: $(cat "$home/load.err" "$home/load.json")"
  expect "exit status of the change" "$status" "$wanted"
  compare_counts "$name" "$status"
}

# count_sent FILE: what a client says it sent.
count_sent() {
  sent=$((sent + $(jq .requests "$1")))
}

# All that was sent and all that hitless counted must be the same number; totals are written every
# few seconds.
compare_counts() {
  local name=$1 status=$2 seen tries
  count_sent "$home/load.json"
  for ((tries = 0; tries < 50; ++tries)); do
    seen=$(counted)
    [ "$seen" -ne "$sent" ] || break
    sleep 0.2
  done
  expect "requests that hitless has counted, of $sent sent" "$seen" "$sent"
  quiet --json rollout show speech >"$home/rollout.json"
  expect "failed requests in hitless's report" "$(jq '[.report | .before, .during, .after |
    .failed + .cut] | add' "$home/rollout.json")" 0
  jq -n --slurpfile client "$home/load.json" --slurpfile rollout "$home/rollout.json" \
    --argjson sent "$sent" --argjson counted "$seen" --argjson status "$status" \
    '{exit_status: $status, sent_so_far: $sent, counted_so_far: $counted, client: $client[0], hitless: $rollout[0]}' \
    >"$home/$name.json"
  step "the client's own count" "$(jq -r '"\(.requests) requests, \(.failed) failed; revisions " +
    ([.revisions | to_entries[] | "\(.key): \(.value)"] | join(", "))' "$home/load.json")"
  step "hitless counted the same" "$seen requests since the start, none failed"
}
