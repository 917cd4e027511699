#!/usr/bin/env bash
# Every test, unit to kernel. Usage: test.sh [NAME...]
# NAME picks test projects and rigs whose name contains it, e.g. `./test.sh Packets Kernel`.
# Goes on after failures. The last line is `N passed, N failed`, with `, N skipped` where there are
# any; the exit status is 0 only when tests ran and none failed. Logs: build/test/PROJECT.log
set -euo pipefail
TWINS_HOME=$(dirname "$(readlink -f "$0")")
export TWINS_HOME
cd "$TWINS_HOME"

scripts/bootstrap.sh run test
scripts/build.sh hook twins twinsd twin admin windows solution

limit=${TWINS_TEST_LIMIT:-45m} # one project's longest time
logs=build/test
mkdir -p "$logs"
passed=0 failed=0 skipped=0
broken=()

is_wanted() {
  local name=$1 filter
  shift
  if (($# == 0)); then return 0; fi
  for filter in "$@"; do
    if [[ ${name,,} == *"${filter,,}"* ]]; then return 0; fi
  done
  return 1
}

# figure LOG WORD: the number behind `WORD:` in the runner's summary, 0 where there is none.
figure() {
  local value
  value=$(sed -n "s/^ *$2: *\([0-9][0-9]*\).*/\1/p" "$1" | tail -n 1)
  printf '%s\n' "${value:-0}"
}

run_project() {
  local name=$1 log=$logs/$1.log status=0 ok bad omitted
  local program=("tests/$name/bin/Release/net10.0/$name")
  # A Windows program, in a rig or alone.
  if [[ ! -e ${program[0]} ]]; then
    program=(scripts/wine.sh "$TWINS_HOME/build/wine/tests")
    if [[ -e tests/$name/run.sh ]]; then program=("tests/$name/run.sh"); fi
    program+=("tests/$name/bin/Release/net10.0/win-x64/$name.exe")
  fi
  timeout --kill-after=30 "$limit" "${program[@]}" \
    --no-progress --no-ansi --results-directory "$logs/$name" >"$log" 2>&1 </dev/null || status=$?
  ok=$(figure "$log" succeeded) bad=$(figure "$log" failed) omitted=$(figure "$log" skipped)
  # 8 says that the project has no test (Microsoft.Testing.Platform's exit codes).
  if [[ $status == 8 ]] && ((ok + bad == 0)); then
    printf '%-28s no tests\n' "$name"
    return
  fi
  if [[ $status != 0 ]] && ((bad == 0)); then
    bad=1
    broken+=("$name: did not end well (exit status $status; 124 is a time-out of $limit), see $log")
    tail -n 15 "$log"
  fi
  passed=$((passed + ok)) failed=$((failed + bad)) skipped=$((skipped + omitted))
  printf '%-28s %d passed, %d failed, %d skipped\n' "$name" "$ok" "$bad" "$omitted"
  local line
  while read -r line; do broken+=("$name: $line"); done < <(sed -n 's/^failed \(.*\)/\1/p' "$log")
  if ((bad)); then # What each failure says first; all of it is in the log.
    awk '/^(passed|skipped|Test run) /{show = 0} /^failed /{show = 40} show-- > 0{print "  " substr($0, 1, 400)}' "$log"
  fi
}

for project in tests/*/*.csproj; do
  name=$(basename "$project" .csproj)
  if [[ $name == *Tests ]] && is_wanted "$name" "$@"; then run_project "$name"; fi
done

# run_rig NAME SCRIPT: a script whose rows begin with ok or FAILED and whose last line is a summary.
run_rig() {
  local name=$1 log=$logs/$1.log status=0 line ok=0 bad=0
  timeout --kill-after=30 "$limit" "$2" >"$log" 2>&1 </dev/null || status=$?
  line=$(tail -n 1 "$log")
  if [[ $line =~ ^([0-9]+)\ passed,\ ([0-9]+)\ failed$ ]]; then
    ok=${BASH_REMATCH[1]} bad=${BASH_REMATCH[2]}
  fi
  if [[ $status != 0 ]] && ((bad == 0)); then
    bad=1
    broken+=("$name: did not end well (exit status $status), see $log")
    tail -n 15 "$log"
  fi
  passed=$((passed + ok)) failed=$((failed + bad))
  printf '%-28s %d passed, %d failed, 0 skipped\n' "$name" "$ok" "$bad"
  while read -r line; do broken+=("$name: $line"); done < <(sed -n 's/^FAILED *//p' "$log")
}
if is_wanted Rig.WindowsHook "$@"; then run_rig Rig.WindowsHook tests/rigs/winhook/selftest.sh; fi
if is_wanted Rig.Deb "$@"; then run_rig Rig.Deb tests/rigs/deb/run.sh; fi
if is_wanted Rig.WinDivert "$@"; then run_rig Rig.WinDivert tests/rigs/windivert/selftest/selftest.sh; fi
if is_wanted Rig.Installer "$@"; then run_rig Rig.Installer tests/rigs/installer/selftest.sh; fi

if ((${#broken[@]})); then printf 'failed: %s\n' "${broken[@]}"; fi
summary="$passed passed, $failed failed"
if ((skipped)); then summary+=", $skipped skipped"; fi
printf '%s\n' "$summary"
((failed == 0 && passed > 0))
