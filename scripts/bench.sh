#!/usr/bin/env bash
# Measures zdpipe against the usual tools, on this machine, with real servers. See --help.
# shellcheck source-path=SCRIPTDIR
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=lib/deps.sh
source "$here/lib/deps.sh"
# shellcheck source=lib/servers.sh
source "$here/lib/servers.sh"

usage() {
  cat <<'TEXT'
usage: scripts/bench.sh [--data SET] [--size MB] [--runs N] [--only LIST] [--json FILE] [--jobs N]
                        [--target-binlog off|on] [--latency MS]
                        [--history FILE] [--plot FILE.svg] [-- ZDPIPE-OPTION...]

Makes the same data set every time in one MariaDB server, and lets each tool
copy it into an empty second one, in turn:

  floor             what no copy by SQL can be faster than: all rows are in memory
                    before the clock starts, then CREATE TABLE, array executes and
                    ADD INDEX as zdpipe's, one table per session, the largest first
  read              reads every table into nothing through one session, as zdpipe and
                    as the client library does it, then the largest one by as many sessions
                    as there are processors; two lines of their own, not in the table
  dump-gzip         mariadb-dump | gzip > file; zcat file | mariadb
  dump-pipe         mariadb-dump | mariadb
  mydumper          Debian's mydumper, then myloader
  mydumper-newest   the same with the programs named by MYDUMPER and MYLOADER
  zdpipe-noverify   zdpipe copy --source-state frozen --verify none
  zdpipe-verify     zdpipe copy --source-state frozen (verifies every row)

Both servers keep the default durability, have a buffer pool of 1 GiB and a log
of 512 MiB. Before each run the target is started anew from an empty data
directory. After each run the target must have the same tables, rows (count and
digest of each table) and indexes as the source, else the benchmark fails.

  --data SET           what is copied:
                         standard  four tables of different shapes, 200 small ones (default)
                         narrow    two tables of numbers, with 8 and 5 secondary indexes
                         json      wide rows: a JSON document of 1 to 6 KB in each
                         blob      blobs of 1 KB to 2 MB that do not compress
                         uuid      random keys, as BINARY(16) and as CHAR(36)
                         huge      one table, that of half of the standard set
                         small     13 tables for each MB (10 000 at 790), of 0 to 400 rows
                       Each goes through the same checks.
  --size MB            rows of the data set without indexes, about (default: 790)
  --runs N             runs of each tool, interleaved; the median counts (default: 1)
  --only LIST          only tools whose names begin so, e.g. dump,mydumper
  --json FILE          write all runs as JSON too
  --jobs N             threads of mydumper and myloader (default: 4), sessions of floor (default:
                       one more than there are processors) and jobs of zdpipe (default: its own)
  --target-binlog W    off (default) or on; on, myloader writes it too
  --latency MS         let every answer of both servers take MS milliseconds more, for every
                       tool: through TCP and a proxy (bench/delay_proxy) on this machine, whose
                       CPU is in no column. 0: the same way without a delay, to compare with
  --history FILE       where each benchmark adds a line of JSON: date, commit, cores,
                       parameters, figures (default: zdpipe/bench-history.jsonl in
                       $XDG_CACHE_HOME or ~/.cache)
  --plot FILE.svg      draw the throughput over time and the phases of the last zdpipe run,
                       and the ratios of the benchmarks in FILE of --history that had the same
                       data, size, cores, latency, target binlog and options; with gnuplot
                       (package gnuplot-nox)
  --help               this text

Columns: wall seconds; wall seconds in those of floor; how many times faster than
dump-gzip and than mydumper; CPU seconds of the source server, of the target
server (both until the tool has ended) and of all client processes; peak memory of
the largest client process (floor's holds the data set); MiB of row data per second.

ZDPIPE_BINARY=PATH uses that binary instead of building one; what lies in bench/ is
built in any case. TMPDIR says where data and dumps go (about six times the size).
Missing Debian packages are installed.

Exit code: 0 when all runs were complete and right, 1 in any other case.
TEXT
}

SMALL_TABLES=200
MANY_TABLES=500
discarded=0
TOOLS=(floor read dump-gzip dump-pipe mydumper mydumper-newest zdpipe-noverify zdpipe-verify)

declare -A DATA_PARTS=(
  # The first is half of all; two at a time suit two cores.
  [standard]='wide_rows other_rows'
  [narrow]='narrow_rows'
  [json]='json_rows'
  [blob]='blob_rows'
  [uuid]='uuid_rows'
  [huge]='huge_rows'
  [small]='small_tables'
)

data=standard
size=790
runs=1
only=
json_file=
jobs=
target_binlog=off
latency=
history_file=${XDG_CACHE_HOME:-~/.cache}/zdpipe/bench-history.jsonl
plot_file=
zdpipe_options=()

parse_options() {
  while (($# > 0)); do
    case $1 in
      -h | --help)
        usage
        exit 0
        ;;
      --)
        shift
        zdpipe_options=("$@")
        return
        ;;
      --data | --size | --runs | --only | --json | --jobs | --target-binlog | --latency | --history | --plot)
        (($# > 1)) || usage_error "$1 needs a value"
        set_option "$1" "$2"
        shift
        ;;
      --*=*) set_option "${1%%=*}" "${1#*=}" ;;
      *) usage_error "unknown option '$1'" ;;
    esac
    shift
  done
}

