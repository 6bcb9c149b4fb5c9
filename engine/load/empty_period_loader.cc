#include "engine/load/empty_period_loader.h"

#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "engine/rows/row_batch.h"
#include "engine/server/row_insert.h"
#include "engine/server/sql_text.h"

namespace zdpipe {
namespace {

constexpr size_t kBatchBytes = size_t{1} << 20;
// Deleted by their keys, so that a moment costs as much as its rows, and not a scan of all moments
// before it.
constexpr size_t kMaxKeysInDelete = 1000;

class EmptyPeriodLoader {
 public:
  EmptyPeriodLoader(const LoadTable& table, Session& target)
      : table_(table), target_(target), batch_(kBatchBytes) {}

  absl::Status Run(RowStream& rows, const std::function<bool()>& stopping) {
    ZDPIPE_ASSIGN_OR_RETURN(insert_, RowInsert::Prepare(target_, BestInsertMethod(target_),
                                                        table_.plan.insert_head, rows.layout()));
    const std::vector<KeyColumn> start = {{rows.layout().columns.size() - 2, ""}};
    while (true) {
      ZDPIPE_ASSIGN_OR_RETURN(const bool more, rows.Next());
      const std::string moment = more ? RowLiteral(start, rows.layout(), rows.row()) : "";
      if (moment != moment_) ZDPIPE_RETURN_IF_ERROR(EndMoment());
      if (!more) return absl::OkStatus();
      if (stopping()) return StoppedError();
      moment_ = moment;
      ZDPIPE_RETURN_IF_ERROR(Add(rows.layout(), rows.row()));
    }
  }

 private:
  absl::Status Add(const RowLayout& layout, WireRow row) {
    if (!batch_.Append(row)) {
      ZDPIPE_RETURN_IF_ERROR(Insert());
      batch_.Append(row);
    }
    if (keys_.size() < kMaxKeysInDelete) keys_.push_back(KeyLiteral(table_.plan, layout, row));
    return absl::OkStatus();
  }

  absl::Status Insert() {
    ZDPIPE_RETURN_IF_ERROR(insert_->Execute(batch_, 0, batch_.rows(), 0));
    rows_ += batch_.rows();
    batch_.Clear();
    return absl::OkStatus();
  }

  absl::Status EndMoment() {
    if (batch_.empty() && rows_ == 0) return absl::OkStatus();
    ZDPIPE_RETURN_IF_ERROR(Insert());
    ZDPIPE_RETURN_IF_ERROR(
        target_.Execute(absl::StrCat("SET timestamp = UNIX_TIMESTAMP(", moment_, ")")));
    const std::string name = QuoteName(table_.name.schema, table_.name.name);
    std::string deleted = "0";
    if (!table_.plan.key.empty() && rows_ < kMaxKeysInDelete) {
      ZDPIPE_RETURN_IF_ERROR(target_.Execute(absl::StrCat("DELETE FROM ", name, Keys())));
      ZDPIPE_ASSIGN_OR_RETURN(deleted, target_.QueryValue("SELECT ROW_COUNT()"));
    }
    // A key that no literal finds again, as FLOAT has them.
    if (deleted != absl::StrCat(rows_))
      ZDPIPE_RETURN_IF_ERROR(target_.Execute(absl::StrCat("DELETE FROM ", name)));
    ZDPIPE_RETURN_IF_ERROR(target_.Execute("COMMIT"));
    rows_ = 0;
    keys_.clear();
    return absl::OkStatus();
  }

  std::string Keys() const {
    std::string columns;
    for (const KeyColumn& column : table_.plan.key) {
      absl::StrAppend(&columns, columns.empty() ? "" : ", ",
                      QuoteName(table_.plan.columns[column.position].name));
    }
    std::string list;
    for (const std::string& key : keys_) absl::StrAppend(&list, list.empty() ? "" : ", ", key);
    return absl::StrCat(" WHERE (", columns, ") IN (", list, ")");
  }

  const LoadTable& table_;
  Session& target_;
  std::unique_ptr<RowInsert> insert_;
  RowBatch batch_;
  std::string moment_;             // of the rows since the last commit
  uint64_t rows_ = 0;              // of that moment, inserted
  std::vector<std::string> keys_;  // of that moment, the first ones
};

}  // namespace

absl::Status LoadEmptyPeriods(RowStream& rows, const LoadTable& table, Session& target,
                              const std::function<bool()>& stopping) {
  const absl::Status loaded = EmptyPeriodLoader(table, target).Run(rows, stopping);
  // Best effort: on a dead connection the server has rolled back already.
  if (!loaded.ok()) (void)target.ExecuteWithWarnings("ROLLBACK");
  const absl::Status reset = target.Execute("SET timestamp = DEFAULT");
  return Annotate(loaded.ok() ? reset : loaded,
                  absl::StrCat("load ", PrintableName(table.name.schema, table.name.name),
                               ": rows whose period is empty"));
}

}  // namespace zdpipe
