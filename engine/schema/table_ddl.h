// SHOW CREATE TABLE taken apart: what must exist before the rows, what is cheaper after them.
//
// The server's text is the only exact description of a table across versions; so it is split,
// not rebuilt. The splitter knows quoting (`..`, '..', "..", comments) and parentheses, nothing
// else of the grammar; what it does not recognise stays in the CREATE.
#ifndef ZDPIPE_ENGINE_SCHEMA_TABLE_DDL_H_
#define ZDPIPE_ENGINE_SCHEMA_TABLE_DDL_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "engine/schema/catalog.h"
#include "engine/server/session.h"

namespace zdpipe {

// SHOW CREATE TABLE of a server of `source` in words that mean the same on `target`: MySQL >= 8.0
// calls GEOMETRYCOLLECTION by a name of its own, and utf8mb4 without a collation means another one
// there than everywhere else.
std::string InWordsOf(const Version& source, const Version& target, const std::string& show_create);

// Version comments that `target` skips, such as "/*!80003 SRID 4326 */": what a table loses there
// without a word.
std::vector<std::string> SkippedComments(const Version& target, absl::string_view show_create);

// The options of a MySQL table that stand in no version comment and that MariaDB takes for nobody's
// and passes over: "COMPRESSION='zlib'", "ENCRYPTION='Y'". Not those that ask for nothing.
std::vector<std::string> OptionsOfMySqlOnly(absl::string_view show_create);

struct TableDdl {
  // "CREATE TABLE `schema`.`table` (...) ENGINE=..." without what is set aside below, and with
  // STATS_AUTO_RECALC=0 for an InnoDB table that does not set it itself. An ARCHIVE table is made
  // without its AUTO_INCREMENT counter.
  std::string create;
  // One ALTER that adds the secondary indexes set aside and puts STATS_AUTO_RECALC back; "" when
  // there is nothing to do.
  std::string add_indexes;
  std::vector<std::string> index_names;  // that it adds
  // FULLTEXT indexes, one ALTER each: InnoDB builds one at a time. Run them before add_indexes:
  // the first one rebuilds the table, to add a hidden FTS_DOC_ID, with all indexes it has by then.
  std::vector<std::string> add_fulltext;
  std::vector<std::string> fulltext_names;  // one for each
  // "ALTER TABLE .. ADD CONSTRAINT .. FOREIGN KEY .., ADD .."; "" when the table has none.
  std::string add_foreign_keys;
};

// A smaller table is made with its indexes and statistics: another ALTER, and ANALYZE, would cost
// it more than they do.
inline constexpr uint64_t kLargeTableBytes = uint64_t{1} << 20;

struct DdlOptions {
  bool indexes_after = true;  // false: secondary indexes stay in the CREATE
  bool pause_stats = true;    // false: without STATS_AUTO_RECALC=0
};

// Indexes that stay in the CREATE whatever the options: the primary key; the first unique key
// without nullable or prefixed columns of a table without a primary key (InnoDB clusters on it);
// the index an AUTO_INCREMENT column needs; WITHOUT OVERLAPS keys; all of a table that is not
// InnoDB or has a long unique (USING HASH) key, which an ALTER could change; and every index that
// stands before one of these, because the order of the indexes is part of the definition.
//
// `show_create` is the server's answer, under an empty sql_mode. kInternal when it cannot be split.
// A reference to a table of the same schema is unqualified in it, so `USE schema` comes before
// every statement made of it; and the indexes of all tables before the foreign keys of any.
absl::StatusOr<TableDdl> SplitTableDdl(const TableInfo& table, absl::string_view show_create,
                                       const DdlOptions& options);

}  // namespace zdpipe

#endif  // ZDPIPE_ENGINE_SCHEMA_TABLE_DDL_H_
