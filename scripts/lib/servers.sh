# shellcheck shell=bash
# Throw-away MariaDB servers. Sourced; needs lib/deps.sh sourced before it.
#
#   servers_init                     make the temporary folder $SERVERS_DIR and arrange the clean-up
#   server_start NAME [OPTION...]    start a new, empty server with more mariadbd options
#   server_stop NAME                 stop it; its data stay
#   server_remove NAME               stop it and delete its data
#   server_sql NAME [OPTION...]      run SQL from stdin (or -e SQL) as root; plain rows on stdout
#   server_port NAME, server_socket NAME, server_pid NAME, server_dir NAME
#   server_client_options NAME       what a client needs to connect as root, one option a line
#   server_schemas NAME              the user's schemas
#   server_tables NAME               schema, table, row count and a digest of all rows, tab-separated
#   servers_keep                     leave servers and folder behind at the end
#   servers_cleanup [STATUS]         for a script with an EXIT trap of its own: the last thing in it
#
# A server listens on 127.0.0.1 and on its own socket, reads no option file, and lives in
# $SERVERS_DIR/NAME. root has no password and is let in through the socket only, and only the
# user who runs the script. Servers are stopped by the pids started here, never by name.
# server_start and server_stop must run in the main shell: they keep the pids in variables.

SERVER_START_LIMIT_S=60 # a cold disk needs a few seconds for the first start
SERVER_STOP_LIMIT_S=120 # a shutdown writes the dirty pages of the buffer pool

declare -A SERVER_PID=() SERVER_PORT=()
SERVERS_DIR=
SERVERS_KEEP=
SERVERS_OWNER=$BASHPID # subshells inherit the trap; only the owner may clean up

servers_init() {
  SERVERS_DIR=$(mktemp -d "${TMPDIR:-/tmp}/zdpipe-${0##*/}.XXXXXX")
  # The servers may run as another user, who must get through to their own folders.
  chmod 0711 "$SERVERS_DIR"
  # A signal ends the script through its EXIT trap.
  trap 'exit 130' INT
  trap 'exit 143' TERM HUP
  trap servers_cleanup EXIT
}

servers_cleanup() {
  local status=${1:-$?} name
  trap - EXIT
  trap '' INT TERM HUP # a second Ctrl-C must not leave servers running
  [[ $BASHPID == "$SERVERS_OWNER" && -n $SERVERS_DIR ]] || exit "$status"
  if [[ -z $SERVERS_KEEP ]]; then
    for name in "${!SERVER_PID[@]}"; do
      # The data are deleted next: no need for an orderly shutdown.
      server_kill "$name"
    done
    rm -rf -- "$SERVERS_DIR"
  fi
  exit "$status"
}

servers_keep() { SERVERS_KEEP=yes; }

# root may not run mariadbd without saying so; with mariadb-server-core alone
# there is no user mysql, then root it is.
server_os_user() {
  if ((EUID != 0)); then
    id -un
  elif getent passwd mysql >/dev/null; then
    echo mysql
  else
    echo root
  fi
}

server_dir() { printf '%s\n' "$SERVERS_DIR/$1"; }
server_pid() { printf '%s\n' "${SERVER_PID[$1]}"; }
server_port() { printf '%s\n' "${SERVER_PORT[$1]}"; }
server_socket() { printf '%s\n' "$SERVERS_DIR/$1/socket"; }
server_log() { printf '%s\n' "$SERVERS_DIR/$1/error.log"; }

server_client_options() { printf '%s\n' --no-defaults "--socket=$(server_socket "$1")" "--user=$(id -un)"; }

server_sql() {
  local name=$1
  shift
  mariadb --no-defaults --socket="$(server_socket "$name")" --user="$(id -un)" \
    --default-character-set=utf8mb4 --batch --skip-column-names "$@"
}

server_schemas() {
  server_sql "$1" -e "SELECT schema_name FROM information_schema.schemata
    WHERE schema_name NOT IN ('mysql', 'sys', 'information_schema', 'performance_schema') ORDER BY 1"
}

