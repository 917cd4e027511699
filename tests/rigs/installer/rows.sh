#!/usr/bin/env bash
# The rows of selftest.sh, in the root with wine. Usage: rows.sh VERSION VERSION-BEFORE
set -euo pipefail
version=$1 version_before=$2
rig=build/rigs/installer
current=$rig/TwinsSetup-$version.exe before=$rig/TwinsSetup-$version_before.exe shipped=build/installer/TwinsSetup-$version.exe
export TWINS_RIG_SOCKET=/tmp/bridge
passed=0 failed=0
work=$(mktemp -d)

row() { # row STATUS SENTENCE
  if [[ $1 == 0 ]]; then
    passed=$((passed + 1))
    echo "ok     $2"
  else
    failed=$((failed + 1))
    echo "FAILED $2"
  fi
}
check() { # check SENTENCE COMMAND...
  local sentence=$1 status=0
  shift
  "$@" >"$work/output" 2>&1 || status=$?
  row "$status" "$sentence"
  if [[ $status != 0 ]]; then tail -n 20 "$work/output" | sed 's/^/       /'; fi
}
fails() { ! "$@"; }
wait_until() { # wait_until COMMAND...: within half a minute
  local deadline=$((SECONDS + 30))
  until "$@"; do
    if ((SECONDS > deadline)); then return 1; fi
    sleep 0.1
  done
}

# ---- Windows, and the bridge that its stand-in driver talks to ----

"$rig/bridge" --socket "$TWINS_RIG_SOCKET" --mark 0x5744 --queue 10 --queue 11 2>"$work/bridge.log" &
disk=$WINEPREFIX/drive_c
folder=$disk/'Program Files/Twins'
data=$disk/ProgramData/Twins
wait_until grep -q ready "$work/bridge.log"
# Somebody is logged on: a second after its last window has closed, wine ends services, too.
wine notepad.exe >/dev/null 2>&1 &

windows() { timeout 60 wine "$@" 2>/dev/null | tr -d '\r'; }
value() { windows reg query "HKLM\\$1" /v "$2" /reg:64 | sed -n 's/^ .*REG_[A-Z_]*  *//p'; } # value KEY NAME
log_path() { echo "Z:${work//\//\\}\\$1"; }
# setup EXIT-CODE LOG PROGRAM ARGUMENT...: without a word on the screen
setup() {
  local expected=$1 log=$2 status=0
  shift 2
  timeout 150 wine "$@" /VERYSILENT /SUPPRESSMSGBOXES /NORESTART "/LOG=$(log_path "$log")" >/dev/null 2>&1 || status=$?
  [[ $status == "$expected" ]] || { tail -n 15 "$work/$log"; echo "exit code $status, not $expected"; return 1; }
}
# uninstall LOG ARGUMENT...: its program goes on as a copy of itself
uninstall() {
  setup 0 "$1" "$folder/unins000.exe" "${@:2}" && wait_until logs "$1" 'Log closed'
}
logs() { grep -qF -- "$2" "$work/$1"; }
version_is() { [[ $(value 'SOFTWARE\Microsoft\Windows\CurrentVersion\Uninstall\Twins_is1' DisplayVersion) == "$1" ]]; }
service_runs() { windows sc query twinsd | grep -q 'STATE.*RUNNING'; }
service_program() { value 'SYSTEM\CurrentControlSet\Services\twinsd' ImagePath; }
driver() { value 'SYSTEM\CurrentControlSet\Services\WinDivert' ImagePath; }
make_driver() { windows sc create WinDivert type= kernel binPath= "$1" >/dev/null && [[ -n $(driver) ]]; }
path() { value 'SYSTEM\CurrentControlSet\Control\Session Manager\Environment' Path; }
has_files_of() {
  diff -rq "$1" "$folder" >"$work/differences" || true
  sed -i '/: \(unins000\.\(exe\|dat\|msg\)\|licenses\)$/d' "$work/differences"
  cat "$work/differences"
  [[ ! -s $work/differences ]]
}
has_licences() {
  cmp LICENSE "$folder/licenses/LICENSE.txt" && cmp THIRD-PARTY-NOTICES.md "$folder/licenses/THIRD-PARTY-NOTICES.md" &&
    cmp drivers/windivert/NOTICE "$folder/licenses/windivert/NOTICE.txt" && cmp drivers/windivert/GPL-3.txt "$folder/licenses/windivert/GPL-3.txt" &&
    cmp drivers/windivert/LGPL-3.txt "$folder/licenses/windivert/LGPL-3.txt"
}
knows() { windows "$folder/twins.exe" nodes | tee /dev/stderr | grep -q -- "$1"; }
# What is on the disk, and in the parts of the registry that an installation touches.
state() {
  local key
  (cd "$disk" && find . -path ./users -prune -o -path ./windows/temp -prune -o -print | sort)
  for key in 'SYSTEM\CurrentControlSet\Services' 'SYSTEM\CurrentControlSet\Control\Session Manager\Environment' \
    'SOFTWARE\Microsoft\Windows\CurrentVersion\Run' 'SOFTWARE\Microsoft\Windows\CurrentVersion\Uninstall'; do
    rm -f "$work/key.reg"
    windows reg export "HKLM\\$key" "$(log_path key.reg)" /reg:64 >/dev/null || true
    if [[ -e $work/key.reg ]]; then iconv -f UTF-16 -t UTF-8 "$work/key.reg" | tr -d '\r'; fi
  done
}

