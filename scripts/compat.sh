#!/usr/bin/env bash
# Copies between real servers of different versions and says what came of it. See --help.
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
usage: scripts/compat.sh [--versions LIST] [--sources LIST] [--targets LIST] [--cases LIST]
                         [--failures] [-- ZDPIPE-OPTION...]

Starts a source and a target server of each version, makes a database per case
in the sources, and copies each case from every source to every target with
`zdpipe copy --source-state frozen`. Then both ends are compared by SQL: rows
(count and digest), columns, keys, constraints, counters, views, routines,
triggers, events. Versions not installed are fetched into a cache once.

  --versions LIST   of: mariadb-10.11,mariadb-11.8,mariadb-10.5,mysql-5.6,mysql-9.7 (default: all)
  --sources LIST, --targets LIST
                    versions at one end only (default: those of --versions)
  --cases LIST      only these cases (default: all; `--cases help` lists them)
  --failures        print only the lines that count as failures, and the summary
  --help            this text

Results, one line each with the exit code of zdpipe:
  equal      exit 0, and nothing differs
  noted      exit 0, and what differs was noted by zdpipe (signs of zeros, types of views' columns)
  refused    exit 3 before anything was made: the finding is shown
  listed     exit 8: all rows are there, and what differs was listed or noted by zdpipe
  named      exit 5 or 8: a value the target cannot hold, its row named
  SILENT     exit 0, and something differs                          (a failure)
  LATE       a table is missing, found out in the middle of the copy (a failure)
  UNLISTED   exit 8, and something differs that was not listed      (a failure)
  ERROR      any other exit code                                    (a failure)

ZDPIPE_BINARY=PATH uses that binary instead of building one, ZDPIPE_SERVERS the
cache folder, TMPDIR the place of the servers' data (about 2 GB).

Exit code: 0 without failures, 1 with some, 2 for a wrong option.
TEXT
}

# A server for two small databases at a time; performance_schema alone would take 400 MB in MySQL.
SERVER_OPTIONS=(--innodb-buffer-pool-size=32M --performance-schema=OFF --max-allowed-packet=16M)
COPY_LIMIT_S=120 # the cases take a second each; what takes longer hangs

sources=()
targets=()
cases=()
only_failures=
zdpipe_options=()
failures=0

main() {
  parse_options "$@"
  install_dependencies test
  versions_install_deps "${sources[@]}" "${targets[@]}"
  build_release
  servers_init
  start_servers
  printf '%-13s  %-13s  %-14s  %4s  %-8s  %s\n' SOURCE TARGET CASE EXIT RESULT DETAIL
  local source target case
  for source in "${sources[@]}"; do
    for target in "${targets[@]}"; do
      for case in "${cases[@]}"; do
        ! case_is_for "$case" "$source" || run_case "$source" "$target" "$case"
      done
    done
  done
  summary
}

# ---------------------------------------------------------------- options

usage_error() {
  printf 'compat.sh: %s (see --help)\n' "$*" >&2
  exit 2
}

parse_options() {
  local option value
  while (($# > 0)); do
    case $1 in
      -h | --help) usage && exit 0 ;;
      --failures) only_failures=yes ;;
      --)
        shift
        zdpipe_options=("$@")
        break
        ;;
      --versions | --sources | --targets | --cases)
        (($# > 1)) || usage_error "$1 needs a value"
        set_option "$1" "$2"
        shift
        ;;
      --*=*)
        option=${1%%=*} value=${1#*=}
        set_option "$option" "$value"
        ;;
      *) usage_error "unknown option '$1'" ;;
    esac
    shift
  done
  ((${#sources[@]} > 0)) || sources=("${VERSIONS[@]}")
  ((${#targets[@]} > 0)) || targets=("${VERSIONS[@]}")
  ((${#cases[@]} > 0)) || mapfile -t cases < <(all_cases)
}

set_option() {
  case $1 in
    --versions)
      read_list VERSIONS "$2" sources
      targets=("${sources[@]}")
      ;;
    --sources) read_list VERSIONS "$2" sources ;;
    --targets) read_list VERSIONS "$2" targets ;;
    --cases)
      [[ $2 != help ]] || { all_cases && exit 0; }
      local known
      # shellcheck disable=SC2034  # used by name
      mapfile -t known < <(all_cases)
      read_list known "$2" cases
      ;;
    *) usage_error "unknown option '$1'" ;;
  esac
}

# read_list KNOWN LIST INTO: the words of LIST, each of which must be an element of the array KNOWN.
read_list() {
  local -n known_words=$1 into=$3
  local word
  IFS=, read -r -a into <<<"$2"
  ((${#into[@]} > 0)) || usage_error "an empty list"
  for word in "${into[@]}"; do
    [[ " ${known_words[*]} " == *" $word "* ]] || usage_error "'$word' is none of: ${known_words[*]}"
  done
}

# ---------------------------------------------------------------- servers

start_servers() {
  local version id=10
  for version in "${sources[@]}"; do
    start_one "$version" "from-$version" $((id += 1))
    load_cases "$version"
  done
  for version in "${targets[@]}"; do
    start_one "$version" "to-$version" $((id += 1))
  done
}

start_one() {
  local version=$1 name=$2 server_id=$3
  server_is_running "$name" || version_start "$version" "$name" --server-id="$server_id" \
    --log-bin=binlog --binlog-format=ROW --log-bin-trust-function-creators=1 "${SERVER_OPTIONS[@]}"
}

load_cases() {
  local version=$1 case
  for case in "${cases[@]}"; do
    case_is_for "$case" "$version" || continue
    {
      # All servers shall store the same text for the same statement.
      echo "SET NAMES utf8mb4; SET sql_mode = ''; CREATE DATABASE c_$case CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci; USE c_$case;"
      "case_$case"
    } | server_sql "from-$version" >/dev/null || die "$version did not take the case $case"
    shape "from-$version" "c_$case" >"$SERVERS_DIR/from-$version.$case"
  done
}

# ---------------------------------------------------------------- one copy

run_case() {
  local source=$1 target=$2 case=$3 status=0 result detail=
  local report=$SERVERS_DIR/report.json log=$SERVERS_DIR/copy.log differences=$SERVERS_DIR/differences
  clean_target "to-$target"
  rm -f -- "$report"
  timeout "$COPY_LIMIT_S" "$ZDPIPE_BINARY" copy --source-state frozen --databases "c_$case" \
    --from "$(server_socket "from-$source")" --from-user "$(id -un)" \
    --to "$(server_socket "to-$target")" --to-user "$(id -un)" \
    --handoff "$SERVERS_DIR/handoff.json" --report "$report" --progress none \
    --range-bytes 1MiB "${zdpipe_options[@]}" >"$log" 2>&1 </dev/null || status=$?
  shape "to-$target" "c_$case" >"$SERVERS_DIR/target"
  comparable "$source" "$target" <"$SERVERS_DIR/from-$source.$case" >"$SERVERS_DIR/wanted"
  comparable "$source" "$target" <"$SERVERS_DIR/target" >"$SERVERS_DIR/got"
  diff "$SERVERS_DIR/wanted" "$SERVERS_DIR/got" >"$differences" || true
  result=$(result_of "$status" "$SERVERS_DIR/wanted" "$SERVERS_DIR/got" "$differences" "$report" "$log")
  detail=$(detail_of "$result" "$report" "$log" "$differences")
  [[ $result != [A-Z]* ]] || failures=$((failures + 1))
  [[ -n $only_failures && $result != [A-Z]* ]] ||
    printf '%-13s  %-13s  %-14s  %4s  %-8s  %s\n' "$source" "$target" "$case" "$status" "$result" "$detail"
}

clean_target() {
  local schema
  for schema in $(server_schemas "$1"); do
    server_sql "$1" -e "SET foreign_key_checks = 0; DROP DATABASE \`$schema\`"
  done
}

result_of() {
  local status=$1 wanted=$2 got=$3 differences=$4 report=$5 log=$6
  case $status in
    0) complete_result "$differences" "$report" ;;
    3) if [[ -s $got ]]; then echo ERROR; else echo refused; fi ;;
    5) if grep -q 'error: load .*: row (' "$log"; then echo named; else echo ERROR; fi ;;
    8) partial_result "$wanted" "$got" "$differences" "$report" ;;
    *) echo ERROR ;;
  esac
}

complete_result() {
  local differences=$1 report=$2 name
  while read -r name; do
    is_noted "$report" "$name" || {
      echo SILENT
      return
    }
  done < <(sed -n 's/^[<>] //p' "$differences" | cut -f 2 | sort -u)
  if [[ -s $differences ]]; then echo noted; else echo equal; fi
}

is_noted() { jq -e --arg name ".$2:" 'any(.notes[]; contains($name))' "$1" >/dev/null; }

# Everything that differs must be of an object which zdpipe has named; tables must be there at all.
partial_result() {
  local wanted=$1 got=$2 differences=$3 report=$4 name listed
  if [[ $(rows_of "$wanted" "$report") != "$(rows_of "$got" "$report")" ]]; then
    if jq -e 'any(.failures[]; .reason | contains(": row ("))' "$report" >/dev/null; then echo named; else echo LATE; fi
    return
  fi
  listed=$(jq -r '.failures[].name' "$report" | sort -u)
  while read -r name; do
    grep -qxF -- "$name" <<<"$listed" || is_noted "$report" "$name" || {
      echo UNLISTED
      return
    }
  done < <(sed -n 's/^[<>] //p' "$differences" | cut -f 2 | sort -u)
  echo listed
}

# Tables and their rows, without the digest of those whose JSON documents are listed.
rows_of() {
  local json
  json=$(jq -r '.failures[] | select(.kind == "JSON types").name' "$2")
  JSON=$json awk -F '\t' '$1 == "rows" { print $2, $3, (index("\n" ENVIRON["JSON"] "\n", "\n" $2 "\n") ? "" : $4) }' "$1"
}

detail_of() {
  local result=$1 report=$2 log=$3 differences=$4
  case $result in
    equal) jq -r '[.findings[] | select(.severity == "warning") | .id] | unique | join(" ")' "$report" ;;
    refused) jq -r '[.findings[] | select(.severity == "error") | "\(.id) (\(.evidence))"] | join("; ")' "$report" ;;
    noted) jq -r '.notes | join("; ")' "$report" ;;
    listed | LATE) jq -r '[.failures[] | "\(.kind) \(.name): \(.reason)"] | join("; ")' "$report" ;;
    SILENT | UNLISTED) tr '\t\n' ' |' <"$differences" ;;
    ERROR | named) grep -m 1 -E 'error:' "$log" || tail -n 1 "$log" ;;
  esac | cut -c 1-400
}

