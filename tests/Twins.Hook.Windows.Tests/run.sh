#!/usr/bin/env bash
# Makes the Windows hook, its launcher and the programs that they are tried with, and runs the tests under wine.
# Usage: run.sh PROGRAM [ARGUMENT...]
set -euo pipefail
here=$(dirname "$(readlink -f "$0")")
# shellcheck source=scripts/common.sh
source "$here/../../scripts/common.sh"
# In another locale than one of UTF-8 wine can't pass every letter on.
export LC_ALL=C.UTF-8

compiler=x86_64-w64-mingw32-gcc
programs=$build_directory/hook-windows/programs
mkdir -p "$programs"
make --no-print-directory --silent -C "$root_directory/src/Twins.Hook/Windows" OUTPUT="$build_directory/hook-windows" ||
  die "the hook can't be built: gcc-mingw-w64-x86-64 is needed"
for source in "$here"/programs/*.c "$here"/../rigs/winhook/{blocking,overlapped,parent,patient,words}.c; do
  name=$(basename "$source" .c) unicode=()
  if [[ $name == words ]]; then unicode=(-municode); fi
  "$compiler" -O1 -std=c17 -Wall -Wextra -Werror -DUNICODE -D_WIN32_WINNT=0x0A00 "${unicode[@]}" -o "$programs/$name.exe" "$source" -lws2_32 ||
    die "$name can't be built"
done
# A 32-bit program is known by its headers.
python3 - "$programs/words.exe" "$programs/thirtytwo.exe" <<'PY'
import struct, sys
octets = bytearray(open(sys.argv[1], 'rb').read())
header = struct.unpack_from('<I', octets, 60)[0]
struct.pack_into('<H', octets, header + 4, 0x14c)
struct.pack_into('<H', octets, header + 24, 0x10b)
open(sys.argv[2], 'wb').write(octets)
PY
exec "$root_directory/scripts/wine.sh" "$build_directory/wine/hook-tests" "$@"
