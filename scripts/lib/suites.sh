# Sourced by ./dev: the test suites, and the count of what passed and failed.
# shellcheck shell=bash

# A suite is a function that runs tests and calls count_* for each result.
passed=0
failed=0
suite_passed=0
suite_failed=0
summary=()

count() {
  suite_passed=$((suite_passed + $1))
  suite_failed=$((suite_failed + $2))
}

# check NAME COMMAND...: one test that is a command.
check() {
  local name=$1
  shift
  if quietly "check-$name" "$@"; then
    echo "passed: $name"
    count 1 0
  else
    count 0 1
  fi
}

# suite NAME FUNCTION [ARGUMENTS...]
suite() {
  local name=$1 began=$SECONDS
  shift
  title "$name"
  suite_passed=0 suite_failed=0
  "$@"
  passed=$((passed + suite_passed))
  failed=$((failed + suite_failed))
  summary+=("$(printf '%-42s %5d passed %5d failed %6d s' "$name" "$suite_passed" "$suite_failed" \
    $((SECONDS - began)))")
}

# run_suites FILTER: all of them, or what FILTER picks out of the dev build.  The last line is the
# total.
run_suites() {
  local filter=$1
  if [ -n "$filter" ]; then
    suite "tests '$filter'" suite_of_preset dev all "$filter"
    [ $((suite_passed + suite_failed)) -gt 0 ] || die "no test matches '$filter'"
  else
    suite "house rules of scripts and format" suite_house
    suite "all tests (g++, invariants checked)" suite_of_preset dev all ""
    suite "the demo, in short" suite_demo
    suite "unit tests (clang++, ASan and UBSan)" suite_of_preset asan unit_tests ""
    suite "fuzzing (clang++, ASan and UBSan)" suite_fuzzing
    suite "unit tests (g++, TSan)" suite_of_preset tsan unit_tests ""
    if [ -n "${HITLESS_LONG:-}" ]; then suite "clang-tidy" suite_clang_tidy; fi
  fi
  title "summary"
  printf '%s\n' "${summary[@]}"
  echo "$passed passed, $failed failed"
  [ "$failed" -eq 0 ]
}

suite_house() {
  check format format_sources --check
  check shellcheck check_scripts
}

suite_demo() {
  check demo demo_in_short
}

# The release build's, as users have it: unattended, with little load, and what it reports is looked
# at.
demo_in_short() {
  local report=build/logs/demo.json
  rm -f "$report"
  build release && HITLESS_DEMO_SECONDS=2 scripts/demo --once --json "$report" &&
    jq -e '.passed and .upgrade.exit_status == 0 and .broken.exit_status == 3
      and all(.upgrade, .broken; .client.requests > 0 and .client.failed == 0
        and .counted_so_far == .sent_so_far and .hitless.report.after.requests > 0)
      and .upgrade.hitless.phase == "succeeded" and .broken.hitless.phase == "rolled_back"
      and (.upgrade.client.revisions | keys) == ["1", "2"]
      and (.broken.client.revisions | keys) == ["2"]' "$report"
}

# A minute for each program, half an hour in the long form; as many side by side as there are cores.
suite_fuzzing() {
  if ! build asan fuzzers; then
    count 0 1
    return
  fi
  local seconds=60 said
  if [ -n "${HITLESS_LONG:-}" ]; then seconds=1800; fi
  said=$(tests/fuzz/run "$seconds") || true
  echo "$said"
  count "$(grep -c '^passed: ' <<<"$said" || true)" "$(grep -c '^FAILED: ' <<<"$said" || true)"
  if ! grep -qE '^(passed|FAILED): ' <<<"$said"; then count 0 1; fi
}

suite_clang_tidy() {
  check clang-tidy tidy_everything
}

tidy_everything() {
  build clang-dev hitless_pch && tidy_sources --all
}

