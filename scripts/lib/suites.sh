# shellcheck shell=bash
# The suites of scripts/test; to be sourced at the top of the checkout.  A suite is a function suite_NAME that prints what it does
# and ends with a line "N passed, N failed, N skipped"; whatever it leaves out of that line is made good by its exit status.

# shellcheck disable=SC2154 # tree and build_dir come from build.sh
suites_all=(lint unit abi kit stress connectors scenario notify kill chaos conformance sanitize bench)
declare -A suites_about=(
  [lint]="rules about the sources"
  [unit]="every module by itself (Criterion)"
  [abi]="the binary interface did not change"
  [kit]="examples, skeletons, and the check that every connector must pass"
  [stress]="threads, under ThreadSanitizer"
  [connectors]="every connector against its server"
  [scenario]="whole runs, told as stories"
  [notify]="notifications to a mail server, a web server and commands"
  [kill]="killed and cut off at every step, then run again"
  [chaos]="hosts killed, frozen and reloaded by chance, with their servers and disks"
  [conformance]="the SQL Server stand-in against clients of others"
  [bench]="the benchmark moves its rows and verifies them; no time is judged"
  [sanitize]="unit, connectors, kit, scenarios and notifications under AddressSanitizer and UBSan"
)

suites_known() { [ -n "${suites_about[$1]:-}" ]; }
suites_list() {
  local s
  for s in "${suites_all[@]}"; do printf '  %-12s %s\n' "$s" "${suites_about[$s]}"; done
}

# meson_suite TREE SUITE: runs a suite of meson's and counts the cases inside its programs.
meson_suite() {
  local tree=$1 suite=$2 status=0
  rm -f "$tree/meson-logs/$suite.json"
  meson test -C "$tree" --no-rebuild --suite "$suite" --logbase "$suite" --print-errorlogs --quiet || status=$?
  /usr/bin/python3 scripts/lib/meson-counts.py "$tree/meson-logs/$suite.json" && return "$status"
}

suite_lint() { build_tree plain && tests/lint/run "$tree"; }
suite_unit() { build_tree plain && meson_suite "$tree" unit; }
suite_abi() { build_tree plain && meson_suite "$tree" abi; }
suite_kit() { build_tree plain && meson_suite "$tree" kit; }
suite_connectors() { build_tree plain && meson_suite "$tree" connectors; }
suite_scenario() { build_tree plain && tests/scenario/run --build "$tree" -j "$(nproc)"; }
suite_notify() { build_tree plain && tests/notify/run --build "$tree"; }
suite_kill() { build_tree plain && tests/kill/run --build "$tree"; }
suite_chaos() { build_tree plain && tests/chaos/run --build "$tree"; }
suite_conformance() { tests/conformance/run; }
suite_bench() {
  scripts/bench --quick -o json one_shard_1m nothing_new postgres_1m csv_1m |
    /usr/bin/python3 -c 'import json, sys; n = {f["metric"] for f in json.load(sys.stdin)}
print(", ".join(sorted(n))); assert {"wall_ratio", "cpu_ratio", "peak_rss_mib", "no_new_run_ms"} <= n' || return
  echo "1 passed, 0 failed, 0 skipped"
}
suite_stress() {
  build_tree tsan || return
  TSAN_OPTIONS="halt_on_error=1 second_deadlock_stack=1" meson_suite "$tree" stress
}
# Reports of the sanitizers go to files: a leak found at the end of a Criterion test would otherwise pass unseen.  Crashes on purpose
# are part of the tests, so signals are left to them.
suite_sanitize() {
  build_tree asan || return
  local logs=$PWD/$tree/sanitizer-logs status=0 line counts=() passed=0 failed=0 skipped=0 file
  rm -rf "$logs"
  mkdir -p "$logs"
  chmod 1777 "$logs" # servers run as other users load nothing of ours, but their clients may
  export ASAN_OPTIONS="log_path=$logs/asan:detect_leaks=1:handle_segv=0:handle_sigbus=0:handle_sigfpe=0:handle_abort=0:handle_sigill=0:strict_string_checks=1"
  export UBSAN_OPTIONS="print_stacktrace=1:halt_on_error=1" # these go to stderr, and end the test
  for part in unit connectors kit scenarios notify; do
    case $part in
    notify) file=$(tests/notify/run --build "$tree" 2>&1) || status=$? ;;
    scenarios) file=$(tests/scenario/run --build "$tree" -j "$(nproc)" --tag sanitize --deadline-factor 4 2>&1) || status=$? ;;
    *) file=$(meson_suite "$tree" "$part" 2>&1) || status=$? ;;
    esac
    printf '%s\n' "$file"
    line=$(counts_line <<<"$file")
    read -ra counts <<<"${line:-0 1 0}"
    passed=$((passed + counts[0])) failed=$((failed + counts[1])) skipped=$((skipped + counts[2]))
  done
  for file in "$logs"/*; do
    [ -e "$file" ] || continue
    # LeakSanitizer says so, and goes on, when a thread ends while it looks at it: no finding
    grep -qvE '^==[0-9]+==Unable to get registers from thread [0-9]+\.$' "$file" || continue
    printf -- '---- %s\n' "${file##*/}"
    head -60 "$file"
    failed=$((failed + 1))
  done
  printf '%d passed, %d failed, %d skipped\n' "$passed" "$failed" "$skipped"
  [ "$failed" = 0 ] && return "$status"
}

# counts_line: the last "N passed, N failed[, N skipped]" of stdin as "N N N"; nothing if there is none.
counts_line() {
  sed -nE 's/^([0-9]+) passed, ([0-9]+) failed(, ([0-9]+) skipped)?$/\1 \2 0\4/p' | tail -n 1 | awk '{ print $1 + 0, $2 + 0, $3 + 0 }'
}

# suite_run NAME: runs it and sets suite_passed, suite_failed, suite_skipped.  Never fails itself.
suite_run() {
  local name=$1 log status=0 counts left
  log=$(logs_dir)/$name.log
  ( set -e; "suite_$name" ) 2>&1 | tee "$log" || status=${PIPESTATUS[0]}
  read -ra counts <<<"$(counts_line <"$log")" || true
  suite_passed=${counts[0]:-0} suite_failed=${counts[1]:-0} suite_skipped=${counts[2]:-0}
  if [ "$suite_failed" = 0 ] && { [ "$status" != 0 ] || [ $((suite_passed + suite_skipped)) = 0 ]; }; then
    printf 'suite %s ended with status %d and %s\n' "$name" "$status" "${counts[*]:-no counts}"
    suite_failed=1
  fi
  left=$(left_behind)
  if [ -n "$left" ]; then
    printf 'suite %s left processes behind:\n%s\n' "$name" "$left"
    suite_failed=$((suite_failed + 1))
  fi
}

# left_behind: ends what a suite started and that still runs, and names it.  This shell adopts what has lost its parent, so it is all below it.
left_behind() {
  local pid line
  for pid in $(descendants $$); do
    line=$(tr '\0' ' ' 2>/dev/null <"/proc/$pid/cmdline") || continue
    [ "$pid" = "$BASHPID" ] || [ -z "$line" ] || printf '%s %s\n' "$pid" "$line"
    [ "$pid" = "$BASHPID" ] || kill -KILL "$pid" || true
  done 2>/dev/null
}

# descendants PID: the processes below it, but not who asks.
descendants() {
  local child children
  children=$(cat "/proc/$1/task/"*/children 2>/dev/null) || true
  for child in $children; do
    [ "$child" = "$BASHPID" ] || { printf '%s\n' "$child"; descendants "$child"; }
  done
}
