#include "tests/support/fingerprint.h"

#include <gtest/gtest.h>

#include <memory>
#include <set>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "engine/errors.h"
#include "engine/server/session.h"
#include "engine/server/sql_text.h"
#include "tests/support/test_server.h"

namespace zdpipe {
namespace {

// A whole result as text. Lengths are not needed: this is for comparing and for people.
std::string Flat(const Result& result) {
  std::vector<std::string> lines;
  for (const auto& row : result.rows) {
    lines.push_back(absl::StrJoin(row, "\t", [](std::string* out, const auto& value) {
      absl::StrAppend(out, value.value_or("NULL"));
    }));
  }
  return absl::StrJoin(lines, "\n");
}

// A column's value as text that differs for different values; 'N' (never a number or a hash) for
// NULL.
std::string ColumnText(const std::string& column, const std::string& data_type) {
  static const auto* const kAsText = new std::set<std::string>{
      "tinyint", "smallint", "mediumint", "int",  "bigint",   "decimal",
      "double",  "year",     "date",      "time", "datetime", "timestamp"};
  // An ENUM may have '' as a member and as its error value; only the number tells them apart.
  static const auto* const kAsNumber = new std::set<std::string>{"bit", "enum", "set"};

  std::string text;
  if (data_type == "float") {
    // As text a FLOAT has six digits, which is less than it holds; as a DOUBLE it is exact.
    text = absl::StrCat("CAST(CAST(", column, " AS DOUBLE) AS BINARY)");
  } else if (kAsText->count(data_type) != 0) {
    text = absl::StrCat("CAST(", column, " AS BINARY)");
  } else if (kAsNumber->count(data_type) != 0) {
    text = absl::StrCat("CAST(CAST(", column, " AS UNSIGNED) AS BINARY)");
  } else {
    // The bytes in the column's own character set. Hashed before they are put together, for a row
    // of long values would not fit into max_allowed_packet: NULL, and nobody would notice.
    text = absl::StrCat("MD5(", column, ")");
  }
  return absl::StrCat("IFNULL(", text, ",'N')");
}

// Count, sum of one half and XOR of the other half of the rows' hashes. The sum is there because
// pairs of equal rows vanish in an XOR.
std::string ContentQuery(const std::vector<std::string>& column_texts, const std::string& from) {
  return absl::StrCat(
      "SELECT COUNT(*), IFNULL(SUM(CAST(CONV(SUBSTR(h,1,16),16,10) AS UNSIGNED)),0), "
      "BIT_XOR(CAST(CONV(SUBSTR(h,17,16),16,10) AS UNSIGNED)) FROM (SELECT MD5(CONCAT_WS('#',",
      absl::StrJoin(column_texts, ","), ")) AS h FROM ", from, ") AS hashes");
}

class Fingerprinter {
 public:
  explicit Fingerprinter(Session& session) : session_(session) {}

  std::map<std::string, std::string> Take(const std::vector<std::string>& databases) {
    for (const std::string& database : databases) TakeDatabase(database);
    return std::move(facts_);
  }

 private:
  void TakeDatabase(const std::string& database) {
    const auto created = session_.Query("SHOW CREATE DATABASE " + QuoteName(database));
    // Two servers without it would be equal: a comparison of nothing.
    EXPECT_TRUE(created.ok()) << created.status();
    if (!created.ok()) return;
    facts_["database " + database] = Flat(*created);
    TakeTables(database);
    TakeRoutines(database);
    TakeTriggers(database);
    TakeEvents(database);
  }

  void TakeTables(const std::string& database) {
    const Result tables = Listed(
        absl::StrCat("SELECT table_name AS name, table_type AS type FROM information_schema.tables "
                     "WHERE table_schema = ",
                     QuoteText(database)));
    for (size_t i = 0; i < tables.rows.size(); ++i) {
      const std::string name = tables.Text(i, "name");
      const std::string type = tables.Text(i, "type");
      const std::string path = QuoteName(database, name);
      if (type == "VIEW") {
        Add(absl::StrCat("view ", database, ".", name), "SHOW CREATE VIEW " + path);
      } else if (type == "SEQUENCE") {
        const std::string key = absl::StrCat("sequence ", database, ".", name);
        Add(key + " definition", "SHOW CREATE SEQUENCE " + path);
        Add(key + " table", "SHOW CREATE TABLE " + path);
        Add(key + " state", "SELECT * FROM " + path);
      } else {
        TakeTable(database, name, type == "SYSTEM VERSIONED");
      }
    }
  }

