-- Keys that are seldom: what a reader may take for its order, and what it may not.
CREATE DATABASE corpus; USE corpus;
CREATE TABLE float_key (f FLOAT PRIMARY KEY, v INT);
INSERT INTO float_key SELECT (seq - 500e0) / 7, seq FROM seq_1_to_1000;
CREATE TABLE year_key (y YEAR PRIMARY KEY, v INT);
INSERT INTO year_key SELECT 1900 + seq, seq FROM seq_1_to_255;
CREATE TABLE long_unique (id INT PRIMARY KEY, t TEXT CHARACTER SET utf8mb4, b LONGBLOB, UNIQUE (t), UNIQUE (b));
INSERT INTO long_unique SELECT seq, REPEAT(MD5(seq), 100), REPEAT(UNHEX(SHA1(seq)), 300) FROM seq_1_to_200;
INSERT INTO long_unique VALUES (1000, NULL, NULL), (1001, NULL, NULL);
CREATE TABLE only_long_unique (v VARCHAR(3000) CHARACTER SET utf8mb4 NOT NULL, UNIQUE (v));
INSERT INTO only_long_unique SELECT REPEAT(MD5(seq), 50) FROM seq_1_to_200;
CREATE TABLE short_hash (id INT PRIMARY KEY, a INT, UNIQUE KEY a (a) USING HASH);
INSERT INTO short_hash VALUES (1, 1), (2, NULL), (3, NULL);
CREATE TABLE ignored (id INT PRIMARY KEY, a INT NOT NULL, b INT, UNIQUE (a) IGNORED, KEY (b) IGNORED);
INSERT INTO ignored SELECT seq, seq, seq % 3 FROM seq_1_to_100;
CREATE TABLE generated_key (a INT, g INT AS (a * 2) STORED, UNIQUE (g));
INSERT INTO generated_key (a) SELECT seq FROM seq_1_to_100;
CREATE TABLE virtual_unique (a INT NOT NULL, g INT AS (a + 1) VIRTUAL, UNIQUE (g));
INSERT INTO virtual_unique (a) SELECT seq FROM seq_1_to_100;
CREATE TABLE periods (id INT, s DATE, e DATE, PERIOD FOR validity (s, e),
  UNIQUE (id, validity WITHOUT OVERLAPS));
INSERT INTO periods VALUES (1, '2020-01-01', '2021-01-01'), (1, '2021-01-01', '9999-12-31'), (2, '2020-01-01', '2020-01-02');
CREATE TABLE full_text (id INT PRIMARY KEY, a TEXT, b VARCHAR(200), FULLTEXT one (a), FULLTEXT both_of (a, b), KEY (b(9)));
INSERT INTO full_text SELECT seq, CONCAT('word', seq), CONCAT('other', seq) FROM seq_1_to_300;
-- NOT NULL by the primary key only: the server keeps these unique keys in another order than their columns would give.
CREATE TABLE unsaid_not_null (a INT COMMENT 'not null', b INT, UNIQUE i1 (b), UNIQUE i2 (a), PRIMARY KEY (a), KEY (b));
INSERT INTO unsaid_not_null SELECT seq, seq FROM seq_1_to_100;
CREATE TABLE primary_later (a INT, b INT, c INT, UNIQUE i1 (b), UNIQUE i2 (a, c)); ALTER TABLE primary_later ADD PRIMARY KEY (a, c);
INSERT INTO primary_later SELECT seq, seq, seq FROM seq_1_to_100;
-- Long unique keys come last, whatever their columns: no sign of the above.
CREATE TABLE long_unique_last (d INT, n INT, t TINYTEXT NOT NULL, PRIMARY KEY (d), UNIQUE i1 (t(5), d), UNIQUE i2 (n), UNIQUE i3 (t));
INSERT INTO long_unique_last SELECT seq, seq, MD5(seq) FROM seq_1_to_100;
-- In MEMORY a hash is an index like others.
CREATE TABLE memory_hash (a INT NOT NULL, b INT NOT NULL, c INT, PRIMARY KEY (a), UNIQUE u1 (a, b) USING HASH, UNIQUE u2 (b), UNIQUE u3 (c)) ENGINE=MEMORY;
INSERT INTO memory_hash VALUES (1, 2, 3), (2, 3, NULL);
-- SHOW CREATE TABLE does not say NULL.
SET sql_mode = 'NO_AUTO_VALUE_ON_ZERO';
CREATE TABLE nullable_counter (a INT AUTO_INCREMENT NULL, v INT, UNIQUE (a), KEY (v)); INSERT INTO nullable_counter VALUES (NULL, 1), (NULL, 2), (0, 3), (9, 4);
CREATE TABLE nullable_counter2 (a TINYINT AUTO_INCREMENT NULL, v INT, KEY (v, a)) ENGINE=MyISAM; INSERT INTO nullable_counter2 VALUES (NULL, 1), (NULL, 1), (127, 1);
SET sql_mode = DEFAULT;
