#!/usr/bin/env bash
# Shows the whole migration on one machine, with real servers and under load. See --help.
# shellcheck source-path=SCRIPTDIR
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=lib/deps.sh
source "$here/lib/deps.sh"
# shellcheck source=lib/servers.sh
source "$here/lib/servers.sh"

usage() {
  cat <<'TEXT'
usage: scripts/demo.sh [--keep] [--rows N]

Moves a live MariaDB system to a new master, on this machine, from end to end:
starts source-master, its replica source-slave and an empty target-master;
loads a sample and keeps writing to source-master; stops the replica and copies
it with `zdpipe copy`; lets target-master replicate from source-master with the
statements of the handoff file; waits until it has caught up; compares the two
masters completely, rows and definitions. Missing Debian packages are installed.

  --rows N   rows of the sample, about (default: 1000000)
  --keep     leave the servers running at the end and say how to reach them
  --help     this text

ZDPIPE_BINARY=PATH uses that binary instead of building one. TMPDIR says where
the servers keep their data (the default sample takes about 1.5 GB).

Exit code: 0 when the two masters are equal, 1 in any other case.
TEXT
}

LOAD_PAUSE_S=0.05      # bounds the load: two transactions, then a pause
LOAD_BEFORE_COPY_S=3   # how long it runs before the replica is stopped
REPLICA_LIMIT_S=900    # a replica that is not there by then is stuck
LOAD_END_LIMIT_S=30    # one statement of the load takes milliseconds

rows=1000000
keep=
load_pid=
load_flag=
step=0
step_started=