  void TakeTable(const std::string& database, const std::string& table, bool versioned) {
    const std::string path = QuoteName(database, table);
    const std::string key = absl::StrCat("table ", database, ".", table);
    const std::string from = versioned ? path + " FOR SYSTEM_TIME ALL" : path;
    // BINARY: there may be another table whose name differs in case only.
    const Result columns = Listed(absl::StrCat(
        "SELECT column_name AS name, data_type AS type FROM information_schema.columns "
        "WHERE table_schema = ",
        QuoteText(database), " AND table_name = ", QuoteText(table),
        " AND BINARY table_schema = ", QuoteText(database),
        " AND BINARY table_name = ", QuoteText(table), " ORDER BY ordinal_position"));
    std::vector<std::string> texts;
    for (size_t i = 0; i < columns.rows.size(); ++i) {
      texts.push_back(ColumnText(QuoteName(columns.Text(i, "name")), columns.Text(i, "type")));
    }
    Add(key + " definition", "SHOW CREATE TABLE " + path);
    Add(key + " rows", "SELECT COUNT(*) FROM " + from);
    Add(key + " checksum", absl::StrCat("CHECKSUM TABLE ", path, " EXTENDED"));
    Add(key + " content", ContentQuery(texts, from));
    if (versioned) {
      // Periods that were not declared are columns that no catalog lists. Where they were, under
      // other names, this fails on both servers alike, and `content` has them.
      texts.push_back(ColumnText("row_start", "timestamp"));
      texts.push_back(ColumnText("row_end", "timestamp"));
      Add(key + " history", ContentQuery(texts, from));
    }
  }

  void TakeRoutines(const std::string& database) {
    const Result routines = Listed(absl::StrCat(
        "SELECT routine_name AS name, routine_type AS type FROM information_schema.routines "
        "WHERE routine_schema = ",
        QuoteText(database)));
    for (size_t i = 0; i < routines.rows.size(); ++i) {
      const std::string name = routines.Text(i, "name");
      const std::string type = routines.Text(i, "type");  // PROCEDURE, ..., PACKAGE BODY
      Add(absl::StrCat(absl::AsciiStrToLower(type), " ", database, ".", name),
          absl::StrCat("SHOW CREATE ", type, " ", QuoteName(database, name)));
    }
  }

  // Not by SHOW CREATE TRIGGER, which has the time of creation but not the order.
  void TakeTriggers(const std::string& database) {
    AddNamed(absl::StrCat("trigger ", database, "."),
             absl::StrCat("SELECT trigger_name, event_manipulation, event_object_schema, "
                          "event_object_table, action_timing, action_order, action_statement, "
                          "sql_mode, definer, character_set_client, collation_connection, "
                          "database_collation FROM information_schema.triggers "
                          "WHERE trigger_schema = ",
                          QuoteText(database)));
  }

  void TakeEvents(const std::string& database) {
    const std::string where = " FROM information_schema.events WHERE event_schema = ";
    AddNamed(absl::StrCat("event ", database, "."),
             absl::StrCat("SELECT event_name, definer, time_zone, event_definition, event_type, "
                          "execute_at, interval_value, interval_field, sql_mode, starts, ends, "
                          "on_completion, event_comment, character_set_client, "
                          "collation_connection, database_collation",
                          where, QuoteText(database)));
    AddNamed(absl::StrCat("event-status ", database, "."),
             absl::StrCat("SELECT event_name, status", where, QuoteText(database)));
  }

  void Add(const std::string& key, const std::string& query) {
    const absl::StatusOr<Result> result = session_.Query(query);
    // The number only: messages differ between versions.
    facts_[key] =
        result.ok() ? Flat(*result) : absl::StrCat("error ", ServerErrnoOf(result.status()));
  }

  // One fact a row, named by its first column.
  void AddNamed(const std::string& prefix, const std::string& query) {
    const Result result = Listed(query);
    for (const auto& row : result.rows) {
      Result one;
      one.rows.push_back(row);
      facts_[prefix + row[0].value_or("")] = Flat(one);
    }
  }

  Result Listed(const std::string& query) {
    absl::StatusOr<Result> result = session_.Query(query);
    EXPECT_TRUE(result.ok()) << result.status();
    return result.ok() ? *std::move(result) : Result();
  }

  Session& session_;
  std::map<std::string, std::string> facts_;
};

}  // namespace

std::map<std::string, std::string> Fingerprint(TestServer& server,
                                               const std::vector<std::string>& databases) {
  absl::StatusOr<std::unique_ptr<Session>> session =
      Session::Connect(server.root(), End::kSource, SessionOptions());
  EXPECT_TRUE(session.ok()) << session.status();
  if (!session.ok()) return {};
  return Fingerprinter(**session).Take(databases);
}

}  // namespace zdpipe
