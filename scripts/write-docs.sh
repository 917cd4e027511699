#!/usr/bin/env bash
# Writes what docs/ has from the code: settings.md, and the frames of commands.md. The tests that fail when
# that is stale do it.
set -euo pipefail
# shellcheck source=scripts/common.sh
source "$(dirname "$(readlink -f "$0")")/common.sh"

export TWINS_WRITE_DOCS=1
for page in Cli.Tests:CommandsPageTests Manager.Tests:SettingsPageTests; do
  project=$root_directory/tests/Twins.${page%:*}
  dotnet build "$project" --configuration Release --disable-build-servers -nologo -verbosity:quiet
  "$project/bin/Release/net10.0/Twins.${page%:*}" --no-progress --no-ansi --filter "ClassName~${page#*:}" >&2
done
git -C "$root_directory" diff --stat -- docs
