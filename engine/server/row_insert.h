// Rows into a server: a prepared INSERT whose parameters are bound to the wire rows of a batch.
#ifndef ZDPIPE_ENGINE_SERVER_ROW_INSERT_H_
#define ZDPIPE_ENGINE_SERVER_ROW_INSERT_H_

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "engine/rows/row_batch.h"
#include "engine/rows/wire_row.h"
#include "engine/server/session.h"

namespace zdpipe {

enum class InsertMethod {
  kArray,     // COM_STMT_BULK_EXECUTE: one statement, an array of parameter rows; MariaDB >= 10.2
  kMultiRow,  // INSERT .. VALUES (?,..),(?,..),..: every other server
};

// The array execute where the server offers it, multi-row INSERT elsewhere.
InsertMethod BestInsertMethod(const Session& session);

// One prepared INSERT on one session, for rows of one layout. Not thread-safe.
class RowInsert {
 public:
  // `insert_head` is "INSERT INTO `s`.`t` (`a`, `b`) VALUES "; the layout has a column for each.
  static absl::StatusOr<std::unique_ptr<RowInsert>> Prepare(Session& session, InsertMethod method,
                                                            std::string insert_head,
                                                            const RowLayout& layout);
  ~RowInsert();
  RowInsert(const RowInsert&) = delete;
  RowInsert& operator=(const RowInsert&) = delete;

  // Inserts rows [first, first + count) of the batch, with one execute if `method` is kArray. The
  // error of a row that the server refuses is the server's. It is an error when the server
  // reports another number of rows than were sent, or other than `expected_warnings` warnings;
  // nullopt: any number, because the caller looks at the stored values afterwards.
  absl::Status Execute(const RowBatch& batch, size_t first, size_t count,
                       std::optional<uint64_t> expected_warnings);

  // Of all executes, also of one that failed behind its first statement.
  uint64_t rows_taken() const { return rows_taken_; }

  // Execute in two halves, where no warnings are expected: the next rows travel while the server
  // works on those before them. Send gives the outcome of the oldest rows on their way when there
  // are kMostOnTheWay already; Await gives those of all. After an error it is not known what the
  // server makes of the rows behind: the transaction must be rolled back, after DropAnswers, or the
  // session closed. The error of a warning does not say which.
  absl::Status Send(const RowBatch& batch, size_t first, size_t count);
  absl::Status Await();
  // Reads the answers to come, whatever they are, which may take as long as the executes. An error
  // when the connection is lost.
  absl::Status DropAnswers();
  // Whether the next rows may be sent: not before the first Execute, not to every server, and not
  // in a request of several packets, whose numbers the library would take for a lost answer.
  bool MaySend(size_t request_bytes) const;

 private:
  static constexpr size_t kMostOnTheWay = 2;

  struct Binding;

  RowInsert(Session& session, InsertMethod method, std::string insert_head,
            const RowLayout& layout);
  std::string Sql(size_t rows_per_statement) const;
  absl::Status BindRows(size_t rows_per_statement);
  absl::Status BindArray(const RowBatch& batch, size_t first, size_t count);
  absl::Status ExecuteArray(const RowBatch& batch, size_t first, size_t count);
  absl::Status SendArray(const RowBatch& batch, size_t first, size_t count);
  absl::Status AwaitOldest();
  // Multi-row statements of three sizes are kept prepared: to prepare them for each batch was 8 %
  // of a MySQL target's work.
  enum Size { kMost, kSeveral, kRest };
  absl::Status UseStatementOf(size_t count, Size size);
  absl::Status ExecuteMultiRow(const RowBatch& batch, size_t first, size_t count);
  absl::Status CheckOutcome(size_t count, std::optional<uint64_t> expected_warnings);
  absl::Status Error(absl::string_view what) const;

  Session& session_;
  const InsertMethod method_;
  const std::string insert_head_;
  const RowLayout layout_;
  std::unique_ptr<Binding> binding_;
  std::optional<Size> in_use_;                      // of binding_, for multi-row statements
  std::array<std::unique_ptr<Binding>, 3> kept_;    // the others
  std::array<size_t, kMostOnTheWay> on_the_way_{};  // rows of each execute, the oldest first
  size_t executes_on_the_way_ = 0;
  uint64_t rows_taken_ = 0;
};

}  // namespace zdpipe

#endif  // ZDPIPE_ENGINE_SERVER_ROW_INSERT_H_