# ---------------------------------------------------------------- what a database is

# One line per fact: its kind, the object, the rest. Only what both vendors have words for, with
# the differences between their words taken out: utf8 is utf8mb3, `now()` is `NOW`, 'x' is x.
shape() {
  local server=$1 schema=$2
  # Of tables that show the end of their period the digest differs; shape_history says more of them.
  server_tables "$server" | PERIODS=$(period_tables "$server" "$schema") awk -F '\t' -v schema="$schema" '
    $1 == schema { print "rows\t" $2 "\t" $3 "\t" (index("\n" ENVIRON["PERIODS"] "\n", "\n" $2 "\n") ? "" : $4) }' || true # a table that cannot be read has no line
  shape_queries "$schema" | server_sql "$server" | sort
  shape_of_later_servers "$server" "$schema" | sort
  shape_of_mariadb "$server" "$schema"
}

# comparable SOURCE TARGET: what both of them tell. Expressions are written otherwise by the other
# vendor; MySQL 8 tells the display width of an integer only of tinyint(1) and ZEROFILL columns; its
# JSON is a LONGTEXT with a CHECK in MariaDB.
comparable() {
  local left_out='^$'
  case $(version_vendor "$1")-$(version_vendor "$2") in
    mysql-mariadb) left_out='^(check clause|checks|generated as)' ;;
    mariadb-mysql) left_out='^(check clause|generated as)' ;;
  esac
  if [[ $1 == mysql-* && $2 == mariadb-* ]]; then
    sed -E 's/^(column\t.*\t)json\t(YES|NO)\tNULL\t/\1longtext\t\2\tutf8mb4_bin\t/'
  else
    cat
  fi | if [[ $1$2 == *mysql-9* ]]; then without_widths; else cat; fi | { grep -vE "$left_out" || true; }
}

without_widths() {
  sed -E '/zerofill/! { s/\btinyint\(1\)/tinyint_1/g; s/\b((tiny|small|medium|big)?int|year)\([0-9]+\)/\1/g; s/tinyint_1( unsigned)/tinyint\1/g }'
}

