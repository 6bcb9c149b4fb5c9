#!/usr/bin/env bash
# Copies random databases under random faults, resumes until done, compares everything. See --help.
# shellcheck source-path=SCRIPTDIR
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=lib/deps.sh
source "$here/lib/deps.sh"

usage() {
  cat <<'TEXT'
usage: scripts/soak.sh [--minutes N] [--seed S]

Makes random databases on a source server, copies them through proxies to a
target server while random faults strike (connections cut, stalled, half open,
refused; the answer to a COMMIT lost; servers killed or stopped; zdpipe killed
or interrupted), resumes until the copy is done, and compares all rows and
definitions by SQL. Each round has a seed: S, S+1, ...

  --minutes N   how long (default 5); at least one round
  --seed S      of the first round (default: random)
  --help        this text

Prints a line per round; at the end rounds, faults survived, exit codes, tables
and rows compared. Exit code: 0 when every round ended equal; 1 with the seed
of the first that did not; 2 for a wrong option.
TEXT
}

minutes=5
seed=
while (($# > 0)); do
  case $1 in
    --minutes) minutes=${2:?} && shift 2 ;;
    --seed) seed=${2:?} && shift 2 ;;
    --help) usage && exit 0 ;;
    *) usage >&2 && exit 2 ;;
  esac
done
[[ $minutes =~ ^[0-9]+(\.[0-9]+)?$ ]] || { usage >&2 && exit 2; }
[[ $seed =~ ^[0-9]*$ ]] || { usage >&2 && exit 2; }

cd "$REPO_ROOT"
install_dependencies test
cmake --preset release >/dev/null
cmake --build --preset release --target soak_test zdpipe >/dev/null
ZDPIPE_SOAK_MINUTES=$minutes ZDPIPE_TEST_SEED=$seed build/release/tests/soak_test