parse_options() {
  while (($# > 0)); do
    case $1 in
      --keep) keep=yes ;;
      --rows | --rows=*)
        [[ $1 == *=* ]] || { (($# > 1)) || usage_error "--rows needs a number"; shift; }
        rows=${1#--rows=}
        [[ $rows =~ ^[1-9][0-9]{0,9}$ ]] || usage_error "--rows needs a number, not '$rows'"
        ;;
      -h | --help)
        usage
        exit 0
        ;;
      *) usage_error "unknown option '$1'" ;;
    esac
    shift
  done
}

usage_error() {
  printf 'demo.sh: error: %s; see --help\n' "$1" >&2
  exit 2
}

main() {
  parse_options "$@"
  install_dependencies test
  build_release
  servers_init
  trap end_demo EXIT

  start_servers
  load_sample
  start_load
  stop_replica
  copy
  switch_target_on
  catch_up
  end_load
  compare
  summary
}

# ---------------------------------------------------------------- the steps

start_servers() {
  begin "Starting three MariaDB servers: source-master, its replica source-slave, and an empty target-master."
  # Not asking for durability keeps the sample's loading short; the copy is not about it.
  local common=(--log-bin --innodb-buffer-pool-size=256M --innodb-flush-log-at-trx-commit=2)
  server_start source-master --server-id=1 "${common[@]}" --event-scheduler=ON
  server_start source-slave --server-id=2 "${common[@]}" --log-slave-updates
  # Its event scheduler runs too: a copied event must be disabled, not just lack its scheduler.
  server_start target-master --server-id=3 "${common[@]}" --event-scheduler=ON

  replication_password=$(new_password)
  server_sql source-master <<SQL
CREATE USER repl@'127.0.0.1' IDENTIFIED BY '$replication_password';
GRANT REPLICATION SLAVE ON *.* TO repl@'127.0.0.1';
SQL
  server_sql source-slave <<SQL
CHANGE MASTER TO MASTER_HOST='127.0.0.1', MASTER_PORT=$(server_port source-master),
  MASTER_USER='repl', MASTER_PASSWORD='$replication_password', MASTER_USE_GTID=slave_pos;
START SLAVE;
SQL
  wait_for_replica source-slave
  create_zdpipe_users
  done_in start
}

create_zdpipe_users() {
  local source_password target_password
  source_password=$(new_password)
  target_password=$(new_password)
  # sql_log_bin=0: these accounts belong to one server each, and to no binlog.
  server_sql source-slave <<SQL
SET sql_log_bin=0;
CREATE USER zdpipe@'127.0.0.1' IDENTIFIED BY '$source_password';
GRANT SELECT, SHOW VIEW, TRIGGER, EVENT, PROCESS, BINLOG MONITOR, SLAVE MONITOR ON *.* TO zdpipe@'127.0.0.1';
SQL
  server_sql target-master <<SQL
SET sql_log_bin=0;
CREATE USER zdpipe@'127.0.0.1' IDENTIFIED BY '$target_password';
GRANT ALL PRIVILEGES ON *.* TO zdpipe@'127.0.0.1';
SQL
  option_file=$SERVERS_DIR/zdpipe.cnf
  (
    umask 077
    cat >"$option_file" <<CNF
[zdpipe_source-slave]
host=127.0.0.1
port=$(server_port source-slave)
user=zdpipe
password=$source_password

[zdpipe_target-master]
host=127.0.0.1
port=$(server_port target-master)
user=zdpipe
password=$target_password
CNF
  )
}

load_sample() {
  begin "Loading a sample of about $rows rows into source-master; source-slave replicates it."
  sample_tables | server_sql source-master
  sample_rows | server_sql source-master
  sample_objects | server_sql source-master
  wait_for_replica source-slave
  local counts
  counts=$(server_tables source-slave | awk -F '\t' '{ rows += $3 } END { print NR " tables, " rows " rows" }')
  note "source-slave has $counts in the schemas $(server_schemas source-slave | paste -sd, | sed 's/,/, /g')."
  done_in load
}

start_load() {
  begin "Starting the write load on source-master: inserts, updates and deletes, until the end."
  load_flag=$SERVERS_DIR/load.running
  load_count=$SERVERS_DIR/load.count
  : >"$load_flag"
  (load_statements | server_sql source-master >/dev/null) &
  load_pid=$!
  sleep "$LOAD_BEFORE_COPY_S"
  note "$(load_transactions) transactions so far."
}

stop_replica() {
  begin "Stopping the replication of source-slave. The load on source-master goes on."
  # The SQL thread first: what was received but not applied is the classic trap,
  # as the received coordinates skip these transactions.
  server_sql source-slave -e 'STOP SLAVE SQL_THREAD; DO SLEEP(1); STOP SLAVE'
  note "received up to $(replica_status source-slave Master_Log_File):$(replica_status source-slave Read_Master_Log_Pos)," \
    "applied up to $(replica_status source-slave Relay_Master_Log_File):$(replica_status source-slave Exec_Master_Log_Pos)."
}

copy() {
  begin "Copying source-slave to target-master."
  handoff_file=$SERVERS_DIR/handoff.json
  report_file=$SERVERS_DIR/report.json
  local command=("$ZDPIPE_BINARY" copy --defaults-file="$option_file" --from source-slave --to target-master
    --handoff "$handoff_file" --report "$report_file")
  note "\$ ${command[*]}"
  local before status=0
  before=$(load_transactions)
  "${command[@]}" || status=$?
  ((status == 0)) || die "zdpipe copy ended with exit code $status"
  [[ $(jq -r .usable "$handoff_file") == true ]] || die "the handoff file is not usable: $(jq -c .reasons "$handoff_file")"
  note "coordinates: $(jq -r '.coordinates | "\(.file):\(.position)"' "$handoff_file")," \
    "GTID $(jq -r '.gtid.position // "none"' "$handoff_file")."
  note "$(($(load_transactions) - before)) transactions went into source-master meanwhile."
  done_in copy
}

switch_target_on() {
  begin "Letting target-master replicate from source-master with the statements of the handoff file."
  local statements
  statements=$(jq -er '.statements.mariadb[] | rtrimstr(";") + ";"' "$handoff_file") ||
    die "the handoff file has no statements"
  printf '      %s\n' "${statements//$'\n'/$'\n'      }"
  statements=${statements//'{replication_user}'/repl}
  statements=${statements//'{replication_password}'/"$replication_password"}
  server_sql target-master <<<"$statements"
  [[ $(replica_status target-master Slave_SQL_Running) == Yes ]] ||
    die "after these statements target-master does not replicate: $(replica_error target-master)"
}

catch_up() {
  begin "Waiting until target-master has caught up, while the load goes on."
  wait_for_replica target-master
  # The first wait ended at a position that is old by now; caught up is who
  # reaches the newest one at once.
  local started
  while :; do
    started=$(now_ms)
    wait_for_replica target-master
    (($(now_ms) - started > 1000)) || break
  done
  load_is_running || die "the load ended by itself"
  note "caught up after $(load_transactions) transactions of the load."
  done_in catch-up
  # From here on source-master's binlogs are held by target-master; source-slave may go on.
  server_sql source-slave -e 'START SLAVE'
}

end_load() {
  begin "Ending the load, and waiting until target-master is at source-master's last position."
  # The event writes too.
  server_sql source-master -e 'SET GLOBAL event_scheduler=OFF'
  stop_load
  load_is_running && die "the load does not end"
  local pid=$load_pid
  load_pid=
  wait "$pid" || die "the load failed on source-master"
  wait_for_replica target-master
  note "$(load_transactions) transactions in all; both are at $(master_position | tr '\t' ':')."
}

compare() {
  begin "Comparing source-master and target-master: every row, every definition."
  local name differences=0
  for name in source-master target-master; do
    server_tables "$name" >"$SERVERS_DIR/$name.rows"
    definitions "$name" >"$SERVERS_DIR/$name.definitions"
  done
  [[ -s $SERVERS_DIR/source-master.rows && -s $SERVERS_DIR/source-master.definitions ]] ||
    die "there is nothing to compare"
  show_difference rows "schema, table, rows, digest" || differences=1
  show_difference definitions "as mariadb-dump --no-data writes them" || differences=1
  no_event_is_active || differences=1
  ((differences == 0)) || fail_demo "source-master and target-master differ."
  note "$(awk -F '\t' '{ rows += $3 } END { print NR " tables with " rows " rows" }' "$SERVERS_DIR/target-master.rows")" \
    "are equal, and $(grep -c '' "$SERVERS_DIR/target-master.definitions") lines of definitions."
  done_in compare
}

summary() {
  printf '\n  start %s s, load %s s, copy %s s, catch-up %s s, compare %s s\n\n' \
    "${took[start]}" "${took[load]}" "${took[copy]}" "${took[catch-up]}" "${took[compare]}"
  printf 'PASS: target-master is equal to source-master, after %s transactions written during the migration.\n' "$(load_transactions)"
}

# ---------------------------------------------------------------- saying what goes on

declare -A took=()

begin() {
  step=$((step + 1))
  step_started=$(now_ms)
  printf '%2d. %s\n' "$step" "$1"
}

note() { printf '    %s\n' "$*"; }

done_in() {
  took[$1]=$(awk -v ms="$(($(now_ms) - step_started))" 'BEGIN { printf "%.1f", ms / 1000 }')
  note "done in ${took[$1]} s."
}

fail_demo() {
  printf '\nFAIL: %s\n' "$1"
  exit 1
}

now_ms() { echo $((${EPOCHREALTIME/[.,]/} / 1000)); }

new_password() { od -An -N16 -tx1 /dev/urandom | tr -d ' \n'; }

end_demo() {
  local status=$?
  stop_load
  ((status == 0)) || say "demo.sh: ended in step $step."
  if [[ -n $keep && ${#SERVER_PID[@]} -gt 0 ]]; then
    servers_keep
    how_to_connect
  fi
  servers_cleanup "$status"
}

how_to_connect() {
  local name
  printf '\nThe servers are still running:\n'
  for name in source-master source-slave target-master; do
    [[ -n ${SERVER_PID[$name]:-} ]] || continue
    printf '  %-14s mariadb %s\n' "$name" "$(server_client_options "$name" | paste -sd' ')"
  done
  printf 'Option file, handoff file and report are in %s.\n' "$SERVERS_DIR"
  printf 'To stop them:  kill %s\n' "${SERVER_PID[*]}"
  printf 'and then:      rm -r %s\n' "$SERVERS_DIR"
}

# ---------------------------------------------------------------- replication

# file, tab, position
master_position() { server_sql source-master -e 'SHOW MASTER STATUS' | cut -f 1,2; }

replica_status() { server_sql "$1" --column-names -e 'SHOW SLAVE STATUS\G' | sed -n "s/^ *$2: //p"; }

replica_error() { echo "$(replica_status "$1" Last_IO_Error) $(replica_status "$1" Last_SQL_Error)"; }

# Waits until the replica has applied everything that is in source-master's binlog now.
wait_for_replica() {
  local name=$1 file position reached
  IFS=$'\t' read -r file position < <(master_position)
  reached=$(server_sql "$name" -e "SELECT MASTER_POS_WAIT('$file', $position, $REPLICA_LIMIT_S)")
  case $reached in
    NULL) die "the replication of $name has stopped: $(replica_error "$name")" ;;
    -1) die "$name did not reach $file:$position within $REPLICA_LIMIT_S s: $(replica_error "$name")" ;;
  esac
}

# ---------------------------------------------------------------- the load

load_is_running() { [[ -n $load_pid ]] && kill -0 "$load_pid" 2>/dev/null; }

stop_load() {
  local deadline=$((SECONDS + LOAD_END_LIMIT_S))
  [[ -z $load_flag ]] || rm -f "$load_flag"
  while load_is_running && ((SECONDS < deadline)); do sleep 0.1; done
}

load_transactions() { cat "$load_count" 2>/dev/null || echo 0; }

# One transaction after the other for one client, until the flag file is gone.
load_statements() {
  local i=0
  while [[ -e $load_flag ]]; do
    i=$((i + 1))
    cat <<SQL
BEGIN;
CALL shop.place_order(1 + $i % (SELECT COUNT(*) FROM shop.customers), $i);
UPDATE shop.customers SET balance = balance - 1.25, settings = JSON_SET(settings, '\$.visits', $i) WHERE id = 1 + $i * 7 % 40;
DELETE FROM shop.orders WHERE id = $i * 3;
COMMIT;
BEGIN;
INSERT INTO crm.interactions VALUES (CONCAT('Company ', $i % 50), '2030-01-01' + INTERVAL $i SECOND, 'call', REPEAT('x', $i % 200));
UPDATE crm.contacts SET score = score + 0.1, photo = UNHEX(SHA2($i, 512)) WHERE id = UNHEX(MD5(1 + $i % 40));
DELETE FROM crm.contacts WHERE id = UNHEX(MD5(40 + $i));
INSERT INTO logs.access_log VALUES (NOW(6), INET6_ATON('10.0.0.1'), '/cart/$i', 200, $i / 3, NULL);
COMMIT;
SQL
    # A rename: who reads the count never sees half of it.
    echo $((i * 2)) >"$load_count.new" && mv "$load_count.new" "$load_count"
    sleep "$LOAD_PAUSE_S"
  done
}

# ---------------------------------------------------------------- the comparison

# All definitions, with the state of events left out: they stay disabled until cut-over.
definitions() {
  local schemas
  mapfile -t schemas < <(server_schemas "$1")
  mariadb-dump --no-defaults --socket="$(server_socket "$1")" --user="$(id -un)" \
    --no-data --routines --triggers --events --skip-comments --databases "${schemas[@]}" |
    sed -E 's/ (ENABLE|DISABLE|DISABLE ON SLAVE) (DO|COMMENT) / (event state) \2 /'
}

show_difference() {
  local kind=$1
  diff --label source-master --label target-master -U 2 \
    "$SERVERS_DIR/source-master.$kind" "$SERVERS_DIR/target-master.$kind" && return 0
  note "the $kind differ ($2), as shown above."
  return 1
}

no_event_is_active() {
  local events
  events=$(server_sql target-master -e "SELECT CONCAT(event_schema, '.', event_name)
    FROM information_schema.events WHERE status = 'ENABLED'")
  [[ -z $events ]] || {
    note "these events are active on target-master before cut-over: $events"
    return 1
  }
}

# ---------------------------------------------------------------- the sample

sample_tables() {
  cat <<'SQL'
CREATE DATABASE shop DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci;
CREATE DATABASE crm DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci;
CREATE DATABASE logs DEFAULT CHARACTER SET ascii;
CREATE DATABASE `stock 2024` DEFAULT CHARACTER SET latin1 COLLATE latin1_german1_ci;

USE shop;
CREATE TABLE customers (
  id INT UNSIGNED NOT NULL AUTO_INCREMENT,
  email VARCHAR(120) NOT NULL,
  name VARCHAR(80) NOT NULL COMMENT 'as it is printed on letters',
  country CHAR(2) CHARACTER SET ascii NOT NULL,
  balance DECIMAL(14,2) NOT NULL DEFAULT 0,
  settings JSON NOT NULL,
  newsletter BIT(1) NOT NULL DEFAULT b'0',
  created TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP,
  PRIMARY KEY (id), UNIQUE KEY (email), KEY country_name (country, name)
);
CREATE TABLE products (
  sku VARCHAR(32) NOT NULL,
  title VARCHAR(200) NOT NULL,
  description TEXT,
  price DECIMAL(10,2) NOT NULL,
  weight FLOAT,
  state ENUM('new','sold out','it''s gone') NOT NULL,
  tags SET('red','green','blue') NOT NULL DEFAULT '',
  stock BIGINT NOT NULL,
  PRIMARY KEY (sku), KEY title_prefix (title(20)), FULLTEXT KEY words (title, description)
);
CREATE TABLE orders (
  id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT,
  customer_id INT UNSIGNED NOT NULL,
  state ENUM('cart','open','shipped') NOT NULL DEFAULT 'open',
  placed DATETIME(6) NOT NULL,
  delivered DATE,
  note TEXT CHARACTER SET latin1,
  placed_year SMALLINT AS (YEAR(placed)) VIRTUAL,
  PRIMARY KEY (id), KEY by_year (placed_year, state),
  CONSTRAINT orders_customer FOREIGN KEY (customer_id) REFERENCES customers (id)
);
CREATE TABLE order_items (
  order_id BIGINT UNSIGNED NOT NULL,
  line_no SMALLINT UNSIGNED NOT NULL,
  sku VARCHAR(32) NOT NULL,
  quantity INT NOT NULL,
  price DECIMAL(10,2) NOT NULL,
  amount DECIMAL(14,2) AS (quantity * price) STORED,
  PRIMARY KEY (order_id, line_no),
  CONSTRAINT items_order FOREIGN KEY (order_id) REFERENCES orders (id) ON DELETE CASCADE,
  CONSTRAINT items_product FOREIGN KEY (sku) REFERENCES products (sku) ON UPDATE CASCADE,
  CONSTRAINT positive CHECK (quantity > 0)
);
CREATE SEQUENCE invoice_no START WITH 1000 INCREMENT BY 1 CACHE 50;
CREATE TABLE invoices (
  no BIGINT NOT NULL DEFAULT NEXTVAL(shop.invoice_no),
  order_id BIGINT UNSIGNED,
  printed TIMESTAMP(3) NULL,
  PRIMARY KEY (no),
  CONSTRAINT invoice_order FOREIGN KEY (order_id) REFERENCES orders (id) ON DELETE SET NULL
);
CREATE TABLE order_history (
  id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
  order_id BIGINT UNSIGNED NOT NULL,
  what VARCHAR(40) NOT NULL,
  KEY (order_id)
) AUTO_INCREMENT=5000000000;
CREATE TABLE carts (id INT NOT NULL AUTO_INCREMENT PRIMARY KEY, touched DATETIME NOT NULL);

USE crm;
CREATE TABLE companies (
  id UUID NOT NULL PRIMARY KEY,
  name VARCHAR(100) NOT NULL,
  parent UUID,
  place POINT NOT NULL,
  UNIQUE KEY (name), SPATIAL KEY (place),
  CONSTRAINT parent_company FOREIGN KEY (parent) REFERENCES companies (id)
);
CREATE TABLE contacts (
  id BINARY(16) NOT NULL,
  name VARCHAR(100) NOT NULL,
  born YEAR,
  wakes TIME(3),
  score DOUBLE NOT NULL,
  photo BLOB,
  internal_note VARCHAR(50) INVISIBLE DEFAULT 'none',
  PRIMARY KEY (id), KEY (name, born)
);
CREATE TABLE interactions (
  company VARCHAR(100) NOT NULL,
  at DATETIME(3) NOT NULL,
  kind ENUM('call','mail','visit') NOT NULL,
  body MEDIUMTEXT,
  PRIMARY KEY (company, at, kind)
);

USE logs;
-- No key at all, and equal rows.
CREATE TABLE access_log (
  at TIMESTAMP(6) NOT NULL,
  client VARBINARY(16) NOT NULL,
  path VARCHAR(200) NOT NULL,
  status SMALLINT NOT NULL,
  duration FLOAT,
  referrer VARCHAR(100),
  KEY (at)
);
CREATE TABLE metrics (
  day DATE NOT NULL,
  sensor MEDIUMINT NOT NULL,
  reading DOUBLE,
  flags BIT(12) NOT NULL,
  PRIMARY KEY (day, sensor)
) PARTITION BY RANGE COLUMNS (day) (
  PARTITION p2023 VALUES LESS THAN ('2024-01-01'),
  PARTITION p2024 VALUES LESS THAN ('2025-01-01'),
  PARTITION rest VALUES LESS THAN (MAXVALUE)
);

USE `stock 2024`;
CREATE TABLE `items & more` (
  `item no.` TINYINT UNSIGNED NOT NULL,
  `Größe` VARCHAR(20),
  `100%` LONGBLOB,
  PRIMARY KEY (`item no.`)
) ENGINE=MyISAM COMMENT='äöü';
SQL
}

# The shares add up to all rows; explicit ids keep the AUTO_INCREMENT counters
# free of the gaps which bulk inserts leave behind on a master but not on its replica.
sample_rows() {
  local customers products orders items contacts interactions accesses metrics
  customers=$((rows * 5 / 100 + 50)) products=$((rows * 2 / 100 + 20)) orders=$((rows * 20 / 100 + 100))
  items=$((rows * 50 / 100 + 200)) contacts=$((rows * 6 / 100 + 50)) interactions=$((rows * 6 / 100 + 50))
  accesses=$((rows * 6 / 100 + 50)) metrics=$((rows * 5 / 100 + 50))
  cat <<SQL
SET foreign_key_checks=0;
USE shop; -- the seq_ tables appear in every schema, but one has to be named
INSERT INTO shop.customers
  SELECT seq, CONCAT('customer', seq, '@example.com'), CONCAT(ELT(1 + seq % 4, 'Zoë', 'Łukasz', '李', '😀'), ' ', seq),
         ELT(1 + seq % 3, 'de', 'fr', 'jp'), CRC32(seq) / 100, JSON_OBJECT('theme', MD5(seq), 'visits', 0),
         seq % 2, '2020-03-29 00:30:00' + INTERVAL seq MINUTE
  FROM seq_1_to_$customers;
INSERT INTO shop.products
  SELECT CONCAT('sku-', seq), CONCAT('Product ', MD5(seq)), IF(seq % 9, CONCAT_WS(' ', MD5(seq), MD5(seq + 1)), NULL),
         CRC32(seq) % 10000 / 100, seq / 7, 1 + seq % 3, seq % 8, seq * 1000000007
  FROM seq_1_to_$products;
INSERT INTO shop.orders (id, customer_id, state, placed, delivered, note)
  SELECT seq, 1 + CRC32(seq) % $customers, 1 + seq % 3, '2023-01-01' + INTERVAL seq * 100000007 MICROSECOND,
         IF(seq % 3, NULL, '2023-01-01' + INTERVAL seq % 700 DAY), IF(seq % 5, NULL, CONCAT('Grüße, \\\\N ', seq))
  FROM seq_1_to_$orders;
INSERT INTO shop.order_items (order_id, line_no, sku, quantity, price)
  SELECT 1 + seq % $orders, 1 + seq DIV $orders, CONCAT('sku-', 1 + CRC32(seq) % $products), 1 + seq % 7, seq % 9999 / 100
  FROM seq_0_to_$((items - 1));
INSERT INTO shop.invoices (order_id, printed)
  SELECT seq, IF(seq % 4, '2024-10-27 00:59:59.999' + INTERVAL seq SECOND, NULL) FROM seq_1_to_100;
INSERT INTO crm.companies
  SELECT CONCAT(LEFT(MD5(seq), 8), '-0000-4000-8000-', RIGHT(MD5(seq), 12)), CONCAT('Company ', seq), NULL,
         POINT(seq / 3, -seq / 7)
  FROM seq_1_to_50;
INSERT INTO crm.contacts (id, name, born, wakes, score, photo, internal_note)
  SELECT UNHEX(MD5(seq)), CONCAT('Contact ', seq), 1901 + seq % 200, SEC_TO_TIME(seq % 86400 / 8), SIN(seq),
         IF(seq % 3, UNHEX(SHA2(seq, 256)), NULL), IF(seq % 10, 'none', 'call back')
  FROM seq_1_to_$contacts;
INSERT INTO crm.interactions
  SELECT CONCAT('Company ', seq % 50), '2024-01-01' + INTERVAL seq * 1500 SECOND, 1 + seq % 3, REPEAT(MD5(seq), seq % 12)
  FROM seq_1_to_$interactions;
INSERT INTO logs.access_log
  SELECT '2024-03-31 00:00:00.5' + INTERVAL seq DIV 2 SECOND, INET6_ATON(IF(seq % 2, '192.0.2.7', '2001:db8::7')),
         CONCAT('/product/', seq % 1000), IF(seq % 50, 200, 404), IF(seq % 8, seq / 3, NULL), NULLIF(MD5(seq % 20), MD5(0))
  FROM seq_1_to_$accesses;
INSERT INTO logs.metrics
  SELECT '2023-06-01' + INTERVAL seq % 900 DAY, CAST(seq DIV 900 AS SIGNED) - 5, IF(seq % 100, EXP(seq % 300) * -1, -0e0), seq % 4096
  FROM seq_1_to_$metrics;
INSERT INTO \`stock 2024\`.\`items & more\`
  SELECT seq, CHAR(64 + seq % 60, 228, 0 USING latin1), CONCAT(CHAR(seq), REPEAT(UNHEX(MD5(seq)), seq * 10))
  FROM seq_0_to_255;
SQL
}

# Triggers and the event come after the rows: they are about what happens from then on.
sample_objects() {
  cat <<'SQL'
USE shop;
CREATE VIEW order_totals AS
  SELECT o.id, o.customer_id, o.state, SUM(i.amount) AS total
  FROM orders AS o JOIN order_items AS i ON i.order_id = o.id GROUP BY o.id;
CREATE SQL SECURITY INVOKER VIEW open_by_country AS
  SELECT c.country, COUNT(*) AS orders, SUM(t.total) AS total
  FROM order_totals AS t JOIN customers AS c ON c.id = t.customer_id WHERE t.state = 'open' GROUP BY c.country;
CREATE VIEW crm.people AS SELECT HEX(id) AS id, name FROM crm.contacts WHERE born > 1950 WITH CASCADED CHECK OPTION;

DELIMITER //
CREATE FUNCTION gross(net DECIMAL(14,2)) RETURNS DECIMAL(14,2) DETERMINISTIC
  COMMENT 'with 19 % VAT'
  RETURN ROUND(net * 1.19, 2)//
CREATE PROCEDURE place_order(IN customer INT UNSIGNED, IN seed BIGINT)
BEGIN
  DECLARE id BIGINT UNSIGNED;
  INSERT INTO orders (customer_id, placed, note) VALUES (customer, '2030-01-01' + INTERVAL seed SECOND, CONCAT('order ', seed));
  SET id = LAST_INSERT_ID();
  INSERT INTO order_items (order_id, line_no, sku, quantity, price) VALUES (id, 1, 'sku-1', 1 + seed % 5, 9.99);
  INSERT INTO order_items (order_id, line_no, sku, quantity, price) VALUES (id, 2, 'sku-2', 1, gross(seed));
  UPDATE products SET stock = stock - 1 WHERE sku IN ('sku-1', 'sku-2');
  INSERT INTO invoices (order_id, printed) VALUES (id, NULL);
END//
CREATE TRIGGER order_is_new AFTER INSERT ON orders FOR EACH ROW
  INSERT INTO order_history (order_id, what) VALUES (NEW.id, 'placed')//
CREATE TRIGGER order_is_new_and_big AFTER INSERT ON orders FOR EACH ROW FOLLOWS order_is_new
  IF NEW.id % 10 = 0 THEN
    INSERT INTO order_history (order_id, what) VALUES (NEW.id, 'looked at');
  END IF//
SET sql_mode = 'ANSI_QUOTES,PIPES_AS_CONCAT'//
CREATE TRIGGER order_is_gone BEFORE DELETE ON orders FOR EACH ROW
  INSERT INTO "order_history" (order_id, what) VALUES (OLD.id, 'gone' || '!')//
SET sql_mode = DEFAULT//
-- Leaves the AUTO_INCREMENT counter of carts ahead of its rows.
CREATE EVENT forget_carts ON SCHEDULE EVERY 1 SECOND STARTS '2024-01-01 00:00:00' COMMENT 'the newest too'
  DO BEGIN
    INSERT INTO carts (touched) VALUES (NOW());
    INSERT INTO carts (touched) VALUES (NOW());
    DELETE FROM carts WHERE id % 10 <> 0;
  END//
DELIMITER ;
SQL
}

main "$@"