shape_queries() {
  local is="information_schema" schema="'$1'"
  # MariaDB 11.8 reads the collation of "CHARACTER SET x" in a body by the session's settings.
  cat <<SQL
/*M!110201 SET character_set_collations = '' */;
SELECT 'table', table_name, table_type, UPPER(engine), REPLACE(table_collation, 'utf8mb3_', 'utf8_'), table_comment
FROM $is.tables WHERE table_schema = $schema AND table_type IN ('BASE TABLE', 'SYSTEM VERSIONED');
SELECT 'counter', table_name, auto_increment FROM $is.tables
WHERE table_schema = $schema AND table_type = 'BASE TABLE' AND auto_increment > 1;
SELECT 'column', table_name, ordinal_position, column_name,
       REPLACE(REPLACE(column_type, '/*M!', '/*!'), 'geomcollection', 'geometrycollection'), is_nullable,
       REPLACE(collation_name, 'utf8mb3_', 'utf8_'),
       LOWER(REPLACE(TRIM(BOTH '''' FROM COALESCE(NULLIF(column_default, 'NULL'), '')), '()', '')),
       TRIM(LOWER(REPLACE(REPLACE(extra, '()', ''), 'DEFAULT_GENERATED', ''))), column_comment
FROM $is.columns JOIN $is.tables USING (table_schema, table_name)
WHERE table_schema = $schema AND table_type <> 'VIEW';
SELECT 'view column', table_name, ordinal_position, column_name, column_type
FROM $is.columns JOIN $is.views USING (table_schema, table_name) WHERE table_schema = $schema;
SELECT 'key', table_name, index_name, non_unique, seq_in_index, column_name, sub_part,
       IF(index_type IN ('SE_SPECIFIC', 'NONE'), '', index_type), collation
FROM $is.statistics WHERE table_schema = $schema;
SELECT 'foreign key', k.table_name, k.constraint_name, k.ordinal_position, k.column_name,
       k.referenced_table_name, k.referenced_column_name,
       REPLACE(r.update_rule, 'RESTRICT', 'NO ACTION'), REPLACE(r.delete_rule, 'RESTRICT', 'NO ACTION')
FROM $is.key_column_usage AS k JOIN $is.referential_constraints AS r
  ON r.constraint_schema = k.constraint_schema AND r.constraint_name = k.constraint_name
     AND r.table_name = k.table_name
WHERE k.table_schema = $schema;
SELECT 'partition', table_name, partition_name, partition_method, partition_description, table_rows
FROM $is.partitions WHERE table_schema = $schema AND partition_name IS NOT NULL AND partition_method <> 'SYSTEM_TIME';
SELECT 'view', table_name, is_updatable, security_type FROM $is.views WHERE table_schema = $schema;
SELECT 'routine', routine_name, routine_type, dtd_identifier, sql_data_access, routine_comment
FROM $is.routines WHERE routine_schema = $schema;
SELECT 'parameter', specific_name, ordinal_position, parameter_name, dtd_identifier,
       REPLACE(collation_name, 'utf8mb3_', 'utf8_')
FROM $is.parameters WHERE specific_schema = $schema;
SELECT 'trigger', trigger_name, event_object_table, action_timing, event_manipulation, HEX(action_statement)
FROM $is.triggers WHERE trigger_schema = $schema;
SELECT 'event', event_name, interval_value, interval_field FROM $is.events WHERE event_schema = $schema;
SQL
}

# What MySQL 5.6 has no place for, so that its loss is a difference.
shape_of_later_servers() {
  local server=$1 schema=$2
  [[ $(server_sql "$server" -e 'SELECT @@version') != 5.6* ]] || return 0
  server_sql "$server" <<SQL
SELECT 'checks', table_name, COUNT(*) FROM information_schema.table_constraints
WHERE constraint_schema = '$schema' AND constraint_type = 'CHECK' GROUP BY table_name;
SELECT 'generated', table_name, column_name FROM information_schema.columns
WHERE table_schema = '$schema' AND generation_expression <> '';
SQL
}

# Expressions are compared between servers of one vendor: the other writes them otherwise.
shape_of_mariadb() {
  local server=$1 schema=$2
  # shellcheck disable=SC2016  # SQL
  [[ $(server_sql "$server" -e 'SELECT @@version') == *MariaDB* ]] || return 0
  server_sql "$server" <<SQL | sort
SELECT 'check clause', table_name, constraint_name, check_clause FROM information_schema.check_constraints
WHERE constraint_schema = '$schema';
SELECT 'generated as', table_name, column_name, generation_expression FROM information_schema.columns
WHERE table_schema = '$schema' AND generation_expression IS NOT NULL;
SELECT 'sequence', table_name FROM information_schema.tables
WHERE table_schema = '$schema' AND table_type = 'SEQUENCE';
SQL
  shape_history "$server" "$schema"
  shape_sequences "$server" "$schema"
}

# Every row of system-versioned tables with its period. Current rows end in 2038 or, since MariaDB
# 11.5, in 2106.
shape_history() {
  local server=$1 schema=$2
  server_sql "$server" --raw <<SQL | server_sql "$server" | sort
SELECT 'SET time_zone = ''+00:00'';';
SELECT CONCAT('SELECT ''history'', ', QUOTE(table_name), ', HEX(CONCAT_WS(''#'', ',
              GROUP_CONCAT(IF(generation_expression = 'ROW END', NULL, CONCAT('HEX(\`', REPLACE(column_name, '\`', '\`\`'), '\`)')) ORDER BY ordinal_position), ', ',
              COALESCE(GROUP_CONCAT(IF(generation_expression = 'ROW START', CONCAT('\`', column_name, '\`'), NULL)), 'row_start'),
              ')), NULLIF(NULLIF(',
              COALESCE(GROUP_CONCAT(IF(generation_expression = 'ROW END', CONCAT('\`', REPLACE(column_name, '\`', '\`\`'), '\`'), NULL)), 'row_end'),
              ', ''2038-01-19 03:14:07.999999''), ''2106-02-07 06:28:15.999999'') FROM \`', table_schema, '\`.\`',
              table_name, '\` FOR SYSTEM_TIME ALL;')
FROM information_schema.columns JOIN information_schema.tables USING (table_schema, table_name)
WHERE table_schema = '$schema' AND table_type = 'SYSTEM VERSIONED'
GROUP BY table_schema, table_name;
SQL
}

period_tables() {
  [[ $(server_sql "$1" -e 'SELECT @@version') == *MariaDB* ]] || return 0
  server_sql "$1" -e "SELECT table_name FROM information_schema.columns
    WHERE table_schema = '$2' AND generation_expression = 'ROW END'"
}

# What a sequence gives next, and how.
shape_sequences() {
  local server=$1 schema=$2
  server_sql "$server" --raw <<SQL | server_sql "$server" | sort
SELECT CONCAT('SELECT ''state'', ', QUOTE(table_name), ', s.* FROM \`', table_schema, '\`.\`', table_name, '\` AS s;')
FROM information_schema.tables WHERE table_schema = '$schema' AND table_type = 'SEQUENCE';
SQL
}

# ---------------------------------------------------------------- the end

summary() {
  if ((failures > 0)); then
    say "$failures of the results above count as failures"
    exit 1
  fi
  say "no failures"
}

# ---------------------------------------------------------------- the cases

# Each case_NAME prints what fills the database c_NAME; the version from which MariaDB (a number) or
# MySQL has it, or that all have it, is said in case_since.

all_cases() { declare -F | sed -n 's/^declare -f case_\(.*\)/\1/p' | grep -vxE 'since|is_for'; }

case_is_for() {
  local case=$1 version=$2 since
  since=$(case_since "$case")
  [[ $since != all ]] || return 0
  [[ $since == mysql-* ]] || since=mariadb-$since
  [[ ${version%-*} == "${since%-*}" ]] && printf '%s\n' "${since#*-}" "${version#*-}" | sort -V -C
}

case_since() {
  case $1 in
    values | negative_zero | keys | charsets | tables | objects | utf8mb3) echo all ;;
    ugly_values | old_engines | merge | archive | blackhole | partitions | segments | many_tables | sql_modes) echo all ;;
    uca1400 | uca1400_parts | inet4) echo 10.10 ;;
    new_functions) echo 10.10 ;;
    mysql8_collation | small_sequence) echo 11.5 ;;
    late_times) echo 11.5 ;;
    timestamps) echo 10.10 ;; # from there explicit_defaults_for_timestamp is ON
    uuid) echo 10.7 ;;
    ignored_key) echo 10.6 ;;
    descending_key) echo 10.8 ;;
    vector) echo 11.7 ;;
    my_libraries) echo mysql-9.2 ;;
    my_*) echo mysql-8.0 ;;
    *) echo 10.5 ;;
  esac
}

case_values() {
  cat <<'SQL'
CREATE TABLE numbers (
  id INT NOT NULL AUTO_INCREMENT PRIMARY KEY, tiny TINYINT, small SMALLINT UNSIGNED, medium MEDIUMINT,
  big BIGINT, ubig BIGINT UNSIGNED, zero INT(8) UNSIGNED ZEROFILL, f FLOAT, d DOUBLE, fd FLOAT(7,3),
  price DECIMAL(65,30), bits BIT(64), flag BIT(1) NOT NULL DEFAULT b'1', truth BOOLEAN
);
SET sql_mode = 'NO_AUTO_VALUE_ON_ZERO';
INSERT INTO numbers VALUES
  (0, -128, 65535, -8388608, -9223372036854775808, 18446744073709551615, 42, 1/3, -1/3, 1.5,
   -99999999999999999999999999999999999.999999999999999999999999999999, b'1', b'0', TRUE),
  (1, 127, 0, 8388607, 9223372036854775807, 9223372036854775808, 0, 16777217, 1.7976931348623157e308, 0.001,
   0.000000000000000000000000000001, 18446744073709551615, b'1', FALSE),
  (7, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, b'1', NULL),
  (8, 0, 1, 0, 0, 0, 99999999, -3.4028234e38, 5e-324, -1, 1e20, 0, b'0', 2);
CREATE TABLE times (
  id INT NOT NULL PRIMARY KEY, d DATE, t TIME(6), dt DATETIME(6), ts TIMESTAMP(6) NULL, y YEAR(4),
  created TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP
);
SET time_zone = '+00:00';
INSERT INTO times VALUES
  (1, '0000-00-00', '-838:59:59', '0000-00-00 00:00:00', '2024-10-27 00:30:00.000001', 1901, '2001-01-01'),
  (2, '9999-12-31', '838:59:58.999999', '9999-12-31 23:59:59.999999', '1970-01-01 00:00:01', 2155, '2038-01-19 03:14:07'),
  (3, '2024-00-15', '00:00:00', '2024-02-00 00:00:00', NULL, 0, '2024-03-31 01:30:00'), (4, NULL, NULL, NULL, NULL, NULL, '2001-01-01');
CREATE TABLE texts (
  id INT NOT NULL PRIMARY KEY, c CHAR(10), v VARCHAR(100), l VARCHAR(50) CHARACTER SET latin1, b VARBINARY(300), fixed BINARY(4),
  t TEXT, lb LONGBLOB, e ENUM('a,b','it''s','ü') CHARACTER SET latin1, s SET('x','y','z') NOT NULL DEFAULT ''
);
INSERT INTO texts VALUES
  (1, 'a  ', 'tail ', 'Grüße', UNHEX('000102FF5C27225C4E'), 'ab', 'multi\nline\0', REPEAT('x', 100000), 'a,b', 'x,z'),
  (2, '', '', '', '', '', '', '', 'nothing', ''), (3, NULL, '\\N', NULL, NULL, NULL, NULL, NULL, NULL, 'y'), (4, '😀', '李', 'é', 0, 0, 'NULL', UNHEX('00'), 'ü', 'x,y,z');
SQL
}

# MariaDB 10.11.19 and 11.8.9 store 0 for -0; older ones, and MySQL 5.6, keep the sign.
case_negative_zero() {
  echo "CREATE TABLE t (id INT NOT NULL PRIMARY KEY, d DOUBLE, f FLOAT);"
  echo "INSERT INTO t VALUES (1, -0e0, -0e0), (2, 0, 0);"
}

case_keys() {
  cat <<'SQL'
CREATE TABLE two (a INT NOT NULL, b VARCHAR(20) NOT NULL, c INT, PRIMARY KEY (b, a), KEY c_a (c, a));
CREATE TABLE digits (d INT NOT NULL PRIMARY KEY);
INSERT INTO digits VALUES (0),(1),(2),(3),(4),(5),(6),(7),(8),(9);
INSERT INTO two SELECT x.d * 100 + y.d * 10 + z.d, CONCAT(ELT(1 + y.d, 'a', 'B', 'ä', 'Z', 'é', '-', '_', '%', ' ', '1'), z.d), x.d
  FROM digits x, digits y, digits z;
CREATE TABLE unkeyed (a INT, b VARCHAR(10), KEY (b));
INSERT INTO unkeyed SELECT x.d, 'same' FROM digits x, digits y;
CREATE TABLE only_unique (a BIGINT UNSIGNED NOT NULL, b CHAR(3) NOT NULL, UNIQUE KEY (a), UNIQUE KEY (b, a));
INSERT INTO only_unique SELECT 18446744073709551615 - d, d FROM digits;
CREATE TABLE nullable_unique (a INT, UNIQUE KEY (a));
INSERT INTO nullable_unique VALUES (1), (NULL), (NULL);
CREATE TABLE prefixed (a VARCHAR(100) NOT NULL, b BLOB, UNIQUE KEY (a(7)), KEY (b(20)));
INSERT INTO prefixed SELECT CONCAT(x.d, y.d, '-text'), REPEAT('b', 200) FROM digits x, digits y;
CREATE TABLE words (id INT NOT NULL PRIMARY KEY, t TEXT, FULLTEXT KEY w (t)) ENGINE=InnoDB;
INSERT INTO words VALUES (1, 'some words'), (2, 'other words');
CREATE TABLE by_enum (e ENUM('z','a','m') NOT NULL PRIMARY KEY, f FLOAT NOT NULL, UNIQUE KEY (f));
INSERT INTO by_enum VALUES ('z', 0.1), ('a', 0.2), ('m', 16777217);
CREATE TABLE parent (id INT NOT NULL AUTO_INCREMENT PRIMARY KEY, favourite INT) AUTO_INCREMENT=1000;
CREATE TABLE child (id INT NOT NULL PRIMARY KEY, parent INT NOT NULL,
  CONSTRAINT to_parent FOREIGN KEY (parent) REFERENCES parent (id) ON DELETE CASCADE ON UPDATE NO ACTION);
ALTER TABLE parent ADD CONSTRAINT to_child FOREIGN KEY (favourite) REFERENCES child (id) ON DELETE SET NULL;
INSERT INTO parent VALUES (1, NULL), (2, NULL);
INSERT INTO child VALUES (1, 1), (2, 1), (3, 2);
UPDATE parent SET favourite = 3;
SQL
}

case_charsets() {
  cat <<'SQL'
CREATE TABLE wide (id INT NOT NULL PRIMARY KEY, a VARCHAR(20) CHARACTER SET ucs2, b VARCHAR(20) CHARACTER SET utf16,
  c VARCHAR(20) CHARACTER SET utf32, d VARCHAR(20) CHARACTER SET utf16le, KEY (a), KEY (c));
INSERT INTO wide VALUES (1, 'aé李', 'a😀', '😀', 'é'), (2, '', NULL, '\\', '''');
CREATE TABLE backslashes (id INT NOT NULL PRIMARY KEY, a VARCHAR(20) CHARACTER SET sjis, b VARCHAR(20) CHARACTER SET big5,
  c VARCHAR(20) CHARACTER SET gbk, d VARCHAR(20) CHARACTER SET cp932, e VARCHAR(20) CHARACTER SET euckr);
INSERT INTO backslashes VALUES (1, UNHEX('835C'), UNHEX('A55C'), UNHEX('815C'), UNHEX('815F'), UNHEX('B0A1'));
CREATE TABLE narrow (a VARCHAR(20) CHARACTER SET latin1 COLLATE latin1_german2_ci NOT NULL PRIMARY KEY, b TEXT CHARACTER SET cp1251,
  c CHAR(5) CHARACTER SET ascii COLLATE ascii_bin, d VARCHAR(5) CHARACTER SET latin2) DEFAULT CHARACTER SET koi8r;
INSERT INTO narrow VALUES ('ä', 'Привет', 'x', 'ł'), ('b', NULL, '', '');
CREATE TABLE defaults (id INT NOT NULL PRIMARY KEY, plain VARCHAR(20), turkish VARCHAR(20) COLLATE utf8mb4_turkish_ci,
  bin VARCHAR(20) COLLATE utf8mb4_bin, uni VARCHAR(20) COLLATE utf8mb4_unicode_520_ci, KEY (turkish)) COLLATE utf8mb4_general_ci;
INSERT INTO defaults VALUES (1, 'I', 'i', 'ß', 'ss');
SQL
}

case_tables() {
  cat <<'SQL'
CREATE TABLE old_engine (id INT NOT NULL AUTO_INCREMENT PRIMARY KEY, p GEOMETRY NOT NULL, t TEXT, SPATIAL KEY (p), FULLTEXT KEY (t))
  ENGINE=MyISAM COMMENT='äöü "quoted" ''twice'' \\ back' AUTO_INCREMENT=77;
INSERT INTO old_engine (p, t) VALUES (POINT(1, 2), 'a'), (ST_GEOMFROMTEXT('LINESTRING(0 0, 1 1)'), 'b');
CREATE TABLE in_memory (a INT NOT NULL, KEY (a) USING BTREE, KEY h (a) USING HASH) ENGINE=MEMORY;
INSERT INTO in_memory VALUES (1), (2), (2);
CREATE TABLE as_csv (a INT NOT NULL, b VARCHAR(20) NOT NULL) ENGINE=CSV;
INSERT INTO as_csv VALUES (1, 'x,"y"');
CREATE TABLE parted (d DATE NOT NULL, n INT NOT NULL, PRIMARY KEY (d, n)) PARTITION BY RANGE COLUMNS (d)
  SUBPARTITION BY HASH (n) SUBPARTITIONS 2 (PARTITION p1 VALUES LESS THAN ('2020-01-01'), PARTITION rest VALUES LESS THAN (MAXVALUE));
INSERT INTO parted VALUES ('2019-01-01', 1), ('2020-01-01', 2), ('2021-01-01', 3);
CREATE TABLE listed (n INT) PARTITION BY LIST (n) (PARTITION odd VALUES IN (1, 3), PARTITION other VALUES IN (0, 2, NULL));
INSERT INTO listed VALUES (1), (2), (NULL);
CREATE TABLE packed (id INT NOT NULL PRIMARY KEY, t TEXT) ROW_FORMAT=REDUNDANT STATS_PERSISTENT=1 CHECKSUM=1;
INSERT INTO packed VALUES (1, 'r');
CREATE TABLE empty_one (id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY, `a ``name``, with "all"` INT COMMENT 'it''s') AUTO_INCREMENT=5000000000;
CREATE TABLE `größe 100%.x/y` (`Ü` INT NOT NULL PRIMARY KEY, `select` INT);
INSERT INTO `größe 100%.x/y` VALUES (1, 2);
SQL
}

case_objects() {
  cat <<'SQL'
CREATE TABLE t (id INT NOT NULL AUTO_INCREMENT PRIMARY KEY, n VARCHAR(50), l VARCHAR(20) CHARACTER SET latin1);
CREATE TABLE log (what VARCHAR(100));
INSERT INTO t VALUES (1, 'eins', 'é'), (2, 'zwei', 'x');
CREATE VIEW v AS SELECT id, CONCAT(n, 'ö') AS n FROM t WHERE id < 10;
CREATE SQL SECURITY INVOKER VIEW v_on_v AS SELECT n FROM v WHERE n <> 'ä';
DELIMITER //
CREATE FUNCTION f(a VARCHAR(20), b INT) RETURNS VARCHAR(30) DETERMINISTIC COMMENT 'größe' RETURN CONCAT(a, 'ü', b)//
CREATE PROCEDURE p(IN a CHAR(5), OUT b DECIMAL(10,2)) BEGIN SELECT COUNT(*) INTO b FROM t WHERE n = a; END//
CREATE TRIGGER t_insert AFTER INSERT ON t FOR EACH ROW INSERT INTO log VALUES (CONCAT('new ', NEW.n))//
CREATE EVENT e ON SCHEDULE EVERY 1 DAY STARTS '2030-01-01 00:00:00' DO DELETE FROM log//
DELIMITER ;
CREATE VIEW v_on_f AS SELECT f(n, id) AS x FROM t;
SQL
}

# What old servers call utf8 is not what new ones may take it for.
case_utf8mb3() {
  cat <<'SQL'
CREATE TABLE t (id INT NOT NULL PRIMARY KEY, a VARCHAR(20), b VARCHAR(20) COLLATE utf8_bin, KEY (a)) DEFAULT CHARACTER SET utf8 COLLATE utf8_unicode_ci;
INSERT INTO t VALUES (1, 'é', '李');
CREATE TABLE plain (v VARCHAR(20) NOT NULL PRIMARY KEY) DEFAULT CHARACTER SET utf8 COLLATE utf8_general_ci;
INSERT INTO plain VALUES ('é');
CREATE FUNCTION f(a VARCHAR(20) CHARACTER SET utf8) RETURNS VARCHAR(20) CHARACTER SET utf8 DETERMINISTIC RETURN CONCAT(a, _utf8'é');
CREATE VIEW v AS SELECT CONVERT(v USING utf8) AS v, CAST('a' AS CHAR CHARACTER SET utf8) AS c FROM plain;
SQL
}

case_uca1400() {
  cat <<'SQL'
CREATE TABLE t (v VARCHAR(20) NOT NULL PRIMARY KEY) DEFAULT CHARACTER SET utf8mb4 COLLATE uca1400_ai_ci;
INSERT INTO t VALUES ('ä'), ('B');
SQL
}

# Collations that are named in a body, a view, or a default only.
case_collation_in_body() {
  cat <<'SQL'
CREATE TABLE t (v VARCHAR(20));
INSERT INTO t VALUES ('a');
CREATE VIEW v AS SELECT v COLLATE utf8mb4_nopad_bin AS v FROM t;
SQL
}

case_nopad() {
  cat <<'SQL'
CREATE TABLE t (v VARCHAR(20) NOT NULL PRIMARY KEY) DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin;
INSERT INTO t VALUES ('a'), ('a ');
SQL
}

case_uuid() {
  echo "CREATE TABLE t (id UUID NOT NULL PRIMARY KEY, n INT);"
  echo "INSERT INTO t VALUES ('123e4567-e89b-12d3-a456-426655440000', 1), ('f23e4567-e89b-42d3-a456-426655440000', 2);"
}

case_inet4() {
  echo "CREATE TABLE t (a INET4 NOT NULL PRIMARY KEY, b INET4);"
  echo "INSERT INTO t VALUES ('192.0.2.1', NULL), ('10.0.0.1', '0.0.0.0');"
}

case_inet6() {
  echo "CREATE TABLE t (a INET6 NOT NULL PRIMARY KEY, b INET6);"
  echo "INSERT INTO t VALUES ('2001:db8::1', NULL), ('::', '::ffff:192.0.2.1');"
}

case_vector() {
  echo "CREATE TABLE t (id INT NOT NULL PRIMARY KEY, v VECTOR(3) NOT NULL, VECTOR KEY (v));"
  echo "INSERT INTO t VALUES (1, VEC_FromText('[0.1,2,-3]'));"
}

case_sequence() {
  cat <<'SQL'
CREATE SEQUENCE s START WITH 100 INCREMENT BY 5 MAXVALUE 1000 CYCLE CACHE 10;
SELECT NEXTVAL(s) INTO @x;
CREATE TABLE t (id BIGINT NOT NULL DEFAULT NEXTVAL(s) PRIMARY KEY, n INT);
INSERT INTO t (n) VALUES (1), (2);
SQL
}

# No default refers to it: nothing but the sequence itself can tell.
case_lone_sequence() { echo "CREATE SEQUENCE s MINVALUE -5; CREATE TABLE t (a INT); INSERT INTO t VALUES (1);"; }

case_generated() {
  cat <<'SQL'
CREATE TABLE t (a INT NOT NULL PRIMARY KEY, b INT, v INT AS (a + b) VIRTUAL, s VARCHAR(20) AS (CONCAT(a, '-', b)) STORED, KEY (s), KEY (v));
INSERT INTO t (a, b) VALUES (1, 2), (2, NULL);
SQL
}

case_checks() {
  cat <<'SQL'
CREATE TABLE t (a INT NOT NULL PRIMARY KEY, b INT CHECK (b > 0), c INT, CONSTRAINT ordered CHECK (a < c));
INSERT INTO t VALUES (1, 1, 5);
SET check_constraint_checks = 0;
INSERT INTO t VALUES (2, -1, 1);
SQL
}

case_json() {
  echo "CREATE TABLE t (id INT NOT NULL PRIMARY KEY, j JSON NOT NULL, k JSON);"
  echo "INSERT INTO t VALUES (1, '{\"a\": [1, 2.0, \"é\"]}', NULL), (2, '[]', 'null');"
}

case_default_expr() {
  cat <<'SQL'
CREATE TABLE t (id INT NOT NULL PRIMARY KEY, a INT DEFAULT (1 + 2), b VARCHAR(36) DEFAULT (UUID()), c DATE DEFAULT (CURRENT_DATE() + INTERVAL 1 DAY));
INSERT INTO t (id) VALUES (1);
UPDATE t SET b = 'x', c = '2024-01-01';
SQL
}

case_text_default() {
  echo "CREATE TABLE t (id INT NOT NULL PRIMARY KEY, a TEXT NOT NULL DEFAULT 'none', b BLOB DEFAULT NULL);"
  echo "INSERT INTO t (id) VALUES (1);"
}

case_invisible() {
  echo "CREATE TABLE t (id INT NOT NULL PRIMARY KEY, hidden INT INVISIBLE DEFAULT 7);"
  echo "INSERT INTO t (id, hidden) VALUES (1, 1), (2, 7);"
}

# More than the 767 bytes which InnoDB of MySQL 5.6 takes for a key part.
case_long_key() {
  echo "CREATE TABLE t (id INT NOT NULL PRIMARY KEY, a VARCHAR(255), b VARCHAR(500) NOT NULL, KEY (a), UNIQUE KEY (b));"
  echo "INSERT INTO t VALUES (1, 'a', REPEAT('b', 500));"
}

case_long_plain_key() {
  echo "CREATE TABLE t (id INT NOT NULL PRIMARY KEY, a VARCHAR(255), KEY (a));"
  echo "INSERT INTO t VALUES (1, 'a');"
}

case_long_unique() {
  echo "CREATE TABLE t (id INT NOT NULL PRIMARY KEY, a TEXT, UNIQUE KEY (a));"
  echo "INSERT INTO t VALUES (1, REPEAT('a', 5000)), (2, NULL);"
}

case_versioned() {
  cat <<'SQL'
CREATE TABLE t (id INT NOT NULL PRIMARY KEY, n INT) WITH SYSTEM VERSIONING;
INSERT INTO t VALUES (1, 1);
UPDATE t SET n = 2;
SQL
}

case_period() {
  cat <<'SQL'
CREATE TABLE t (id INT NOT NULL, s DATE NOT NULL, e DATE NOT NULL, PERIOD FOR p (s, e), UNIQUE KEY (id, p WITHOUT OVERLAPS));
INSERT INTO t VALUES (1, '2020-01-01', '2021-01-01'), (1, '2021-01-01', '2022-01-01');
SQL
}

# "NOT NULL" without a default is a different column where timestamps have implicit defaults.
case_timestamps() {
  echo "CREATE TABLE t (id INT NOT NULL PRIMARY KEY, a TIMESTAMP NOT NULL, b TIMESTAMP, c TIMESTAMP NULL);"
  echo "INSERT INTO t VALUES (1, '2024-01-01 00:00:00', '2024-01-01', NULL);"
}

case_ignored_key() {
  echo "CREATE TABLE t (id INT NOT NULL PRIMARY KEY, a INT, KEY k (a) IGNORED);"
  echo "INSERT INTO t VALUES (1, 1);"
}

case_descending_key() {
  echo "CREATE TABLE t (a INT NOT NULL, b INT NOT NULL, PRIMARY KEY (a, b DESC), KEY k (b DESC));"
  echo "INSERT INTO t VALUES (1, 1), (1, 2), (2, 0);"
}

case_aria() {
  echo "CREATE TABLE t (id INT NOT NULL PRIMARY KEY, a INT) ENGINE=Aria TRANSACTIONAL=1 PAGE_CHECKSUM=1;"
  echo "INSERT INTO t VALUES (1, 1);"
}

case_table_options() {
  cat <<'SQL'
CREATE TABLE compressed_pages (id INT NOT NULL PRIMARY KEY, t TEXT) PAGE_COMPRESSED=1;
CREATE TABLE compressed_column (id INT NOT NULL PRIMARY KEY, t TEXT COMPRESSED);
CREATE TABLE compressed_rows (id INT NOT NULL PRIMARY KEY, t TEXT) ROW_FORMAT=COMPRESSED KEY_BLOCK_SIZE=8;
INSERT INTO compressed_pages VALUES (1, REPEAT('a', 9000));
INSERT INTO compressed_column VALUES (1, REPEAT('a', 9000));
INSERT INTO compressed_rows VALUES (1, REPEAT('a', 9000));
SQL
}

case_two_triggers() {
  cat <<'SQL'
CREATE TABLE t (id INT NOT NULL PRIMARY KEY, a INT);
INSERT INTO t VALUES (1, 1);
CREATE TRIGGER second BEFORE INSERT ON t FOR EACH ROW SET NEW.a = 1;
CREATE TRIGGER first BEFORE INSERT ON t FOR EACH ROW PRECEDES second SET NEW.a = 2;
SQL
}

case_packages() {
  cat <<'SQL'
SET sql_mode = 'ORACLE';
DELIMITER //
CREATE PACKAGE pack AS FUNCTION f RETURN INT; END//
CREATE PACKAGE BODY pack AS FUNCTION f RETURN INT AS BEGIN RETURN 1; END; END//
CREATE PROCEDURE p(a INT) AS BEGIN NULL; END//
DELIMITER ;
SQL
}

# Words that MySQL 5.6 does not know, in bodies and views.
case_new_words() {
  cat <<'SQL'
CREATE TABLE t (id INT NOT NULL PRIMARY KEY, a INT);
INSERT INTO t VALUES (1, 1);
CREATE VIEW ranked AS SELECT id, ROW_NUMBER() OVER (ORDER BY a) AS n FROM t;
CREATE VIEW with_cte AS WITH c AS (SELECT id FROM t) SELECT id FROM c;
CREATE FUNCTION f() RETURNS INT RETURN (SELECT JSON_LENGTH('[1]'));
SQL
}

# Types at their ends, of every kind both vendors have.
case_ugly_values() {
  cat <<'SQL'
CREATE TABLE bits (b1 BIT(1), b7 BIT(7) NOT NULL DEFAULT b'101', b64 BIT(64) NOT NULL, PRIMARY KEY (b64));
INSERT INTO bits VALUES (b'1', 127, 0xFFFFFFFFFFFFFFFF), (NULL, 0, 0), (b'0', 1, 0x8000000000000000);
CREATE TABLE fractions (t TIME(6) NOT NULL PRIMARY KEY, t2 TIME(2), d DATETIME(3), s TIMESTAMP(1) NULL, y YEAR) ENGINE=InnoDB;
SET time_zone = '+00:00';
INSERT INTO fractions VALUES ('-00:00:00.000001', '-838:59:58.99', '0000-00-00', '2038-01-19 03:14:07.9', 1901),
  ('-12:34:56.789', '838:59:59', '1000-01-01 00:00:00.001', '1970-01-01 00:00:01', 0), ('00:00:00.5', NULL, NULL, NULL, 2155);
CREATE TABLE floats (id INT NOT NULL PRIMARY KEY, f FLOAT, d DOUBLE, u FLOAT UNSIGNED, n DECIMAL(65,0), m DECIMAL(30,30), z DECIMAL(10,4) UNSIGNED ZEROFILL);
INSERT INTO floats VALUES (1, 3.4028234663852886e38, 1.7976931348623157e308, 1.17549435e-38, REPEAT('9', 65), 0.999999999999999999999999999999, 1.5),
  (2, -3.4028234663852886e38, -2.2250738585072014e-308, 1e-45, -1, -0.000000000000000000000000000001, 0), (3, 0.1, 4.9e-324, 0, 0, 0, 999999.9999);
CREATE TABLE geometries (id INT NOT NULL PRIMARY KEY, g GEOMETRY, p POINT, l LINESTRING, a POLYGON, mp MULTIPOINT, ml MULTILINESTRING, ma MULTIPOLYGON, c GEOMETRYCOLLECTION);
INSERT INTO geometries VALUES (1, ST_GEOMFROMTEXT('POINT(1 2)', 4326), POINT(-0.1, 1e300), ST_GEOMFROMTEXT('LINESTRING(0 0,1 1)'),
  ST_GEOMFROMTEXT('POLYGON((0 0,0 3,3 3,3 0,0 0),(1 1,1 2,2 2,2 1,1 1))'), ST_GEOMFROMTEXT('MULTIPOINT(1 1,2 2)'), ST_GEOMFROMTEXT('MULTILINESTRING((0 0,1 1),(2 2,3 3))'),
  ST_GEOMFROMTEXT('MULTIPOLYGON(((0 0,0 3,3 3,3 0,0 0)))'), ST_GEOMFROMTEXT('GEOMETRYCOLLECTION(POINT(1 1),LINESTRING(0 0,1 1))')),
  (2, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL);
SQL
  local i members
  members=$(for i in {1..64}; do printf "'m%s'," "$i"; done)
  echo "CREATE TABLE sets (s SET(${members%,}) NOT NULL PRIMARY KEY, e ENUM('', 'a', ' b') NOT NULL);"
  echo "INSERT INTO sets VALUES (18446744073709551615, 1), (9223372036854775808, 'bad'), (0, 2), (1, ' b');"
}

case_old_engines() {
  cat <<'SQL'
CREATE TABLE fixed (id INT NOT NULL PRIMARY KEY, t CHAR(10)) ENGINE=MyISAM ROW_FORMAT=FIXED DELAY_KEY_WRITE=1 PACK_KEYS=1 MAX_ROWS=1000 AVG_ROW_LENGTH=50;
INSERT INTO fixed VALUES (1, 'x');
CREATE TABLE second_counter (a INT NOT NULL, b INT NOT NULL AUTO_INCREMENT, PRIMARY KEY (a, b)) ENGINE=MyISAM;
INSERT INTO second_counter (a) VALUES (1), (1), (2);
SQL
}

# Its rows are those of the other tables.
case_merge() {
  cat <<'SQL'
CREATE TABLE part1 (id INT NOT NULL, t VARCHAR(20), KEY (id)) ENGINE=MyISAM;
CREATE TABLE part2 LIKE part1;
INSERT INTO part1 VALUES (1, 'a'); INSERT INTO part2 VALUES (2, 'b');
CREATE TABLE merged (id INT NOT NULL, t VARCHAR(20), KEY (id)) ENGINE=MERGE UNION=(part1, part2) INSERT_METHOD=LAST;
SQL
}

case_archive() { echo "CREATE TABLE t (id INT NOT NULL AUTO_INCREMENT, t TEXT, KEY (id)) ENGINE=ARCHIVE; INSERT INTO t VALUES (1, 'a'), (5, 'b');"; }

case_blackhole() { echo "CREATE TABLE t (id INT NOT NULL PRIMARY KEY, t TEXT) ENGINE=BLACKHOLE; INSERT INTO t VALUES (1, 'a');"; }

case_partitions() {
  cat <<'SQL'
CREATE TABLE by_key (a VARCHAR(10) NOT NULL, n INT, PRIMARY KEY (a)) PARTITION BY KEY (a) PARTITIONS 3;
INSERT INTO by_key VALUES ('x', 1), ('Y', 2), ('z', 3), ('ä', 4);
CREATE TABLE by_linear (a INT NOT NULL PRIMARY KEY) PARTITION BY LINEAR HASH (a) PARTITIONS 5;
INSERT INTO by_linear VALUES (1), (2), (3), (40), (-7);
CREATE TABLE by_linear_key (a INT NOT NULL, b DATETIME NOT NULL, PRIMARY KEY (a, b)) PARTITION BY LINEAR KEY (a, b) PARTITIONS 4;
INSERT INTO by_linear_key VALUES (1, '2020-01-01'), (2, '2021-01-01'), (3, 0);
CREATE TABLE by_range (d DATE NOT NULL) PARTITION BY RANGE (TO_DAYS(d)) SUBPARTITION BY KEY (d)
 (PARTITION p0 VALUES LESS THAN (730000) COMMENT='old' (SUBPARTITION a, SUBPARTITION b), PARTITION p1 VALUES LESS THAN MAXVALUE (SUBPARTITION c, SUBPARTITION d));
INSERT INTO by_range VALUES ('1990-01-01'), ('2020-02-29');
CREATE TABLE by_list (a VARCHAR(10) NOT NULL, b INT) PARTITION BY LIST COLUMNS (a, b)
 (PARTITION p0 VALUES IN (('a', 1), ('b', NULL)), PARTITION p1 VALUES IN (('ü', 2)));
INSERT INTO by_list VALUES ('a', 1), ('b', NULL), ('ü', 2);
CREATE TABLE by_time (t TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP) PARTITION BY RANGE (UNIX_TIMESTAMP(t))
 (PARTITION p0 VALUES LESS THAN (UNIX_TIMESTAMP('2020-01-01 00:00:00')), PARTITION p1 VALUES LESS THAN (MAXVALUE));
INSERT INTO by_time VALUES ('2019-12-31 23:59:59'), ('2024-01-01');
SQL
}

# Large enough for several segments, with ranges of 1 MiB.
case_segments() {
  echo "CREATE TABLE digits (d INT NOT NULL PRIMARY KEY); INSERT INTO digits VALUES (0), (1), (2), (3), (4), (5), (6), (7), (8), (9);"
  echo "CREATE TABLE numbers (n INT NOT NULL PRIMARY KEY);"
  echo "INSERT INTO numbers SELECT a.d + 10 * b.d + 100 * c.d + 1000 * e.d FROM digits a, digits b, digits c, digits e;"
  echo "CREATE TABLE far_apart (id BIGINT NOT NULL PRIMARY KEY, v VARCHAR(1000) CHARACTER SET latin1);"
  echo "INSERT INTO far_apart SELECT IF(n = 0, -9223372036854775808, n * n - 5000000), REPEAT('a', 950) FROM numbers;"
  echo "CREATE TABLE topmost (id BIGINT UNSIGNED NOT NULL, m SMALLINT NOT NULL, v VARCHAR(1000) CHARACTER SET latin1, PRIMARY KEY (id, m));"
  echo "INSERT INTO topmost SELECT 18446744073709551615 - n DIV 3, n % 3, REPEAT('b', 950) FROM numbers;"
  echo "CREATE TABLE ids (id BINARY(16) NOT NULL, v VARCHAR(1000) CHARACTER SET latin1, UNIQUE KEY (id));"
  echo "INSERT INTO ids SELECT UNHEX(MD5(CONCAT(n))), REPEAT('c', 950) FROM numbers;"
  echo "ANALYZE TABLE far_apart, topmost, ids;"
}

# More than a reader keeps locks of (64).
case_many_tables() {
  local i
  for ((i = 0; i < 300; i++)); do
    echo "CREATE TABLE t$i (id INT NOT NULL PRIMARY KEY, n INT, KEY (n)); INSERT INTO t$i VALUES (1, $i), (2, NULL);"
  done
}

# In MariaDB only: DEFAULT as a list's last part.
case_list_default() {
  echo "CREATE TABLE t (a INT NOT NULL) PARTITION BY LIST (a) (PARTITION p0 VALUES IN (1), PARTITION p1 DEFAULT);"
  echo "INSERT INTO t VALUES (1), (2);"
}

# Settings of bodies that one side or the other does not know.
case_sql_modes() {
  local mode i=0
  echo "CREATE TABLE t (id INT NOT NULL PRIMARY KEY, a VARCHAR(20)); INSERT INTO t VALUES (1, 'x');"
  for mode in ANSI TRADITIONAL NO_AUTO_CREATE_USER HIGH_NOT_PRECEDENCE PAD_CHAR_TO_FULL_LENGTH NO_BACKSLASH_ESCAPES; do
    i=$((i + 1))
    # MySQL 8 has no NO_AUTO_CREATE_USER.
    echo "SET sql_mode = IF('$mode' = 'NO_AUTO_CREATE_USER' AND @@version REGEXP '^[89]', '', '$mode'); CREATE PROCEDURE p$i() SELECT 'a' AS x;"
    echo "CREATE EVENT e$i ON SCHEDULE EVERY 1 DAY STARTS '2030-01-01 00:00:00' DISABLE DO DELETE FROM t;"
  done
  echo "CREATE TRIGGER tr BEFORE INSERT ON t FOR EACH ROW SET NEW.a = 1;"
}

case_new_sql_modes() {
  echo "CREATE TABLE t (id INT NOT NULL PRIMARY KEY, a VARCHAR(20)); INSERT INTO t VALUES (1, 'x');"
  echo "SET sql_mode = 'SIMULTANEOUS_ASSIGNMENT'; CREATE PROCEDURE p1() UPDATE t SET a = id;"
  echo "SET sql_mode = 'TIME_ROUND_FRACTIONAL'; CREATE TRIGGER t2 BEFORE UPDATE ON t FOR EACH ROW SET NEW.a = 1;"
  echo "SET sql_mode = 'EMPTY_STRING_IS_NULL'; CREATE EVENT e3 ON SCHEDULE EVERY 1 DAY DISABLE DO DELETE FROM t;"
}

case_versioned_partitions() {
  cat <<'SQL'
SET time_zone = '+00:00', timestamp = UNIX_TIMESTAMP('2024-01-01 00:00:00.5');
CREATE TABLE by_limit (id INT NOT NULL PRIMARY KEY, n INT) WITH SYSTEM VERSIONING
  PARTITION BY SYSTEM_TIME LIMIT 2 (PARTITION p0 HISTORY, PARTITION p1 HISTORY, PARTITION now CURRENT);
CREATE TABLE by_interval (id INT NOT NULL PRIMARY KEY, n INT) WITH SYSTEM VERSIONING
  PARTITION BY SYSTEM_TIME INTERVAL 1 MONTH STARTS '2024-01-01 00:00:00' (PARTITION p0 HISTORY, PARTITION p1 HISTORY, PARTITION now CURRENT);
CREATE TABLE plain (id INT NOT NULL, n INT, KEY (id)) WITH SYSTEM VERSIONING PARTITION BY SYSTEM_TIME (PARTITION old HISTORY, PARTITION now CURRENT);
CREATE TABLE by_key (id INT NOT NULL PRIMARY KEY, n INT) WITH SYSTEM VERSIONING PARTITION BY KEY (id) PARTITIONS 2;
INSERT INTO by_limit VALUES (1, 1), (2, 1), (3, 1); INSERT INTO by_interval SELECT * FROM by_limit;
INSERT INTO plain SELECT * FROM by_limit; INSERT INTO by_key SELECT * FROM by_limit;
SET timestamp = UNIX_TIMESTAMP('2024-01-15 00:00:00.25');
UPDATE by_limit SET n = 2; UPDATE by_interval SET n = 2; UPDATE plain SET n = 2; UPDATE by_key SET n = 2;
SET timestamp = UNIX_TIMESTAMP('2024-02-15 00:00:00.125');
DELETE FROM by_limit WHERE id = 1; DELETE FROM by_interval WHERE id = 1; DELETE FROM plain WHERE id = 1; DELETE FROM by_key WHERE id = 1;
SQL
}

case_versioned_forms() {
  cat <<'SQL'
SET time_zone = '+00:00', timestamp = UNIX_TIMESTAMP('2024-01-01 00:00:00.5');
CREATE TABLE visible (id INT NOT NULL AUTO_INCREMENT PRIMARY KEY, n VARCHAR(300), s TIMESTAMP(6) GENERATED ALWAYS AS ROW START,
  `e ``1` TIMESTAMP(6) GENERATED ALWAYS AS ROW END, PERIOD FOR SYSTEM_TIME (s, `e ``1`), UNIQUE KEY (n)) WITH SYSTEM VERSIONING;
CREATE TABLE unkeyed (a INT, b TEXT WITHOUT SYSTEM VERSIONING) WITH SYSTEM VERSIONING;
CREATE TABLE aria (id INT NOT NULL PRIMARY KEY, n INT) ENGINE=Aria WITH SYSTEM VERSIONING;
INSERT INTO visible (n) VALUES ('a'), ('b'); INSERT INTO unkeyed VALUES (1, 'x'), (1, 'x'); INSERT INTO aria VALUES (1, 1), (2, 2);
SET timestamp = UNIX_TIMESTAMP('2024-01-01 00:00:01');
UPDATE visible SET n = CONCAT(n, 'é'); DELETE FROM unkeyed LIMIT 1; UPDATE unkeyed SET b = 'y'; DELETE FROM aria;
SET timestamp = UNIX_TIMESTAMP('2024-01-01 00:00:02.000001');
INSERT INTO visible (n) VALUES ('a'); DELETE FROM visible WHERE id = 1; INSERT INTO aria VALUES (1, 3);
SQL
}

# Of TIMESTAMPs behind 2038, which MariaDB has since 11.5.
case_late_times() {
  echo "CREATE TABLE t (id INT NOT NULL PRIMARY KEY, ts TIMESTAMP NULL); SET time_zone = '+00:00';"
  echo "INSERT INTO t VALUES (1, '2038-01-19 03:14:07'), (2, '2106-02-07 06:28:15');"
}

case_sequence_types() {
  cat <<'SQL'
CREATE SEQUENCE down START WITH -1 INCREMENT BY -1 NOCACHE;
CREATE SEQUENCE spent MAXVALUE 2; SELECT NEXTVAL(spent), NEXTVAL(spent);
CREATE SEQUENCE in_aria ENGINE=Aria COMMENT='größe'; SELECT NEXTVAL(in_aria);
CREATE TABLE t (a INT); INSERT INTO t VALUES (1);
SQL
}

case_small_sequence() { echo "CREATE SEQUENCE s AS SMALLINT UNSIGNED MAXVALUE 60000; SELECT NEXTVAL(s); CREATE TABLE t (a INT); INSERT INTO t VALUES (1);"; }

# What SHOW CREATE of one release calls otherwise than that of another.
case_renamed_words() {
  cat <<'SQL'
CREATE TABLE t (id INT NOT NULL PRIMARY KEY, a VARCHAR(30), d DATETIME, g POINT);
INSERT INTO t VALUES (1, 'x', '2024-01-01', POINT(1, 1));
CREATE VIEW v1 AS SELECT LAST_VALUE(id, a) AS l, CAST(d AS CHAR) AS c, ST_ASTEXT(g) AS w, SUBSTR(a, 1, 2) AS s, TRIM(BOTH 'x' FROM a) AS tr, REPLACE(a, 'x', 'y') AS r,
  CONCAT(a, 'b') AS cc, LPAD(a, 5, ' ') AS lp, DATE_FORMAT(d, '%M') AS df, d + INTERVAL 1 DAY AS da, a RLIKE 'x.*' AS rx, POSITION('x' IN a) AS po, CURRENT_USER() AS cu FROM t;
CREATE VIEW v2 AS SELECT JSON_VALUE('{"a": 1}', '$.a') AS j, REGEXP_REPLACE(a, 'x', 'y') AS r, LENGTH(a) AS l, DECODE_ORACLE(1, 1, 'a') AS o FROM t;
CREATE VIEW v3 AS SELECT GROUP_CONCAT(a ORDER BY id LIMIT 1) AS g FROM t;
CREATE VIEW v4 AS SELECT * FROM t WHERE id IN (SELECT id FROM t EXCEPT ALL SELECT 5) LIMIT 1 OFFSET 0;
CREATE VIEW v5 AS SELECT DATEDIFF(d, '2020-01-01') AS x, CAST(a AS DOUBLE) AS y, CAST('1:00' AS TIME(3)) AS z FROM t FOR UPDATE;
SQL
}

case_new_functions() {
  cat <<'SQL'
CREATE TABLE t (id INT NOT NULL PRIMARY KEY, a VARCHAR(30)); INSERT INTO t VALUES (1, 'x');
CREATE VIEW natural_sort AS SELECT NATURAL_SORT_KEY(a) AS n FROM t;
CREATE VIEW formatted AS SELECT SFORMAT('{}', a) AS s FROM t;
CREATE VIEW skipped AS SELECT a FROM t ORDER BY a FETCH FIRST 1 ROWS WITH TIES;
SQL
}

case_mixed_generated() {
  cat <<'SQL'
CREATE TABLE base (id INT NOT NULL PRIMARY KEY, j JSON, a VARCHAR(20), d DATETIME(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3) ON UPDATE CURRENT_TIMESTAMP(3),
  up VARCHAR(20) GENERATED ALWAYS AS (UCASE(a)) STORED, ex INT GENERATED ALWAYS AS (JSON_VALUE(j, '$.x')) VIRTUAL, day DATE AS (CAST(d AS DATE)) STORED,
  i INT INVISIBLE DEFAULT (id % 3), r DOUBLE DEFAULT RAND(), u BIGINT DEFAULT UUID_SHORT(), UNIQUE KEY (up), KEY (day),
  CONSTRAINT `named check` CHECK (a <> 'q'), CHECK (LENGTH(a) < 20));
INSERT INTO base (id, j, a, d, r, u) VALUES (1, '{"x": 7}', 'é', '2024-01-01 00:00:00.123', 0.5, 1);
CREATE TABLE child (id INT NOT NULL PRIMARY KEY, up VARCHAR(20), CONSTRAINT fk FOREIGN KEY (up) REFERENCES base (up)) COMMENT='c';
INSERT INTO child VALUES (1, 'É');
SQL
}

case_encrypted() { echo "CREATE TABLE t (id INT NOT NULL PRIMARY KEY) ENCRYPTED=NO ENCRYPTION_KEY_ID=1; INSERT INTO t VALUES (1);"; }

# Names of collations that came later, and the ones MariaDB takes from MySQL 8.
case_uca1400_parts() {
  cat <<'SQL'
CREATE TABLE t (a VARCHAR(20) CHARACTER SET latin1, b VARCHAR(20) CHARACTER SET utf8mb3 COLLATE uca1400_swedish_ai_cs, c VARCHAR(20) CHARACTER SET ucs2 COLLATE uca1400_nopad_as_ci);
INSERT INTO t VALUES ('a', 'å', 'b');
SQL
}

case_mysql8_collation() {
  echo "CREATE TABLE t (v VARCHAR(20) NOT NULL PRIMARY KEY) DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_ai_ci;"
  echo "INSERT INTO t VALUES ('ä'), ('B');"
}

case_default_collation() {
  cat <<'SQL'
CREATE TABLE u8 (v VARCHAR(20)) DEFAULT CHARACTER SET utf8mb4; CREATE TABLE l1 (v VARCHAR(20)) DEFAULT CHARACTER SET latin1;
INSERT INTO u8 VALUES ('ä'); INSERT INTO l1 VALUES ('ä');
CREATE FUNCTION f(a VARCHAR(20) CHARACTER SET utf8mb4) RETURNS TEXT CHARACTER SET utf8mb4 DETERMINISTIC RETURN a;
SQL
}

# Of MySQL since 8.0 only.

case_my_columns() {
  cat <<'SQL'
CREATE TABLE hidden (a INT NOT NULL PRIMARY KEY, b INT INVISIBLE DEFAULT 7, c VARCHAR(20) DEFAULT (UUID()), d JSON DEFAULT (JSON_ARRAY(1, 'x')),
  e DATETIME(3) DEFAULT (NOW(3)) ON UPDATE NOW(3), f INT AS (a + 1), g VARCHAR(40) AS (CONCAT('it''s ', c)) STORED, KEY (f), UNIQUE KEY (g));
INSERT INTO hidden (a, b, c, e) VALUES (1, 1, 'x', '2024-01-01 00:00:00.123'), (2, NULL, 'ü', NULL);
SET sql_generate_invisible_primary_key = 1;
CREATE TABLE keyless (v VARCHAR(20)); INSERT INTO keyless VALUES ('a'), ('a'), (NULL);
SET sql_generate_invisible_primary_key = 0;
CREATE TABLE checked (id INT NOT NULL PRIMARY KEY, a INT CHECK (a > 0), b INT, CONSTRAINT `named ``one` CHECK (b < 10) NOT ENFORCED,
  CONSTRAINT c CHECK (a <> b));
INSERT INTO checked VALUES (1, 1, 100), (2, NULL, NULL);
CREATE TABLE binaries (id BINARY(16) NOT NULL DEFAULT (UUID_TO_BIN(UUID())) PRIMARY KEY, v VARCHAR(20));
INSERT INTO binaries VALUES (UUID_TO_BIN('6ccd780c-baba-1026-9564-5b8c656024db'), 'x');
SQL
}

case_my_json() {
  cat <<'SQL'
CREATE TABLE t (id INT NOT NULL PRIMARY KEY, j JSON, KEY n ((CAST(j->'$.n' AS UNSIGNED))), KEY many ((CAST(j->'$.list' AS UNSIGNED ARRAY))));
INSERT INTO t VALUES (1, '{"n": 1, "list": [1, 2, 3], "s": "it\\u0027s \\\\ \\"q\\" 😀", "d": 1.5e300, "z": null, "t": true}'), (2, '[]'), (3, 'null'), (4, NULL), (5, '"ü"'),
  (6, '18446744073709551615'), (7, '-9223372036854775808'), (8, '0.1'), (9, CONCAT('{"long": "', REPEAT('x', 70000), '"}'));
SQL
}

# Values that JSON as text has no words for.
case_my_json_types() {
  echo "CREATE TABLE t (id INT NOT NULL PRIMARY KEY, j JSON); INSERT INTO t VALUES (1, JSON_OBJECT('p', CAST(1.10 AS DECIMAL(10,2)))), (2, '{}');"
  echo "CREATE TABLE u LIKE t; INSERT INTO u VALUES (3, JSON_OBJECT('d', CAST('2024-01-01' AS DATE), 'b', CAST('x' AS BINARY)));"
}

case_my_keys() {
  cat <<'SQL'
CREATE TABLE t (id INT NOT NULL, a INT, b VARCHAR(100), PRIMARY KEY (id DESC), KEY down (a DESC, b), KEY unseen (b) INVISIBLE, KEY computed ((LOWER(b)), (a * 2) DESC),
  UNIQUE KEY u ((CONCAT(a, '-', b))));
INSERT INTO t VALUES (1, 1, 'A'), (2, 2, 'b'), (3, NULL, 'ß');
CREATE TABLE parent (id INT NOT NULL PRIMARY KEY, n INT, KEY (n)); INSERT INTO parent VALUES (1, 5), (2, 5);
SET SESSION restrict_fk_on_non_standard_key = OFF;
CREATE TABLE child (id INT NOT NULL PRIMARY KEY, n INT, CONSTRAINT to_no_unique_key FOREIGN KEY (n) REFERENCES parent (n)); INSERT INTO child VALUES (1, 5);
SQL
}

case_my_places() {
  cat <<'SQL'
CREATE TABLE t (id INT NOT NULL PRIMARY KEY, p POINT NOT NULL SRID 4326, g GEOMETRY NOT NULL SRID 0, q POLYGON, SPATIAL KEY (p), SPATIAL KEY (g));
INSERT INTO t VALUES (1, ST_GEOMFROMTEXT('POINT(10 20)', 4326), ST_GEOMFROMTEXT('LINESTRING(0 0,1 1)'), NULL);
CREATE TABLE vectors (id INT NOT NULL PRIMARY KEY, v VECTOR(3) NOT NULL, w VECTOR);
INSERT INTO vectors VALUES (1, TO_VECTOR('[1,2.5,-3]'), NULL);
SQL
}

case_my_collations() {
  cat <<'SQL'
CREATE TABLE t (a VARCHAR(20) NOT NULL PRIMARY KEY, b VARCHAR(20) COLLATE utf8mb4_0900_bin, c VARCHAR(20) COLLATE utf8mb4_ja_0900_as_cs_ks, d TEXT CHARACTER SET gb18030, e CHAR(5) CHARACTER SET utf8mb3)
  DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_ai_ci;
INSERT INTO t VALUES ('ä', 'B', 'ア', '李', 'é'), ('B', 'b', NULL, NULL, NULL), ('c', '', '', '', '');
CREATE TABLE u (v VARCHAR(20), w VARCHAR(20) CHARACTER SET latin1, x VARCHAR(20) COLLATE utf8mb4_0900_as_cs) DEFAULT CHARACTER SET utf8mb4;
INSERT INTO u VALUES ('😀', 'é', 'É');
SQL
}

case_my_objects() {
  cat <<'SQL'
CREATE TABLE t (id INT NOT NULL AUTO_INCREMENT PRIMARY KEY, a INT, j JSON); INSERT INTO t VALUES (5, 1, '{"k": [1, 2]}'), (9, 2, NULL);
CREATE VIEW ranked AS SELECT id, ROW_NUMBER() OVER w AS n FROM t WINDOW w AS (ORDER BY a);
CREATE VIEW with_cte AS WITH RECURSIVE c AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM c WHERE n < 3) SELECT n FROM c;
CREATE VIEW unnested AS SELECT t.id, k.v FROM t, JSON_TABLE(t.j, '$.k[*]' COLUMNS (v INT PATH '$')) AS k;
CREATE VIEW texts AS SELECT id FROM t WHERE CONCAT(a, 'ä') = 'é' OR j->>'$.k' = 'x';
CREATE SQL SECURITY INVOKER VIEW lateral_join AS SELECT t.id, l.m FROM t, LATERAL (SELECT MAX(u.a) AS m FROM t u WHERE u.id <= t.id) AS l;
DELIMITER //
CREATE FUNCTION f(a VARCHAR(20) CHARSET utf8mb4) RETURNS JSON DETERMINISTIC RETURN JSON_OBJECT('a', a)//
CREATE PROCEDURE p() BEGIN DECLARE x INT DEFAULT 1; WITH c AS (SELECT 1 AS n) SELECT n INTO x FROM c; END//
CREATE TRIGGER second BEFORE INSERT ON t FOR EACH ROW SET NEW.a = 1//
CREATE TRIGGER first BEFORE INSERT ON t FOR EACH ROW PRECEDES second SET NEW.a = 2//
CREATE EVENT e ON SCHEDULE EVERY 1 DAY STARTS '2030-01-01 00:00:00' ENDS '2031-01-01 00:00:00' ON COMPLETION PRESERVE COMMENT 'é' DO DELETE FROM t WHERE a = 0//
DELIMITER ;
SQL
}

# JavaScript: a library, and a function that uses it.
case_my_libraries() {
  cat <<'SQL'
CREATE TABLE t (a INT NOT NULL PRIMARY KEY); INSERT INTO t VALUES (1);
DELIMITER //
CREATE LIBRARY lib COMMENT 'größe' LANGUAGE JAVASCRIPT AS $$ export function f(n) { return n + 1 } $$//
CREATE FUNCTION a(n INT) RETURNS INT DETERMINISTIC LANGUAGE JAVASCRIPT USING (lib AS l) AS $$ return l.f(n) $$//
DELIMITER ;
SQL
}

# A generated column that tells what type a value inside a document has.
case_my_json_generated() {
  echo "CREATE TABLE t (id INT NOT NULL PRIMARY KEY, j JSON, p DECIMAL(10,2) AS (j->>'\$.p') STORED, KEY (p)); INSERT INTO t (id, j) VALUES (1, JSON_OBJECT('p', 1.25e0));"
}

case_my_options() {
  cat <<'SQL'
CREATE TABLE a (id INT NOT NULL PRIMARY KEY, t TEXT) ROW_FORMAT=COMPRESSED KEY_BLOCK_SIZE=8 STATS_SAMPLE_PAGES=50 COMMENT='é';
CREATE TABLE b (id INT NOT NULL PRIMARY KEY COLUMN_FORMAT FIXED, t TEXT COLUMN_FORMAT DYNAMIC) AUTOEXTEND_SIZE=4M ENCRYPTION='N';
CREATE TABLE c (id INT NOT NULL PRIMARY KEY) TABLESPACE innodb_file_per_table;
CREATE TABLE d (id INT NOT NULL PRIMARY KEY, t TEXT) COMPRESSION='zlib';
INSERT INTO a VALUES (1, REPEAT('a', 9000)); INSERT INTO b VALUES (1, 'b'); INSERT INTO c VALUES (1); INSERT INTO d VALUES (1, 'd');
CREATE TABLE parts (id INT NOT NULL, d DATE NOT NULL, PRIMARY KEY (id, d)) PARTITION BY RANGE COLUMNS (d) (PARTITION p0 VALUES LESS THAN ('2020-01-01'), PARTITION p1 VALUES LESS THAN (MAXVALUE));
INSERT INTO parts VALUES (1, '2019-01-01'), (2, '2021-01-01');
CREATE TABLE by_key (id INT NOT NULL PRIMARY KEY) PARTITION BY KEY () PARTITIONS 3; INSERT INTO by_key VALUES (1), (2), (3);
SQL
}

main "$@"
