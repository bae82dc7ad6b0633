#!/bin/sh
# Formats, builds, and runs the unit tests of the folders that differ from main or have uncommitted changes. Called by `./test quick`.
set -u
cd "$(dirname "$0")/.."
base=$(git merge-base HEAD origin/main 2>/dev/null || git merge-base HEAD main 2>/dev/null || echo HEAD)
# On main without uncommitted changes, test the last commit.
if [ "$base" = "$(git rev-parse HEAD)" ] && [ -z "$(git status --porcelain)" ]; then base=HEAD~1; fi
changed=$( (git diff --name-only "$base"; git ls-files --others --exclude-standard) | sort -u)
sources=$(printf '%s\n' "$changed" | grep '\.cs$' | while read -r file; do if [ -f "$file" ]; then printf '%s ' "$file"; fi; done)

dotnet build Ocellus.slnx -c Release -v quiet --nologo || { echo "The build failed."; echo "0 passed, 1 failed"; exit 1; }
passed=0
failed=0
if [ -n "$sources" ]; then
    # shellcheck disable=SC2086 # one argument per file
    if dotnet format whitespace Ocellus.slnx --verify-no-changes --no-restore --include $sources; then passed=1; else echo "dotnet format would change files"; failed=1; fi
fi

for project in Ocellus Ocellus.Vision; do
    # src/Ocellus/Hosting/Serving/X.cs and tests/Ocellus.Tests/Hosting/XTests.cs both select the namespace Ocellus.Tests.Hosting.
    filters=$(printf '%s\n' "$changed" | sed -nE "s,^(src/$project|tests/$project\.Tests)/([^/]+)/.*,-namespace $project.Tests.\\2 -namespace $project.Tests.\\2.*,p; s,^(src/$project|tests/$project\.Tests)/[^/]+\.cs\$,-namespace $project.Tests,p" | sort -u | tr '\n' ' ')
    [ -n "$filters" ] || continue
    log=artifacts/$project.quick.log
    set -f
    # shellcheck disable=SC2086 # two arguments per namespace
    MALLOC_ARENA_MAX=2 TORCH_CPP_LOG_LEVEL=ERROR OMP_WAIT_POLICY=PASSIVE dotnet "artifacts/bin/$project.Tests/release/$project.Tests.dll" -noLogo $filters >"$log" 2>&1
    code=$?
    set +f
    grep -vE '^(info|warn): ' "$log" | tail -n 40
    line=$(grep -E 'Total: *[0-9]+' "$log" | tail -n 1)
    number() { printf '%s' "$line" | sed -E "s/.*$1: *([0-9]+).*/\\1/"; }
    if [ -z "$line" ]; then failed=$((failed + 1)); continue; fi
    bad=$(($(number Failed) + $(number Errors)))
    passed=$((passed + $(number Total) - bad - $(number Skipped)))
    failed=$((failed + bad))
    if [ "$code" -ne 0 ] && [ "$bad" -eq 0 ]; then failed=$((failed + 1)); fi
done

echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
