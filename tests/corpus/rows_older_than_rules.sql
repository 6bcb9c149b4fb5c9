-- Rows that today's definition of their table would not let in.
CREATE DATABASE corpus; USE corpus;
SET sql_mode = 'ALLOW_INVALID_DATES';
-- An ALTER that copies the table, as adding a foreign key does, must not look at the rows again.
CREATE TABLE parent (id INT PRIMARY KEY);
INSERT INTO parent VALUES (1), (2);
CREATE TABLE violating (id INT PRIMARY KEY, p INT, v INT, KEY (p), KEY (v));
INSERT INTO violating VALUES (1, 1, 5), (2, 2, NULL), (3, NULL, 500);
SET check_constraint_checks = 0;
ALTER TABLE violating ADD CONSTRAINT small CHECK (v < 100), ADD FOREIGN KEY (p) REFERENCES parent (id) ON UPDATE CASCADE;
CREATE TABLE circle (id INT PRIMARY KEY, a INT, b INT, KEY (a), KEY (b), v INT, CHECK (v > 0),
  FOREIGN KEY (a) REFERENCES circle (b) ON UPDATE CASCADE);
SET foreign_key_checks = 0;
SET check_constraint_checks = 0;
INSERT INTO circle VALUES (1, 7, 8, 1), (2, 7, 7, -1), (3, 99, NULL, NULL);
INSERT INTO violating VALUES (4, 77, 77);
SET foreign_key_checks = 1, check_constraint_checks = 1;
CREATE TABLE once_null (id INT PRIMARY KEY, v INT, s VARCHAR(5), d DATE);
INSERT INTO once_null VALUES (1, NULL, NULL, NULL);
ALTER IGNORE TABLE once_null MODIFY v INT NOT NULL, MODIFY s VARCHAR(5) NOT NULL, MODIFY d DATE NOT NULL;
CREATE TABLE invalid_default (id INT PRIMARY KEY, d DATE DEFAULT '2023-02-31', t DATETIME NOT NULL DEFAULT '0000-00-00 00:00:00', KEY (d));
INSERT INTO invalid_default (id) VALUES (1);
-- Parsed while it is read, under the sql_mode of the reader.
CREATE TABLE invalid_csv (d DATE NOT NULL, t DATETIME NOT NULL) ENGINE=CSV;
INSERT INTO invalid_csv VALUES ('2024-02-31', '2024-02-31 10:00:00'), ('0000-00-00', '2024-00-00 00:00:00');
-- Strict mode refuses to compute these, and MyISAM has no ROLLBACK.
CREATE TABLE cut_time (id INT PRIMARY KEY, d DATETIME NOT NULL, t TIME NOT NULL, g TIME AS (ADDTIME(d, t)) VIRTUAL, c VARCHAR(2) AS (REPEAT('x', id)) PERSISTENT, KEY (g)) ENGINE=MyISAM;
SET sql_mode = ''; INSERT INTO cut_time (id, d, t) SELECT seq, '2020-01-01 10:00:00', '20:00:00' FROM seq_1_to_9; SET sql_mode = DEFAULT;
