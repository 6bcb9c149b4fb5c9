# shellcheck shell=bash
# What the scripts need from Debian, and how they build zdpipe. Sourced.
#
#   install_dependencies build|test|bench|plot ...   install what is missing, and only that
#   build_release                               build zdpipe; the result is $ZDPIPE_BINARY
#
# Nothing is downloaded when everything is there, so the scripts work offline.

REPO_ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)

# Set ZDPIPE_BINARY in the environment to use a binary you have; then nothing is built.
ZDPIPE_IS_GIVEN=${ZDPIPE_BINARY:+yes}
ZDPIPE_BINARY=${ZDPIPE_BINARY:-$REPO_ROOT/build/release/cli/zdpipe}

PACKAGES_BUILD=(
  g++ cmake ninja-build ccache pkg-config
  libmariadb-dev libtbb-dev libabsl-dev libzstd-dev zlib1g-dev libxxhash-dev
  libcli11-dev nlohmann-json3-dev libgtest-dev libgmock-dev libbenchmark-dev
)
# mariadbd and mariadb-install-db come from mariadb-server-core (mariadb-server
# would also start a service), mariadb from mariadb-client-core, mariadb-dump
# and mariadb-admin from mariadb-client.
PACKAGES_TEST=(mariadb-server-core mariadb-client-core mariadb-client openssl jq git clang-format-14 shellcheck)
# `time` is GNU time: the CPU and memory of a command with all its children.
PACKAGES_BENCH=(mydumper procps time gzip)
PACKAGES_PLOT=(gnuplot-nox)

say() { printf '%s\n' "$*" >&2; }

die() {
  printf '%s: error: %s\n' "${0##*/}" "$*" >&2
  exit 1
}

# Each set but `plot` contains the ones before it: nothing can be tested or measured that was not built.
packages_of() {
  case $1 in
    build) printf '%s\n' "${PACKAGES_BUILD[@]}" ;;
    test) printf '%s\n' "${PACKAGES_BUILD[@]}" "${PACKAGES_TEST[@]}" ;;
    bench) printf '%s\n' "${PACKAGES_BUILD[@]}" "${PACKAGES_TEST[@]}" "${PACKAGES_BENCH[@]}" ;;
    plot) printf '%s\n' "${PACKAGES_PLOT[@]}" ;;
    *) die "install_dependencies: unknown set '$1'" ;;
  esac
}

package_is_installed() {
  # A package can be listed for several architectures; one installed is enough.
  dpkg-query --show --showformat='${db:Status-Status}\n' "$1" 2>/dev/null | grep -qx installed
}

as_root() {
  if ((EUID == 0)); then
    "$@"
  elif command -v sudo >/dev/null; then
    sudo "$@"
  else
    die "root is needed for: $*"
  fi
}

install_dependencies() {
  local set package packages missing=()
  command -v dpkg-query >/dev/null || die "these scripts install their packages on Debian; see scripts/lib/deps.sh for what is needed"
  for set in "$@"; do
    packages=$(packages_of "$set") || exit 1
    for package in $packages; do
      package_is_installed "$package" || missing+=("$package")
    done
  done
  ((${#missing[@]} > 0)) || return 0

  say "installing: ${missing[*]}"
  # A fresh machine or container has no package lists yet. Only stderr is used:
  # stdout belongs to the results of the script that called us.
  as_root apt-get update -q >&2
  as_root env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends "${missing[@]}" >&2
}

build_release() {
  if [[ -n $ZDPIPE_IS_GIVEN ]]; then
    [[ -x $ZDPIPE_BINARY ]] || die "ZDPIPE_BINARY=$ZDPIPE_BINARY cannot be run"
    return 0
  fi
  (
    cd "$REPO_ROOT" &&
      cmake --preset release >&2 &&
      cmake --build --preset release >&2
  ) || die "the build failed"
  [[ -x $ZDPIPE_BINARY ]] || die "the build left no $ZDPIPE_BINARY"
}
