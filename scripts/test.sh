#!/usr/bin/env bash
# Runs every check of the project: style, include directions, the tests with and without servers,
# and both sanitizers. See --help.
# shellcheck source-path=SCRIPTDIR
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=lib/deps.sh
source "$here/lib/deps.sh"
# shellcheck source=lib/servers.sh
source "$here/lib/servers.sh"
# shellcheck source=lib/versions.sh
source "$here/lib/versions.sh"

usage() {
  cat <<'TEXT'
usage: scripts/test.sh [--fast]

Installs the Debian packages that are missing, builds, and runs:

  style        clang-format, the include directions, shellcheck of the scripts
  release      all tests: unit tests, and tests against real throw-away servers
  benchmark    a small one, whose copies must be complete; its figures say nothing
  MySQL        scripts/compat.sh between MariaDB 10.11 and MySQL 9.7, from a Debian mirror, once;
               where that cannot be had it is left out, and the last line says so
  asan, tsan   the unit tests and a whole copy under AddressSanitizer with
               UndefinedBehaviorSanitizer, and under ThreadSanitizer

  --fast       leave the sanitizers out
  --help       this text

Works offline when the packages are there. Exit code: 0 when everything passed.
TEXT
}

fast=
for argument in "$@"; do
  case $argument in
    --fast) fast=yes ;;
    --help) usage && exit 0 ;;
    *) usage >&2 && exit 2 ;;
  esac
done

# Tests of the harness, of answers to bad input, and of what is in the SQL rather than in our threads
# and memory: the sanitizers would find nothing there that they do not find in the other whole copies.
RELEASE_ONLY='^(allocation_test|prompt_test|resume_test|privileges_test|hostile_input_test|support_test|fault_proxy_test|copy_errors_test|corpus_test|users_test|verify_mutation_test|tls_test)$'

# Random schemas are the same in every run of this script, so that a red run speaks of the change.
# Look for new ones with: ZDPIPE_TEST_SEED=N ZDPIPE_TEST_ROUNDS=N build/release/tests/property_test
export ZDPIPE_TEST_SEED=${ZDPIPE_TEST_SEED:-1}

step() { printf '\n== %s (%ds)\n' "$*" "$SECONDS"; }

check_style() {
  git ls-files '*.h' '*.cc' | xargs clang-format-14 --dry-run -Werror
  scripts/check_includes.sh
  git ls-files 'scripts/*.sh' .ci/run | xargs shellcheck -x
}

# run_tests PRESET CTEST-ARGUMENT...: builds the preset and runs the tests.
run_tests() {
  local preset=$1
  shift
  cmake --preset "$preset"
  cmake --build --preset "$preset"
  ctest --preset "$preset" --no-tests=error "$@"
}

cd "$REPO_ROOT"
install_dependencies test
export CLICOLOR_FORCE=0

step 'style'
check_style
step 'release'
run_tests release
step 'benchmark'
scripts/bench.sh --size 5 --only floor,read,zdpipe-verify --latency 1 --history /dev/null
step 'MySQL 9.7'
skipped=
if (versions_install_deps mysql-9.7 && version_obtain mysql-9.7); then
  ZDPIPE_BINARY=build/release/cli/zdpipe scripts/compat.sh --versions mariadb-10.11,mysql-9.7 --failures
else
  skipped=', but MySQL 9.7 was not to be had: SKIPPED'
  printf 'SKIPPED: MySQL 9.7 is not to be had here\n'
fi
step 'install'
prefix=$(mktemp -d)
trap 'rm -rf "$prefix"' EXIT
cmake --install build/release --prefix "$prefix" >/dev/null
"$prefix/bin/zdpipe" --version
if [[ -z $fast ]]; then
  # Everything without servers, and the tests that drive whole copies through the pipeline.
  step 'AddressSanitizer, UndefinedBehaviorSanitizer'
  run_tests asan --exclude-regex "$RELEASE_ONLY"
  step 'ThreadSanitizer'
  run_tests tsan --exclude-regex "$RELEASE_ONLY"
fi
step "all checks passed$skipped"