# ---- refused before anything changes ----

windows winecfg -v win81
check 'an older Windows is refused' setup 1 old-windows "$current"
check 'and told which one is needed' logs old-windows 'Twins needs Windows 10 (version 1607), Windows Server 2016, or newer'
windows winecfg -v win10
state >"$work/state"
path=$(path)
check 'a folder that users may write to is refused' setup 7 elsewhere "$before" '/DIR=C:\Elsewhere'
check 'and told where it may be' logs elsewhere 'Twins is installed below C:\Program Files\ only'
check 'nothing has changed' test ! -e "$folder" -a ! -e "$disk/Elsewhere"

# ---- the version before ----

check 'it installs silently' setup 0 install "$before"
check 'all programs are there, byte for byte' has_files_of "$rig/windows"
check 'and the licences' has_licences
check 'Windows knows the version' version_is "$version_before"
check "and shows the tray's icon with it" test "$(value 'SOFTWARE\Microsoft\Windows\CurrentVersion\Uninstall\Twins_is1' DisplayIcon)" = 'C:\Program Files\Twins\twins-tray.exe'
check 'the service is registered with the program there' test "$(service_program)" = '"C:\Program Files\Twins\twinsd.exe"'
check 'it starts with Windows' test "$(value 'SYSTEM\CurrentControlSet\Services\twinsd' Start)" = 0x2
check 'it runs' service_runs
check 'the CLI reaches it' knows 'this one'
check 'PATH is as it was, with the folder at the end' test "$(path)" = "$path;C:\\Program Files\\Twins"
check 'a command prompt finds twins' test "$(windows cmd /c twins --version | cut -d+ -f1)" = "$version"
check 'the event log knows its source' test "$(value 'SYSTEM\CurrentControlSet\Services\EventLog\Application\twinsd' EventMessageFile)" = 'C:\Program Files\Twins\System.Diagnostics.EventLog.Messages.dll'
check 'the tray starts when a user logs on' test "$(value 'SOFTWARE\Microsoft\Windows\CurrentVersion\Run' 'Twins Tray')" = '"C:\Program Files\Twins\twins-tray.exe"'
check 'the file with its messages is there' test -s "$folder/System.Diagnostics.EventLog.Messages.dll"
check 'the firewall stays closed' fails logs install 'advfirewall firewall add'
setting() { sed -n "s/.*int $1 .* = \([0-9]*\);/\1/p" src/Twins.Manager/Settings/TwinsdOptions.cs; }
first=$(setting FirstRedirectPort) last=$(setting LastRedirectPort) api=$(setting ApiPort)
check "the redirect ports of the settings' defaults are kept" \
  logs install "int ipv4 add excludedportrange protocol=tcp startport=$first numberofports=$((last - first + 1)) store=persistent: exit code 0"

# ---- an upgrade in place ----

echo '{ "nodeName": "kept" }' >"$data/twinsd.json"
touch "$data/marker" "$folder/Stale.dll"
# It looks as one that has stayed because it redirects.
timeout 60 wine "$folder/twin.exe" --control '\\.\pipe\twins\installer-rig' >"$work/twin" 2>&1 &
wait_until grep -q started "$work/twin"
check 'a twin in charge of connections stops the upgrade' setup 7 in-charge "$current"
check 'and it is told what to do' logs in-charge 'or give /ENDCONNECTIONS'
check 'the service runs on' service_runs
check 'of the version before' version_is "$version_before"

