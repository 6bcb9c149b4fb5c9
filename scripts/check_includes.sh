#!/usr/bin/env bash
# Checks the architecture of docs/architecture.md: who may include whom, and who may do what.
# Prints each violation as file:line and ends with 1 if there is one.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

# The folders whose headers each folder may include; its own are always allowed.
declare -A ALLOWED=(
  [engine/rows]="engine"
  [engine/server]="engine engine/rows"
  [engine/schema]="engine engine/rows engine/server"
  [engine/snapshot]="engine engine/server"
  [engine/ledger]="engine engine/rows engine/server"
  [engine/load]="engine engine/rows engine/server engine/schema engine/ledger"
  [engine]=""
  [pipeline]="engine engine/rows engine/server engine/schema engine/snapshot engine/ledger engine/load"
  [cli]="engine engine/rows engine/server engine/schema engine/snapshot engine/ledger engine/load pipeline"
)

violations=0
violation() {
  printf '%s\n' "$1"
  violations=$((violations + 1))
}

check_direction() {
  local file line include folder target
  while IFS=: read -r file line include; do
    folder=$(dirname "$file")
    target=$(dirname "$(sed -E 's/.*"([^"]+)".*/\1/' <<<"$include")")
    [[ $target == "$folder" ]] && continue
    if [[ ! -v ALLOWED[$folder] ]]; then
      violation "$file:$line: folder $folder is not in the list of $0"
    elif [[ " ${ALLOWED[$folder]} " != *" $target "* ]]; then
      violation "$file:$line: $folder must not include $target"
    fi
  done < <(grep -nE '^#include "(engine|pipeline|cli|bench|tests)/' -r engine pipeline cli --include='*.h' --include='*.cc')
}

# forbid WHAT PATTERN WHY [FILES-EXCLUDED-REGEX] PATH...: PATTERN may not occur in the files.
forbid() {
  local pattern=$1 why=$2 excluded=$3 hit
  shift 3
  while IFS= read -r hit; do
    [[ -n $excluded && $hit =~ $excluded ]] && continue
    violation "$(cut -d: -f1,2 <<<"$hit"): $why"
  done < <(grep -nE "$pattern" -r "$@" --include='*.h' --include='*.cc' || true)
}

check_direction
# bench/read_rate.cc measures against libmariadb itself.
forbid '#include <(mysql|mysqld_error|errmsg)' 'only engine/server/*.cc may include libmariadb' \
  '^(engine/server/[^:]*|bench/read_rate)\.cc' engine pipeline cli bench tests
forbid '(#include <(oneapi/)?tbb|tbb::)' 'only pipeline may use oneTBB' '^pipeline/' engine cli
forbid '(nlohmann|<CLI/)' 'JSON and CLI types stay out of headers' '^[^:]*\.cc:' engine pipeline cli
forbid 'std::(thread|jthread|async)\b' 'only pipeline starts threads' '' engine cli
forbid '\b(printf|fprintf|puts|fputs|perror)\(|std::(cout|cerr)' 'only cli prints' '' engine pipeline
forbid '\bthrow\b' 'errors are statuses, never exceptions' '^[^:]*:[0-9]+:[[:space:]]*//' \
  engine pipeline cli

if ((violations > 0)); then
  printf 'check_includes: %d violations\n' "$violations" >&2
  exit 1
fi
printf 'check_includes: the include directions hold\n'
