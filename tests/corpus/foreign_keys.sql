-- Foreign keys in circles, across databases, onto generated columns, with names at their limits.
CREATE DATABASE corpus; CREATE DATABASE corpus2; USE corpus;
CREATE TABLE a (id INT PRIMARY KEY, b INT, KEY (b));
CREATE TABLE b (id INT PRIMARY KEY, c INT, KEY (c), FOREIGN KEY (c) REFERENCES a (id) ON DELETE SET NULL);
CREATE TABLE corpus2.c (id INT PRIMARY KEY, a INT, KEY (a), CONSTRAINT `a'b"c``d` FOREIGN KEY (a) REFERENCES corpus.a (id));
ALTER TABLE a ADD FOREIGN KEY (b) REFERENCES corpus2.c (id);
SET foreign_key_checks = 0;
INSERT INTO a VALUES (1, 1); INSERT INTO b VALUES (1, 1); INSERT INTO corpus2.c VALUES (1, 1);
SET foreign_key_checks = 1;
CREATE TABLE parent (id INT PRIMARY KEY, g INT AS (id * 2) STORED, KEY (g));
INSERT INTO parent (id) VALUES (1), (2);
CREATE TABLE of_generated (id INT PRIMARY KEY, p INT, FOREIGN KEY (p) REFERENCES parent (g));
CREATE TABLE by_generated (id INT PRIMARY KEY, g INT AS (id + 1) STORED, KEY (g), FOREIGN KEY (g) REFERENCES parent (g));
INSERT INTO of_generated VALUES (1, 2); INSERT INTO by_generated (id) VALUES (1), (3);
-- The server makes names longer than it takes: the table's and "_ibfk_1".
CREATE TABLE a_table_with_a_name_of_sixty_four_characters_which_is_the_limit (id INT PRIMARY KEY, p INT, KEY (p));
ALTER TABLE a_table_with_a_name_of_sixty_four_characters_which_is_the_limit ADD FOREIGN KEY (p) REFERENCES parent (id);
ALTER TABLE a_table_with_a_name_of_sixty_four_characters_which_is_the_limit ADD FOREIGN KEY (p) REFERENCES a (id);
CREATE TABLE composite (x INT, y VARCHAR(5) CHARACTER SET latin1, PRIMARY KEY (x, y));
CREATE TABLE composite_child (id INT PRIMARY KEY, x INT, y VARCHAR(5) CHARACTER SET latin1, KEY (x, y),
  FOREIGN KEY (x, y) REFERENCES composite (x, y) ON DELETE CASCADE ON UPDATE CASCADE);
INSERT INTO composite VALUES (1, 'a'); INSERT INTO composite_child VALUES (1, 1, 'a'), (2, NULL, 'b');
-- The parent is not there.
SET foreign_key_checks = 0;
CREATE TABLE orphan (id INT PRIMARY KEY, p INT, KEY (p), FOREIGN KEY (p) REFERENCES nowhere (id));
INSERT INTO orphan VALUES (1, 5);