timeout 60 wine "$folder/twin.exe" --control '\\.\pipe\twins\installer-rig-2' >"$work/twin" 2>&1 &
twin=$!
wait_until grep -q started "$work/twin"
sleep 100 | timeout 100 wine "$folder/twins-exec.exe" --hook 'C:\Program Files\Twins\twins-hook.dll' -- cmd.exe >"$work/hooked" 2>&1 &
hooked=$!
wait_until grep -q '>' "$work/hooked"
check 'the upgrade installs silently, and ends twins when it is told to' setup 0 upgrade "$current" /MERGETASKS=cluster /ENDCONNECTIONS
check 'that twin has ended' fails kill -0 "$twin"
check 'a program under the hook runs on' kill -0 "$hooked"
check 'its hook has stepped aside' logs upgrade 'twins-hook.dll is in use and goes with the next restart'
aside() { value 'SYSTEM\CurrentControlSet\Control\Session Manager' PendingFileRenameOperations | grep -q 'Twins.*\.old' && compgen -G "$folder/*.old"; }
check 'and Windows knows what to remove' aside
rm -f "$folder"/*.old # as the restart does
check 'all programs are there, and nothing of the version before' has_files_of "$rig/windows"
check 'Windows knows the new version' version_is "$version"
check 'the service was stopped before and started after' \
  test "$(grep -oE 'service (stop|start): exit code 0|^.*-- File entry --' "$work/upgrade" | sed 's/.*-- File.*/files/' | uniq | tr '\n' ,)" = 'service stop: exit code 0,files,service start: exit code 0,'
check 'it runs' service_runs
check 'with the settings from before' knows kept
check 'the data are still there' test -e "$data/marker"
check 'PATH has the folder once' test "$(path)" = "$path;C:\\Program Files\\Twins"
check 'clustering opens the firewall for the node API' logs upgrade \
  "advfirewall firewall add rule name=\"Twins node API\" dir=in action=allow profile=domain,private protocol=TCP localport=$api,$((api + 1)) program=\"C:\\Program Files\\Twins\\twinsd.exe\": exit code 0"

check 'a downgrade is refused' setup 1 downgrade "$before"
check 'and told what is installed' logs downgrade "Twins $version is installed, which is newer than $version_before"
check 'the service was left alone' fails logs downgrade 'service stop'
check 'the version stays' version_is "$version"

# ---- removed, the data kept ----

kill "$hooked" 2>/dev/null || true
check 'the driver is loaded from here' make_driver '\??\C:\Program Files\Twins\WinDivert64.sys'
check 'it is removed' uninstall keep /KEEPDATA
check 'the service is gone' test -z "$(service_program)"
check 'the driver is gone' test -z "$(driver)"
check 'the folder is gone' wait_until test ! -e "$folder"
check 'the firewall is closed again' logs keep 'advfirewall firewall delete rule name="Twins node API": exit code 0'
check 'the ports are free again' logs keep "int ipv4 delete excludedportrange protocol=tcp startport=$first numberofports=$((last - first + 1)): exit code 0"
check 'PATH is as it was' test "$(path)" = "$path"
check 'the data are kept' test -e "$data/marker"

# ---- what is shipped, with settings that can't be used; removed with everything ----

echo '{ "apiPort": "none" }' >"$data/twinsd.json"
check 'the driver is loaded from elsewhere' make_driver '\??\C:\Other\WinDivert64.sys'
check 'the shipped setup program says when the service does not start' setup 10 shipped "$shipped" /TASKS=
check 'and why' logs shipped 'twinsd failed to start: a setting is wrong'
check 'all that was built is there, byte for byte' has_files_of build/windows
check 'no ports are kept that are not to be' fails logs shipped 'excludedportrange'
check 'it is removed' uninstall all
check 'the driver of another program stays' test -n "$(driver)"
windows sc delete WinDivert >/dev/null
check 'the data are gone' test ! -e "$data"
state >"$work/state.after"
check 'nothing is left, in files and registry' diff "$work/state" "$work/state.after"

printf '%d passed, %d failed\n' "$passed" "$failed"
((failed == 0))