set_option() {
  case $1 in
    --size | --runs | --jobs) [[ $2 =~ ^[1-9][0-9]{0,6}$ ]] || usage_error "$1 needs a number, not '$2'" ;;
  esac
  case $1 in
    --data)
      [[ -v DATA_PARTS[$2] ]] || usage_error "--data knows no '$2'"
      data=$2
      ;;
    --size) size=$2 ;;
    --runs) runs=$2 ;;
    --only) only=$2 ;;
    --json) json_file=$2 ;;
    --history) history_file=$2 ;;
    --plot) plot_file=$2 ;;
    --jobs) jobs=$2 ;;
    --target-binlog)
      [[ $2 == on || $2 == off ]] || usage_error "--target-binlog needs on or off, not '$2'"
      target_binlog=$2
      ;;
    --latency)
      [[ $2 =~ ^[0-9]{1,4}(\.[0-9]+)?$ ]] || usage_error "--latency needs milliseconds, not '$2'"
      latency=$2
      ;;
    *) usage_error "unknown option '$1'" ;;
  esac
}

usage_error() {
  printf 'bench.sh: error: %s; see --help\n' "$1" >&2
  exit 2
}

main() {
  parse_options "$@"
  mapfile -t tools < <(selected_tools)
  ((${#tools[@]} > 0)) || usage_error "no tool begins with '$only'"
  [[ -z $plot_file || " ${tools[*]}" == *" zdpipe"* ]] || usage_error "--plot draws runs of zdpipe, which --only leaves out"
  install_dependencies bench ${plot_file:+plot}
  if [[ " ${tools[*]}" == *" zdpipe"* ]]; then build_release; fi
  build_programs
  # Said now, not after the benchmark.
  { mkdir -p "$(dirname "$history_file")" && : >>"$history_file"; } || die "cannot write $history_file"
  servers_init

  start_source
  make_data_set
  prepare_tools
  local run tool
  # Nothing is loaded, and its own runs are enough.
  if [[ " ${tools[*]} " == *" read "* ]]; then measure_reading; fi
  for ((run = 1; run <= runs; run++)); do
    for tool in "${tools[@]}"; do
      if [[ $tool != read ]]; then measure "$tool" "$run"; fi
    done
  done
  results_as_json >"$SERVERS_DIR/results.json"
  print_table
  if [[ -n $json_file ]]; then cp "$SERVERS_DIR/results.json" "$json_file"; fi
  add_to_history
  if [[ -n $plot_file ]]; then plot; fi
}

# The tools that are programs of bench/.
build_programs() {
  local programs=()
  if [[ " ${tools[*]} " == *" floor "* ]]; then programs+=(load_floor); fi
  if [[ " ${tools[*]} " == *" read "* ]]; then programs+=(read_rate); fi
  if [[ -n $latency ]]; then programs+=(delay_proxy); fi
  ((${#programs[@]} > 0)) || return 0
  (cd "$REPO_ROOT" && cmake --preset release >&2 && cmake --build --preset release --target "${programs[@]}" >&2) ||
    die "the build failed"
}

# One name a line, in the order of TOOLS.
selected_tools() {
  local tool prefix prefixes
  IFS=, read -ra prefixes <<<"${only:-floor,read,dump,mydumper,zdpipe}"
  for tool in "${TOOLS[@]}"; do
    [[ $tool != mydumper-newest || -n ${MYDUMPER:-} ]] || continue
    for prefix in "${prefixes[@]}"; do
      if [[ -n $prefix && $tool == "$prefix"* ]]; then
        echo "$tool"
        break
      fi
    done
  done
}

# ---------------------------------------------------------------- servers and data

server_options() { printf '%s\n' --innodb-buffer-pool-size=1G --innodb-log-file-size=512M; }

start_source() {
  local options
  mapfile -t options < <(server_options)
  # A source of a migration has its binlog on; reading does not write to it.
  server_start source --server-id=1 --log-bin "${options[@]}"
  let_in_through_tcp source
}

start_target() {
  local options
  mapfile -t options < <(server_options)
  if [[ $target_binlog == on ]]; then options+=(--log-bin); fi
  server_kill target
  discard "$(server_dir target)"
  server_start target --server-id=2 "${options[@]}"
  let_in_through_tcp target
}

# Removes what a run has left. Thousands of files are only put aside: for minutes ext4 passes over the
# inodes of deleted ones, one by one for each file that is made, and the next run would pay for it
# (2600 tables: 6.9 s instead of 5.1 for zdpipe, 8.0 instead of 5.5 verified).
discard() {
  if ((data_tables > MANY_TABLES)) && [[ -e $1 ]]; then
    mv -- "$1" "$SERVERS_DIR/discarded.$((discarded += 1))"
  else
    rm -rf -- "$1"
  fi
}

let_in_through_tcp() {
  [[ -n $latency ]] || return 0
  server_sql "$1" -e "SET sql_log_bin = 0; CREATE USER bench@127.0.0.1; GRANT ALL ON *.* TO bench@127.0.0.1 WITH GRANT OPTION"
}

make_data_set() {
  say "making the data set '$data' of about $size MiB"
  local schema part parts pids=() pid
  schemas=(bench)
  if [[ $data == standard ]]; then schemas+=(bench_small); fi
  for schema in "${schemas[@]}"; do
    server_sql source -e "CREATE DATABASE $schema CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci"
  done
  read -ra parts <<<"${DATA_PARTS[$data]}"
  for part in "${parts[@]}"; do
    { bulk_settings && "$part"; } | server_sql source bench &
    pids+=($!)
  done
  for pid in "${pids[@]}"; do wait "$pid" || die "the data set could not be made"; done

  server_sql source -e "SELECT CONCAT('ANALYZE TABLE ', table_schema, '.', table_name, ';')
    FROM information_schema.tables WHERE table_schema LIKE 'bench%'" | server_sql source >/dev/null
  server_tables source >"$SERVERS_DIR/source.rows" # reads every row, so no tool finds a cold source
  server_indexes source >"$SERVERS_DIR/source.indexes"
  read -r data_tables data_mib index_mib < <(
    server_sql source -e "SELECT COUNT(*), ROUND(SUM(data_length) / 1048576), ROUND(SUM(index_length) / 1048576)
      FROM information_schema.tables WHERE table_schema LIKE 'bench%'"
  )
  data_rows=$(awk -F '\t' '{ rows += $3 } END { print rows }' "$SERVERS_DIR/source.rows")
  say "$data_tables tables, $data_rows rows, $data_mib MiB of rows, $index_mib MiB of secondary indexes"
}

bulk_settings() {
  echo "SET sql_log_bin=0, unique_checks=0, foreign_key_checks=0;"
}

# Rows for each MiB of --size are chosen so that the parts take about 50, 15, 20, 8 and 7 percent of it.
wide_rows() { wide_table $((size * 1240)); }

huge_rows() { wide_table $((size * 2500)); }

wide_table() {
  cat <<SQL
CREATE TABLE wide (
  id INT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
  tenant INT NOT NULL,
  customer BIGINT NOT NULL,
  state ENUM('new','open','paid','shipped','closed') NOT NULL,
  flags SET('gift','express','returned') NOT NULL,
  email VARCHAR(100) NOT NULL,
  title VARCHAR(120) NOT NULL,
  city VARCHAR(40),
  price DECIMAL(12,2) NOT NULL,
  discount DOUBLE,
  quantity SMALLINT NOT NULL,
  created DATETIME(3) NOT NULL,
  updated TIMESTAMP NULL,
  due DATE,
  reference CHAR(32) CHARACTER SET ascii NOT NULL,
  attributes JSON,
  body TEXT,
  UNIQUE KEY email (email),
  KEY tenant_created (tenant, created),
  KEY customer (customer),
  KEY city_state (city, state)
);
INSERT INTO wide
SELECT seq, CRC32(seq) % 500, CRC32(seq + 7) % 200000, 1 + seq % 5, seq % 8,
       CONCAT('user.', seq, '@', ELT(1 + seq % 4, 'example.com', 'mail.example.org', 'example.net', 'post.example.de')),
       CONCAT('Order of ', LEFT(MD5(seq), 12), ' from ', MONTHNAME('2024-01-01' + INTERVAL seq % 366 DAY)),
       ELT(CRC32(seq) % 9, 'Berlin', 'Lyon', 'Malmö', 'Gdańsk', 'Porto', 'Brno', 'Graz', 'Cork'),
       CRC32(seq) % 1000000 / 100, IF(seq % 3, NULL, seq / 7), seq % 300,
       '2020-01-01' + INTERVAL seq * 97 SECOND, IF(seq % 4, '2024-01-01' + INTERVAL seq SECOND, NULL),
       IF(seq % 5, '2024-01-01' + INTERVAL seq % 1000 DAY, NULL), MD5(seq),
       JSON_OBJECT('colour', ELT(1 + seq % 3, 'red', 'green', 'blue'), 'weight', seq % 900, 'tags', LEFT(SHA1(seq), 8)),
       CONCAT(SHA1(seq), ' ', REPEAT(ELT(1 + seq % 4, 'please deliver soon ', 'call first ', 'second floor, left ', 'thanks '), seq % 17))
FROM seq_1_to_$1;
SQL
}

other_rows() {
  cat <<SQL
CREATE TABLE order_lines (
  order_id BIGINT UNSIGNED NOT NULL,
  line_no SMALLINT UNSIGNED NOT NULL,
  sku VARCHAR(24) NOT NULL,
  quantity INT NOT NULL,
  price DECIMAL(10,2) NOT NULL,
  shipped DATE,
  PRIMARY KEY (order_id, line_no),
  KEY sku (sku),
  KEY shipped_order (shipped, order_id)
);
INSERT INTO order_lines
SELECT 1000000 + seq DIV 4, 1 + seq % 4, CONCAT('sku-', LPAD(CRC32(seq) % 50000, 8, '0')), 1 + seq % 9,
       CRC32(seq) % 100000 / 100, IF(seq % 3, '2022-01-01' + INTERVAL seq % 900 DAY, NULL)
FROM seq_1_to_$((size * 2140));

CREATE TABLE events (
  id BINARY(16) NOT NULL PRIMARY KEY,
  kind VARCHAR(20) NOT NULL,
  at DATETIME(6) NOT NULL,
  address VARBINARY(16),
  payload JSON,
  KEY at (at),
  KEY kind_at (kind, at)
);
INSERT INTO events
SELECT UNHEX(MD5(seq)), ELT(1 + seq % 4, 'click', 'view', 'purchase', 'login'), '2024-01-01' + INTERVAL seq * 1234567 MICROSECOND,
       IF(seq % 3, INET6_ATON(CONCAT('10.', seq % 200, '.', seq % 250, '.7')), UNHEX(MD5(seq + 1))),
       JSON_OBJECT('session', SHA1(seq), 'page', CONCAT('/shop/', seq % 5000), 'ms', seq % 700, 'agent', REPEAT('Mozilla ', seq % 10))
FROM seq_1_to_$((size * 940)) ORDER BY 1;

CREATE TABLE narrow (
  id INT NOT NULL AUTO_INCREMENT PRIMARY KEY,
  a INT NOT NULL,
  b SMALLINT,
  KEY a (a)
);
INSERT INTO narrow SELECT seq, CRC32(seq) % 100000, IF(seq % 10, seq % 1000, NULL) FROM seq_1_to_$((size * 2140));
USE bench_small;
SQL
  local i
  for ((i = 0; i < SMALL_TABLES; i++)); do small_table "t$i" $((1 + size * 2)); done
}

small_tables() {
  local i
  # In no order, as tables come; a tenth is empty.
  for ((i = 0; i < size * 13; i++)); do small_table "t$i" $((i % 10 == 0 ? 0 : i * 7919 % 401)); done
}

# NAME ROWS
small_table() {
  echo "CREATE TABLE $1 (id INT NOT NULL PRIMARY KEY, name VARCHAR(60) NOT NULL, note VARCHAR(200), at TIMESTAMP NULL, KEY name (name));"
  # The sequence 1 to 0 would have both.
  if (($2 > 0)); then
    echo "INSERT INTO $1 SELECT seq, CONCAT('name ', CRC32(CONCAT('$1', seq))), REPEAT(MD5(seq), seq % 6),
      '2024-01-01' + INTERVAL seq MINUTE FROM seq_1_to_$2;"
  fi
}

# No FLOAT: mydumper and mariadb-dump lose its last bits, which ends the benchmark.
narrow_rows() {
  cat <<SQL
CREATE TABLE facts (
  id INT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
  a INT NOT NULL,
  b INT NOT NULL,
  c SMALLINT,
  d TINYINT UNSIGNED NOT NULL,
  e BIGINT NOT NULL,
  f DATE,
  g DECIMAL(8,2),
  KEY a (a), KEY b (b), KEY c_d (c, d), KEY d_a (d, a), KEY e (e), KEY f (f), KEY g_b (g, b), KEY b_f (b, f)
);
INSERT INTO facts
SELECT seq, CRC32(seq) % 1000000, seq DIV 10, IF(seq % 9, CRC32(seq + 1) % 2000, NULL), seq % 200, CRC32(seq + 2) * 65537,
       IF(seq % 7, '2010-01-01' + INTERVAL CRC32(seq + 3) % 5000 DAY, NULL), IF(seq % 5, CRC32(seq + 4) % 100000 / 100, NULL)
FROM seq_1_to_$((size * 9600));

CREATE TABLE links (
  from_id INT UNSIGNED NOT NULL,
  to_id INT UNSIGNED NOT NULL,
  kind TINYINT NOT NULL,
  weight DOUBLE,
  at TIMESTAMP NOT NULL,
  PRIMARY KEY (from_id, to_id),
  KEY to_from (to_id, from_id), KEY kind_at (kind, at), KEY at (at), KEY weight (weight), KEY to_kind (to_id, kind)
);
INSERT INTO links
SELECT seq DIV 8, (seq % 8) * 1000000 + CRC32(seq) % 1000000, seq % 5, CRC32(seq) / 1000, '2023-01-01' + INTERVAL seq SECOND
FROM seq_1_to_$((size * 7700));
SQL
}

json_rows() {
  cat <<SQL
CREATE TABLE documents (
  id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
  tenant INT NOT NULL,
  kind VARCHAR(20) NOT NULL,
  document JSON NOT NULL,
  labels JSON,
  changed DATETIME(6) NOT NULL,
  KEY tenant_kind (tenant, kind),
  KEY changed (changed)
);
INSERT INTO documents
SELECT seq, CRC32(seq) % 300, ELT(1 + seq % 3, 'invoice', 'contract', 'message'),
       JSON_OBJECT('id', seq, 'customer', JSON_OBJECT('name', CONCAT('Zoë ', LEFT(MD5(seq), 9)), 'street', 'Große Straße', 'vip', seq % 2 = 0),
         'lines', JSON_ARRAY(seq % 17, SHA1(seq), CRC32(seq) / 100, NULL, 'quoted "text" \\\\ and emoji 🙂'),
         'body', REPEAT(CONCAT(MD5(seq), ' lorem ipsum dolor sit amet '), 15 + CRC32(seq) % 90)),
       IF(seq % 4, JSON_ARRAY(LEFT(SHA1(seq), 6), seq % 100), NULL), '2024-01-01' + INTERVAL seq * 7654321 MICROSECOND
FROM seq_1_to_$((size * 225));
SQL
}

# Four of five are small, most bytes are in the others; one of 500 is larger than a batch of zdpipe.
blob_rows() {
  cat <<SQL
CREATE TABLE files (
  id INT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
  name VARCHAR(200) NOT NULL,
  mime VARCHAR(60) NOT NULL,
  checksum BINARY(20) NOT NULL,
  content LONGBLOB NOT NULL,
  UNIQUE KEY name (name),
  KEY checksum (checksum)
);
INSERT INTO files
SELECT seq, CONCAT('folder', seq % 50, '/', MD5(seq), '.bin'), ELT(1 + seq % 3, 'image/jpeg', 'application/pdf', 'text/plain'),
       UNHEX(SHA1(seq)), RANDOM_BYTES(1024)
FROM seq_1_to_$((size * 31));
UPDATE files SET content = CONCAT(content, RANDOM_BYTES(1024), RANDOM_BYTES(1024), RANDOM_BYTES(1024)) WHERE id % 5 > 0;
UPDATE files SET content = REPEAT(CONCAT(content, UNHEX(SHA2(id, 512))), 40 + id % 140) WHERE id % 5 = 0;
UPDATE files SET content = REPEAT(content, 2 * 1048576 DIV LENGTH(content)) WHERE id % 500 = 0;
SQL
}

# No column of type UUID: Debian's myloader cannot restore it.
uuid_rows() {
  cat <<SQL
CREATE TABLE entities (
  id BINARY(16) NOT NULL PRIMARY KEY,
  owner BINARY(16) NOT NULL,
  name VARCHAR(80) NOT NULL,
  created DATETIME NOT NULL,
  KEY owner (owner),
  KEY created (created)
);
INSERT INTO entities
SELECT UNHEX(MD5(seq)), UNHEX(MD5(CONCAT('owner', seq % 10000))), CONCAT('entity ', SHA1(seq)), '2024-01-01' + INTERVAL seq SECOND
FROM seq_1_to_$((size * 2900));

CREATE TABLE relations (
  id BINARY(16) NOT NULL PRIMARY KEY,
  entity BINARY(16) NOT NULL,
  kind TINYINT NOT NULL,
  note VARCHAR(100),
  KEY entity_kind (entity, kind)
);
INSERT INTO relations
SELECT UNHEX(MD5(CONCAT('relation', seq))), UNHEX(MD5(seq % 100000)), seq % 6, IF(seq % 3, NULL, MD5(seq))
FROM seq_1_to_$((size * 3300));

CREATE TABLE sessions (
  id CHAR(36) CHARACTER SET ascii NOT NULL PRIMARY KEY,
  user_id INT NOT NULL,
  data VARBINARY(300),
  KEY user_id (user_id)
);
INSERT INTO sessions
SELECT LOWER(CONCAT_WS('-', LEFT(h, 8), MID(h, 9, 4), MID(h, 13, 4), MID(h, 17, 4), RIGHT(h, 12))), CRC32(h) % 100000, REPEAT(UNHEX(h), CRC32(h) % 15)
FROM (SELECT MD5(CONCAT('session', seq)) AS h FROM seq_1_to_$((size * 1600))) AS hashes;
SQL
}

# A copy without its indexes would be a fast one.
server_indexes() {
  server_sql "$1" -e "SELECT table_schema, table_name, index_name, seq_in_index, column_name, non_unique, collation, sub_part
    FROM information_schema.statistics WHERE table_schema LIKE 'bench%' ORDER BY 1, 2, 3, 4"
}

# ---------------------------------------------------------------- the tools
# Each runs in a shell of its own under GNU time, so its functions and variables are exported.

prepare_tools() {
  export BENCH_SOURCE_SOCKET BENCH_TARGET_SOCKET BENCH_SOURCE_PORT='' BENCH_TARGET_PORT='' BENCH_USER
  export BENCH_PROGRESS=none
  if [[ -n $plot_file ]]; then BENCH_PROGRESS=json; fi
  export BENCH_WORK=$SERVERS_DIR/work BENCH_THREADS=${jobs:-4} BENCH_FLOOR_SESSIONS=${jobs:-$(($(nproc) + 1))} BENCH_BINLOG=$target_binlog BENCH_SCHEMAS="${schemas[*]}"
  export ZDPIPE_BINARY BENCH_PROGRAMS=$REPO_ROOT/build/release/bench
  BENCH_SOURCE_SOCKET=$(server_socket source)
  BENCH_TARGET_SOCKET=$(server_socket target)
  BENCH_USER=$(id -un)
  if [[ -n $latency ]]; then start_proxy; fi
  # mydumper has no --no-defaults; an empty option file does the same.
  export BENCH_EMPTY_OPTIONS=$SERVERS_DIR/empty.cnf BENCH_ZDPIPE_OPTIONS=$SERVERS_DIR/zdpipe.cnf
  : >"$BENCH_EMPTY_OPTIONS"
  local connection
  {
    connect_to SOURCE
    printf '[zdpipe_source]\n%s\n' "$(printf '%s\n' "${connection[@]#--}")"
    connect_to TARGET
    printf '[zdpipe_target]\n%s\n' "$(printf '%s\n' "${connection[@]#--}")"
  } >"$BENCH_ZDPIPE_OPTIONS"
  export -f connect_to run_floor dump_all load_all run_dump_gzip run_dump_pipe run_mydumper run_mydumper_newest mydumper_with \
    run_zdpipe_noverify run_zdpipe_verify zdpipe_copy
  : >"$SERVERS_DIR/results.tsv"
}

# Between every tool and both servers; the target keeps its port when it is started anew.
start_proxy() {
  SERVER_PORT[target]=$(server_free_port)
  exec {proxy_ports}< <(exec "$REPO_ROOT/build/release/bench/delay_proxy" "$latency" "$(server_port source)" "$(server_port target)")
  proxy_pid=$!
  trap 'status=$?; kill "$proxy_pid" 2>/dev/null || true; servers_cleanup "$status"' EXIT
  { read -r BENCH_SOURCE_PORT && read -r BENCH_TARGET_PORT; } <&"$proxy_ports" || die "the proxy did not start"
  BENCH_USER=bench
}

# SOURCE or TARGET; sets `connection` to what every client understands.
connect_to() {
  local socket=BENCH_$1_SOCKET port=BENCH_$1_PORT
  connection=(--socket="${!socket}")
  if [[ -n ${!port} ]]; then connection=(--host=127.0.0.1 --port="${!port}"); fi
  connection+=(--user="$BENCH_USER")
}

# It says itself what the part on the clock took.
run_floor() { "$BENCH_PROGRAMS/load_floor" "$BENCH_ZDPIPE_OPTIONS" "$BENCH_FLOOR_SESSIONS" >"$BENCH_WORK/usage"; }

# shellcheck disable=SC2086 # an array cannot be exported; the names have no blanks
dump_all() {
  local connection
  connect_to SOURCE
  mariadb-dump --no-defaults "${connection[@]}" --single-transaction --routines --triggers --databases $BENCH_SCHEMAS
}

load_all() {
  local connection
  connect_to TARGET
  mariadb --no-defaults "${connection[@]}"
}

run_dump_gzip() {
  dump_all | gzip >"$BENCH_WORK/dump.sql.gz"
  zcat "$BENCH_WORK/dump.sql.gz" | load_all
}

run_dump_pipe() { dump_all | load_all; }

run_mydumper() { mydumper_with mydumper myloader; }

run_mydumper_newest() { mydumper_with "$MYDUMPER" "${MYLOADER:-$(dirname "$MYDUMPER")/myloader}"; }

# Whole tables: --rows took longer with 4 threads on 2 cores (18 instead of 14 s at --size 300).
mydumper_with() {
  local connection binlog=()
  if [[ $BENCH_BINLOG == on ]]; then binlog=(--enable-binlog); fi
  connect_to SOURCE
  "$1" --defaults-file="$BENCH_EMPTY_OPTIONS" "${connection[@]}" --threads="$BENCH_THREADS" \
    --regex='^bench' --routines --triggers --outputdir="$BENCH_WORK/dump"
  connect_to TARGET
  "$2" --defaults-file="$BENCH_EMPTY_OPTIONS" "${connection[@]}" --threads="$BENCH_THREADS" \
    "${binlog[@]}" --directory="$BENCH_WORK/dump"
}

run_zdpipe_noverify() { zdpipe_copy --verify none "$@"; }

run_zdpipe_verify() { zdpipe_copy "$@"; }

zdpipe_copy() {
  "$ZDPIPE_BINARY" copy --defaults-file="$BENCH_ZDPIPE_OPTIONS" --from source --to target --source-state frozen \
    --handoff "$BENCH_WORK/handoff.json" --report "$BENCH_WORK/report.json" --progress "$BENCH_PROGRESS" "$@"
}

# ---------------------------------------------------------------- measuring

measure() {
  local tool=$1 run=$2 log=$SERVERS_DIR/$1.log usage_file=$SERVERS_DIR/usage arguments=()
  local source_before target_before source_cpu target_cpu wall user system rss status
  if [[ $tool == zdpipe* ]]; then arguments=(${jobs:+--jobs "$jobs"} "${zdpipe_options[@]}"); fi
  say "run $run of $runs: $tool"
  start_target
  discard "$BENCH_WORK"
  mkdir "$BENCH_WORK"
  # What the last run left to be written must not burden this one.
  sync -f "$SERVERS_DIR"

  source_before=$(server_cpu_ticks source)
  target_before=$(server_cpu_ticks target)
  # shellcheck disable=SC2016 # the inner shell expands
  command time --format='%e %U %S %M' --output="$usage_file" \
    bash -c 'set -euo pipefail; function=$1; shift; "$function" "$@"' bash "run_${tool//-/_}" "${arguments[@]}" >"$log" 2>&1 || {
    status=$?
    tail -n 40 "$log" >&2
    die "$tool ended with exit code $status; the end of its output is above"
  }
  source_cpu=$(($(server_cpu_ticks source) - source_before))
  if [[ -s $BENCH_WORK/usage ]]; then
    usage_file=$BENCH_WORK/usage
    source_cpu=0 # was read before
  fi
  target_cpu=$(($(server_cpu_ticks target) - target_before))

  check_target "$tool"
  read -r wall user system rss <"$usage_file"
  printf '%s\t%s\t%s\t%s\t%s\t%s\t%s\n' "$tool" "$run" "$wall" "$(ticks_to_seconds "$source_cpu")" \
    "$(ticks_to_seconds "$target_cpu")" "$(awk "BEGIN { print $user + $system }")" "$rss" >>"$SERVERS_DIR/results.tsv"
  keep_report "$tool" "$run"
}

READ_RUNS=3 # of each way of reading
READ_SESSIONS=$(nproc) # of the largest table at a time, at most

measure_reading() {
  say "reading alone, $READ_RUNS times each way"
  "$BENCH_PROGRAMS/read_rate" "$BENCH_ZDPIPE_OPTIONS" "$READ_RUNS" "$READ_SESSIONS" >"$SERVERS_DIR/read.json" || die "read failed"
}

# utime and stime of the process with all its threads. The name before them may contain blanks.
server_cpu_ticks() {
  sed 's/.*) //' "/proc/$(server_pid "$1")/stat" | awk '{ print $12 + $13 }'
}

ticks_to_seconds() { awk -v ticks="$1" -v hz="$(getconf CLK_TCK)" 'BEGIN { print ticks / hz }'; }

check_target() {
  local kind
  server_tables target >"$SERVERS_DIR/target.rows"
  server_indexes target >"$SERVERS_DIR/target.indexes"
  for kind in rows indexes; do
    diff --label source --label target -U 0 "$SERVERS_DIR/source.$kind" "$SERVERS_DIR/target.$kind" >"$SERVERS_DIR/difference" || {
      head -n 40 "$SERVERS_DIR/difference" >&2
      die "$1 has not copied everything: the $kind differ (schema, table, rows, digest ...)"
    }
  done
}

# What zdpipe itself says about where the time went.
keep_report() {
  local report=$BENCH_WORK/report.json
  [[ -s $report ]] || return 0
  jq -c '{totals, phases}' "$report" >"$SERVERS_DIR/report.$1.$2"
  cp "$SERVERS_DIR/report.$1.$2" "$SERVERS_DIR/plot.report"
  jq -cR 'fromjson? | select(.phase? != null)' "$SERVERS_DIR/$1.log" >"$SERVERS_DIR/plot.progress"
  plotted_tool=$1
}

# ---------------------------------------------------------------- results

results_as_json() {
  local tool run wall source target client rss
  while IFS=$'\t' read -r tool run wall source target client rss; do
    jq -n --slurpfile report <(cat "$SERVERS_DIR/report.$tool.$run" 2>/dev/null) \
      --arg tool "$tool" --argjson run "$run" --argjson wall "$wall" --argjson source "$source" \
      --argjson target "$target" --argjson client "$client" --argjson rss "$rss" --argjson mib "$data_mib" \
      '{tool: $tool, run: $run, wall_s: $wall, source_cpu_s: $source, target_cpu_s: $target, client_cpu_s: $client,
        client_peak_rss_kib: $rss, mib_per_s: ($mib / $wall), report: $report[0]}'
  done <"$SERVERS_DIR/results.tsv" | jq -s --argjson context "$(context_as_json)" \
    --slurpfile read <(cat "$SERVERS_DIR/read.json" 2>/dev/null) '
    # The run with the median wall time stands for its tool, so that its numbers belong together.
    def median: sort_by(.wall_s) | .[(length - 1) / 2 | floor];
    def divided_by($x): if . == null then null else . / $x end;
    . as $runs
    | group_by(.tool) | map(median | del(.report)) as $medians
    | ($medians | INDEX(.tool) | map_values(.wall_s)) as $wall
    | $context + {
        medians: ($medians | map(.wall_s as $own | . + {
          times_floor: ($wall["floor"] | if . == null then null else $own / . end),
          times_faster_than_dump_gzip: ($wall["dump-gzip"] | divided_by($own)),
          times_faster_than_mydumper: ($wall["mydumper"] | divided_by($own))})),
        read: $read[0],
        runs: $runs}'
}

context_as_json() {
  jq -n --arg server "$(server_sql source -e 'SELECT VERSION()')" --arg mydumper "$(mydumper --version 2>&1 | head -n 1)" \
    --arg commit "$(git -C "$REPO_ROOT" rev-parse --short HEAD 2>/dev/null || echo unknown)" --arg cpus "$(nproc)" \
    --argjson tables "$data_tables" --argjson rows "$data_rows" --argjson mib "$data_mib" --argjson index "$index_mib" \
    --arg binlog "$target_binlog" --arg data "$data" --arg latency "$latency" --arg jobs "$jobs" --arg size "$size" --arg runs "$runs" --arg options "${zdpipe_options[*]}" \
    '{schema: "zdpipe.bench/1", at: (now | todate), commit: $commit, cpus: ($cpus | tonumber), server: $server, mydumper: $mydumper,
      data_set: $data, size: ($size | tonumber), tables: $tables, rows: $rows, data_mib: $mib, index_mib: $index, target_binlog: $binlog,
      runs_each: ($runs | tonumber), jobs: (if $jobs == "" then null else ($jobs | tonumber) end),
      latency_ms: (if $latency == "" then null else ($latency | tonumber) end), zdpipe_options: $options}'
}

print_table() {
  printf '\nData %s: %s tables, %s rows, %s MiB of rows, %s MiB of secondary indexes; %s runs; target binlog %s%s\n\n' \
    "$data" "$data_tables" "$data_rows" "$data_mib" "$index_mib" "$runs" "$target_binlog" "${latency:+; $latency ms added latency}"
  jq -r '.read // empty
    | "reading alone: \(.mib) MiB in \(.zdpipe.wall_s) s; the client library: text \(.text.wall_s) s, binary \(.binary.wall_s) s; "
      + "zdpipe has \(.ratio) of the faster one\u0027s speed"' "$SERVERS_DIR/results.json"
  jq -r '.read.largest // empty | to_entries
    | if length == 0 then "the largest table cannot be read in segments"
      else "the largest table in segments, by number of sessions: "
        + (map("\(.key): \(.value) s") | join(", ")) end, ""' "$SERVERS_DIR/results.json"
  jq -r '.medians[] | [.tool, .wall_s, .times_floor // "", .times_faster_than_dump_gzip // "", .times_faster_than_mydumper // "",
      .source_cpu_s, .target_cpu_s, .client_cpu_s, .client_peak_rss_kib / 1024, .mib_per_s] | @tsv' "$SERVERS_DIR/results.json" |
    awk -F '\t' '
      function times(x) { return x == "" ? "-" : sprintf("%.2fx", x) }
      BEGIN {
        format = "%-16s %8s %7s %9s %11s %8s %8s %8s %8s %7s\n"
        printf format, "", "wall", "x", "times", "times", "source", "target", "client", "client", ""
        printf format, "tool", "s", "floor", "dump-gzip", "mydumper", "CPU s", "CPU s", "CPU s", "peak MiB", "MiB/s"
      }
      {
        printf "%-16s %8.1f %7s %9s %11s %8.1f %8.1f %8.1f %8.0f %7.1f\n",
          $1, $2, times($3), times($4), times($5), $6, $7, $8, $9, $10
      }'
}

# ---------------------------------------------------------------- history and plots

add_to_history() {
  jq -c 'del(.runs)' "$SERVERS_DIR/results.json" >>"$history_file"
}

plot() {
  # Seconds since the start, and MiB/s since the line before. A line has the mean rate since the start,
  # which gives the time more exactly than its clock.
  jq -rs '[{second: 0, mib: 0}, (.[] | select(.bytes_per_s > 0) | {second: (.bytes / .bytes_per_s), mib: (.bytes / 1048576)})]
    | range(1; length) as $i | [.[$i - 1], .[$i]] | select(.[1].second > .[0].second)
    | [.[1].second, (.[1].mib - .[0].mib) / (.[1].second - .[0].second)] | @tsv' \
    "$SERVERS_DIR/plot.progress" >"$SERVERS_DIR/plot.throughput"
  jq -r '.phases[] | [.name, .seconds, "\(.seconds * 10 | round / 10) s\(.limited_by | if . then ": " + . else "" end)"] | @tsv' "$SERVERS_DIR/plot.report" >"$SERVERS_DIR/plot.phases"
  # "?": gnuplot's missing value.
  jq -rs 'def key: [.data_set, .size, .cpus, .latency_ms, .target_binlog, .jobs, .zdpipe_options];
    (last | key) as $key
    | map(select(key == $key and ([.medians[] | select(.tool | startswith("zdpipe")) | .times_faster_than_dump_gzip,
        .times_faster_than_mydumper, .times_floor] | any)))
    | to_entries[]
    | (.value.medians | INDEX(.tool)) as $of
    | [.key + 1, .value.at[0:10] + " " + .value.commit,
       ($of["zdpipe-noverify"], $of["zdpipe-verify"]
        | .times_faster_than_dump_gzip // "?", .times_faster_than_mydumper // "?", .times_floor // "?")] | @tsv' \
    "$history_file" >"$SERVERS_DIR/plot.history"

  gnuplot - >"$SERVERS_DIR/plot.log" 2>&1 <<GNUPLOT || {
set terminal svg size 900,1100 dynamic background rgb 'white' font 'sans,13'
set output '$SERVERS_DIR/plot.svg'
set datafile separator "\t"
set datafile missing '?'
set style fill solid 0.7
set grid y
set multiplot layout 3,1
set title '$plotted_tool, data $data, $data_mib MiB: rows committed on the target'
set xlabel 'seconds'
set ylabel 'MiB/s'
set yrange [0:*]
set xrange [0:*]
$(if [[ -s $SERVERS_DIR/plot.throughput ]]; then
    echo "plot '$SERVERS_DIR/plot.throughput' using 1:2 with linespoints linewidth 2 pointtype 7 pointsize 0.4 notitle"
  else
    echo "plot 0 title 'the run was too short for a line of progress'"
  fi)
set title '$plotted_tool: its phases, and what limited them'
set xrange [*:*]
unset xlabel
set ylabel 'seconds'
set boxwidth 0.6
set offsets 0.5, 0.5, graph 0.15, 0
plot '$SERVERS_DIR/plot.phases' using 0:2:xtic(1) with boxes notitle, \
  '' using 0:2:3 with labels offset 0,0.7 notitle
set title 'zdpipe in benchmarks with these parameters; dashed: with verification'
unset ylabel
set xtics rotate by -30
set bmargin 8
set rmargin 10
set key tmargin center horizontal
set offsets 0.5, 0.5, 0, 0
set style data linespoints
plot '$SERVERS_DIR/plot.history' using 1:3:xtic(2) linecolor 1 title 'times faster than dump-gzip', \
  '' using 1:4 linecolor 2 title 'times faster than mydumper', '' using 1:5 linecolor 3 title 'times the floor', \
  '' using 1:6 linecolor 1 dashtype 2 notitle, '' using 1:7 linecolor 2 dashtype 2 notitle, '' using 1:8 linecolor 3 dashtype 2 notitle
GNUPLOT
    cat "$SERVERS_DIR/plot.log" >&2
    die "gnuplot failed"
  }
  cp "$SERVERS_DIR/plot.svg" "$plot_file"
  say "drawn: $plot_file"
}

main "$@"