# One line per table: schema, table, number of rows, digest of the rows in any order.
# Not CHECKSUM TABLE: on a table with a stored generated column it returned different numbers for
# equal rows (seen with 10.11). The digest is a sum, so equal rows do not cancel out; FLOAT goes
# through DOUBLE, as its own text form has too few digits (MySQL 5.6 has no CAST for that);
# character data count as bytes.
# A row above max_allowed_packet is counted, but not in the digest.
server_tables() {
  local name=$1
  # --raw: names and quotes must reach the server again as they are.
  server_sql "$name" --raw <<'SQL' | server_sql "$name"
SET SESSION group_concat_max_len = 16777216;
SELECT 'SET time_zone = ''+00:00'';';
SELECT CONCAT('SELECT ', QUOTE(table_schema), ', ', QUOTE(table_name),
              ', COUNT(*), COALESCE(SUM(CAST(CONV(LEFT(MD5(CONCAT_WS(''#'', ',
              GROUP_CONCAT(value ORDER BY ordinal_position), ', CONCAT(',
              GROUP_CONCAT('ISNULL(', quoted, ')' ORDER BY ordinal_position),
              '))), 15), 16, 10) AS UNSIGNED)), 0) FROM ', quoted_table, ';')
FROM (
  SELECT table_schema, table_name, ordinal_position, quoted,
         CONCAT('`', REPLACE(table_schema, '`', '``'), '`.`', REPLACE(table_name, '`', '``'), '`') AS quoted_table,
         CASE WHEN data_type = 'float' THEN CONCAT(quoted, ' * 1e0')
              WHEN data_type IN ('bit', 'enum', 'set') THEN CONCAT('CAST(', quoted, ' AS UNSIGNED) | 0')
              WHEN data_type IN ('int', 'bigint', 'smallint', 'tinyint', 'mediumint', 'decimal', 'double') THEN quoted
              ELSE CONCAT('CAST(', quoted, ' AS BINARY)') END AS value
  FROM (
    SELECT c.table_schema, c.table_name, c.ordinal_position, c.data_type,
           CONCAT('`', REPLACE(c.column_name, '`', '``'), '`') AS quoted
    FROM information_schema.columns AS c JOIN information_schema.tables AS t USING (table_schema, table_name)
    WHERE t.table_type IN ('BASE TABLE', 'SYSTEM VERSIONED')
      AND t.table_schema NOT IN ('mysql', 'sys', 'information_schema', 'performance_schema')
  ) AS of_users
) AS columns
GROUP BY table_schema, table_name
ORDER BY table_schema, table_name;
SQL
}

server_template() {
  local template=$SERVERS_DIR/template log=$SERVERS_DIR/template.log
  if [[ ! -e $template ]]; then
    # --force: do not ask DNS about the host's name, which a container may not know.
    mariadb-install-db --no-defaults --force --skip-test-db --user="$(server_os_user)" \
      --auth-root-authentication-method=socket --auth-root-socket-user="$(id -un)" \
      --datadir="$template.new" >"$log" 2>&1 || {
      cat "$log" >&2
      die "mariadb-install-db failed"
    }
    mv "$template.new" "$template"
  fi
}

# Below the range from which the system takes ports for outgoing connections.
server_free_port() {
  local port
  for _ in {1..100}; do
    port=$((20000 + RANDOM % 10000))
    # A port to which one can connect is taken.
    if ! (: <>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; then
      echo "$port"
      return 0
    fi
  done
  die "found no free port"
}

server_is_running() {
  # bash reaps its children at once, so an ended server is gone from here.
  [[ -n ${SERVER_PID[$1]:-} ]] && kill -0 "${SERVER_PID[$1]}" 2>/dev/null
}

server_start() {
  local name=$1 dir=$SERVERS_DIR/$1
  shift
  server_is_running "$name" && die "server $name is running already"
  server_template
  if [[ ! -e $dir ]]; then
    mkdir "$dir"
    cp -a "$SERVERS_DIR/template" "$dir/data"
    chown "$(server_os_user)" "$dir"
  fi
  server_launch "$name" "$(server_os_user)" mariadbd "$@"
}

# server_launch NAME USER PROGRAM [OPTION...]: starts PROGRAM, a server of any kind, as USER on the
# data directory of NAME. lib/versions.sh starts other versions by it.
server_launch() {
  local name=$1 user=$2 program=$3 dir=$SERVERS_DIR/$1
  shift 3
  SERVER_PORT[$name]=${SERVER_PORT[$name]:-$(server_free_port)}
  # In the background of a script, so without the terminal's Ctrl-C: it is ours to stop the server.
  "$program" --no-defaults --user="$user" --datadir="$dir/data" --tmpdir="$dir" \
    --bind-address=127.0.0.1 --port="${SERVER_PORT[$name]}" --socket="$dir/socket" \
    --pid-file="$dir/$name.pid" --log-error="$(server_log "$name")" --skip-name-resolve \
    --character-set-server=utf8mb4 "$@" </dev/null >/dev/null 2>&1 &
  SERVER_PID[$name]=$!
  server_wait_ready "$name"
}

server_wait_ready() {
  local name=$1 deadline=$((SECONDS + SERVER_START_LIMIT_S))
  while ! server_sql "$name" -e 'DO 0' >/dev/null 2>&1; do
    if ! server_is_running "$name" || ((SECONDS >= deadline)); then
      cat "$(server_log "$name")" >&2 || true
      die "server $name did not start within $SERVER_START_LIMIT_S s; its error log is above"
    fi
    sleep 0.1
  done
}

server_stop() {
  local name=$1 deadline=$((SECONDS + SERVER_STOP_LIMIT_S))
  server_is_running "$name" && kill -TERM "${SERVER_PID[$name]}"
  while server_is_running "$name"; do
    ((SECONDS < deadline)) || {
      say "server $name did not stop within $SERVER_STOP_LIMIT_S s: killing it"
      break
    }
    sleep 0.1
  done
  server_kill "$name"
}

server_kill() {
  local name=$1
  [[ -n ${SERVER_PID[$name]:-} ]] || return 0
  server_is_running "$name" && kill -KILL "${SERVER_PID[$name]}"
  wait "${SERVER_PID[$name]}" 2>/dev/null || true
  unset "SERVER_PID[$name]"
}

server_remove() {
  server_kill "$1"
  rm -rf -- "${SERVERS_DIR:?}/$1"
}