# suite_of_preset PRESET TARGET FILTER: builds TARGET and runs its tests with ctest.
suite_of_preset() {
  local preset=$1 target=$2 filter=$3
  if ! build "$preset" "$target"; then
    count 0 1
    return
  fi
  rm -rf "build/$preset/results"
  local options=(--test-dir "build/$preset" --parallel "$(nproc)" --no-tests=error
    --output-junit results/ctest.junit)
  [ "$target" = all ] || options+=(--label-regex '^unit$')
  [ -z "${HITLESS_TEST_REPEAT:-}" ] || options+=(--repeat "until-fail:$HITLESS_TEST_REPEAT")
  case $filter in
    '') ;;
    *.*) export GTEST_FILTER=$filter ;;
    *) options+=(--tests-regex "$filter") ;;
  esac
  local status=0
  run_sanitized "$preset" ctest "${options[@]}" || status=$?
  if [ "$status" -ne 0 ]; then show_failed_cases "build/$preset/Testing/Temporary/LastTest.log"; fi
  count_results "build/$preset/results" "$status"
}

# show_failed_cases LOG: what the failed cases said, of all that ctest's log holds; of a program that
# failed without one its last lines.
show_failed_cases() {
  title "what failed (all that was said: $1)"
  awk -v most=400 '
    function show(what, first) {
      print "-- " what " of " program
      for (i = (lines - first > 0 ? lines - first : 0); i < lines; i++) print text[i]
    }
    / Testing: / { program = $NF; lines = told = passed = 0 }
    /^\[ RUN      \] / { lines = 0 }
    { text[lines++] = $0 }
    /^\[  FAILED  \] .*\([0-9]+ ms\)$/ { show("a case", most); told = 1; lines = 0 }
    /^Test Passed\./ { passed = 1 }
    /^".*" end time: / { if (!passed && !told) show("the end", 80) }
  ' "$1"
}

# What a sanitizer needs around it: TSan of GCC 12 knows the address layouts of up to 28 random
# bits only, and reports nothing but that on kernels with more.
run_sanitized() {
  local preset=$1
  shift
  export ASAN_OPTIONS=detect_stack_use_after_return=1:strict_string_checks=1
  export UBSAN_OPTIONS=print_stacktrace=1
  export TSAN_OPTIONS=halt_on_error=1:second_deadlock_stack=1
  if [ "$preset" = tsan ] && [ "$(cat /proc/sys/vm/mmap_rnd_bits 2>/dev/null || echo 0)" -gt 28 ]; then
    set -- setarch --addr-no-randomize "$@"
  fi
  "$@"
}

# count_results FOLDER CTEST_STATUS: adds up ctest's record and the GoogleTest cases behind it.  A
# program that failed without a failed case (it crashed, or a sanitizer spoke at its end) is one
# failure; so is a ctest that failed without naming a test.
count_results() {
  local folder=$1 ctest_status=$2 name state cases failures skipped before=$suite_failed
  if [ -f "$folder/ctest.junit" ]; then
    while read -r name state; do
      read -r cases failures skipped < <(count_cases "$folder/$name.xml")
      case $state in
        run) [ "$failures" -gt 0 ] || [ "$cases" -gt 0 ] || [ -f "$folder/$name.xml" ] || cases=1 ;;
        disabled) continue ;;
        *) [ "$failures" -gt 0 ] || failures=1 ;;
      esac
      [ "$skipped" -eq 0 ] || echo "$name: $skipped skipped"
      count $((cases > failures + skipped ? cases - failures - skipped : 0)) "$failures"
    done < <(sed -nE 's/.*<testcase name="([^"]*)".* status="([^"]*)".*/\1 \2/p' "$folder/ctest.junit")
  fi
  if [ "$ctest_status" -ne 0 ] && [ "$suite_failed" -eq "$before" ]; then count 0 1; fi
}

# Cases, failures and skipped (or disabled) ones of a GoogleTest result file; zeros without one.
count_cases() {
  [ -f "$1" ] || { echo 0 0 0; return; }
  local cases failures skipped
  cases=$(grep -cE '<testcase .*status="run"' "$1" || true)
  failures=$(sed -nE 's/.*<testsuites [^>]*failures="([0-9]+)".*/\1/p' "$1")
  skipped=$(grep -cE '<testcase .*status="run" result="skipped"' "$1" || true)
  echo "$cases ${failures:-0} $skipped"
}
