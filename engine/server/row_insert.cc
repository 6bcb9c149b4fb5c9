#include "engine/server/row_insert.h"

#include <mysql.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "engine/elapsed.h"
#include "engine/server/sql_text.h"

namespace zdpipe {
namespace {

// Placeholders of one multi-row statement. The protocol's limit is 65535; a bind structure of
// 112 bytes for each of them is what a loader pays, so stay well below.
constexpr size_t kMaxPlaceholders = 8192;
constexpr size_t kMaxRowsPerStatement = 1024;

// MySQL (9.7) takes no TIME parameter between 838:59:58 and 838:59:59, which are values of the
// type: there it travels as text.
enum_field_types ParameterType(WireType type, InsertMethod method) {
  switch (type) {
    case WireType::kInt8:
      return MYSQL_TYPE_TINY;
    case WireType::kInt16:
      return MYSQL_TYPE_SHORT;
    case WireType::kInt32:
      return MYSQL_TYPE_LONG;
    case WireType::kInt64:
    case WireType::kEnum:
      return MYSQL_TYPE_LONGLONG;
    case WireType::kFloat:
      return MYSQL_TYPE_FLOAT;
    case WireType::kDouble:
      return MYSQL_TYPE_DOUBLE;
    case WireType::kDate:
      return MYSQL_TYPE_DATE;
    case WireType::kTime:
      return method == InsertMethod::kArray ? MYSQL_TYPE_TIME : MYSQL_TYPE_STRING;
    case WireType::kDateTime:
      return MYSQL_TYPE_DATETIME;
    case WireType::kDecimal:
      return MYSQL_TYPE_NEWDECIMAL;
    case WireType::kText:
      return MYSQL_TYPE_STRING;
    case WireType::kBytes:
      // A BLOB parameter is a binary string: the server stores it without conversion.
      return MYSQL_TYPE_BLOB;
  }
  return MYSQL_TYPE_BLOB;
}

// Unpacks a temporal value; absent trailing parts are zero. Source: MariaDB "Binary protocol
// values": DATE and DATETIME have 0, 4, 7 or 11 bytes, TIME 0, 8 or 12.
void UnpackTime(WireType type, WireValue value, MYSQL_TIME& time) {
  time = MYSQL_TIME{};
  const uint8_t* p = value.data;
  if (type == WireType::kTime) {
    time.time_type = MYSQL_TIMESTAMP_TIME;
    if (value.size >= 8) {
      time.neg = static_cast<my_bool>(p[0]);
      time.day = Load<uint32_t>(p + 1);
      time.hour = p[5];
      time.minute = p[6];
      time.second = p[7];
    }
    if (value.size >= 12) time.second_part = Load<uint32_t>(p + 8);
    return;
  }
  time.time_type = type == WireType::kDate ? MYSQL_TIMESTAMP_DATE : MYSQL_TIMESTAMP_DATETIME;
  if (value.size >= 4) {
    time.year = Load<uint16_t>(p);
    time.month = p[2];
    time.day = p[3];
  }
  if (value.size >= 7) {
    time.hour = p[4];
    time.minute = p[5];
    time.second = p[6];
  }
  if (value.size >= 11) time.second_part = Load<uint32_t>(p + 7);
}

bool IsTemporal(WireType type) {
  return type == WireType::kDate || type == WireType::kTime || type == WireType::kDateTime;
}

}  // namespace

// The bind structures of one statement and what they point to, for `rows` rows side by side: one
// row for an array execute (the library asks for each row in turn), all of them for multi-row.
struct RowInsert::Binding {
  MYSQL_STMT* statement = nullptr;
  bool prepared = false;  // of an array execute
  size_t rows = 0;
  std::vector<MYSQL_BIND> binds;
  std::vector<MYSQL_TIME> times;
  std::vector<std::string> texts;  // of parameters that travel as text
  std::vector<unsigned long> lengths;
  std::vector<my_bool> nulls;
  std::vector<char> indicators;

  // What the array execute is reading from.
  const RowLayout* layout = nullptr;
  const RowBatch* batch = nullptr;
  size_t first = 0;

  ~Binding() {
    if (statement != nullptr) mysql_stmt_close(statement);
  }

  void Resize(const RowLayout& row_layout, InsertMethod method, size_t row_count) {
    layout = &row_layout;
    rows = row_count;
    const size_t width = row_layout.columns.size();
    binds.assign(width * rows, MYSQL_BIND{});
    times.assign(width * rows, MYSQL_TIME{});
    texts.assign(method == InsertMethod::kMultiRow ? width * rows : 0, "");
    lengths.assign(width * rows, 0);
    nulls.assign(width * rows, 0);
    indicators.assign(width * rows, STMT_INDICATOR_NONE);
    for (size_t i = 0; i < binds.size(); ++i) {
      const WireColumn column = row_layout.columns[i % width];
      binds[i].buffer_type = ParameterType(column.type, method);
      binds[i].is_unsigned = static_cast<my_bool>(column.is_unsigned);
      binds[i].length = &lengths[i];
      binds[i].is_null = &nulls[i];
      binds[i].buffer = &times[i];  // any address: a null one means NULL
    }
  }

  // Points the binds of row slot `slot` of `target` to the values of `row`.
  void BindRow(MYSQL_BIND* target, size_t slot, WireRow row) {
    const size_t width = layout->columns.size();
    ValueCursor values(*layout, row);
    for (size_t c = 0; c < width; ++c) {
      const size_t i = slot * width + c;
      const WireValue value = values.Next();
      nulls[i] = static_cast<my_bool>(value.is_null());
      indicators[i] = value.is_null() ? STMT_INDICATOR_NULL : STMT_INDICATOR_NONE;
      if (value.is_null()) continue;
      const WireType type = layout->columns[c].type;
      if (type == WireType::kTime && !texts.empty()) {
        texts[i] = TemporalText(type, value);
        BindBytes(target[i], i, texts[i].data(), texts[i].size());
      } else if (IsTemporal(type)) {
        UnpackTime(type, value, times[i]);
        target[i].buffer = &times[i];
      } else {
        BindBytes(target[i], i, value.data, value.size);
      }
    }
  }

  void BindBytes(MYSQL_BIND& target, size_t i, const void* data, size_t size) {
    target.buffer = const_cast<void*>(data);
    lengths[i] = size;
    target.buffer_length = size;  // what the library sizes its request by
  }

  // Called by libmariadb before it packs row `row_number` of an array execute.
  static my_bool OnRow(void* self, MYSQL_BIND* target, unsigned row_number) {
    auto* binding = static_cast<Binding*>(self);
    binding->BindRow(target, 0, binding->batch->row(binding->first + row_number));
    return 0;
  }
};

InsertMethod BestInsertMethod(const Session& session) {
  return session.supports_bulk_execute() ? InsertMethod::kArray : InsertMethod::kMultiRow;
}

absl::StatusOr<std::unique_ptr<RowInsert>> RowInsert::Prepare(Session& session, InsertMethod method,
                                                              std::string insert_head,
                                                              const RowLayout& layout) {
  std::unique_ptr<RowInsert> insert(new RowInsert(session, method, std::move(insert_head), layout));
  if (method == InsertMethod::kArray) ZDPIPE_RETURN_IF_ERROR(insert->BindRows(1));
  return insert;
}

RowInsert::RowInsert(Session& session, InsertMethod method, std::string insert_head,
                     const RowLayout& layout)
    : session_(session), method_(method), insert_head_(std::move(insert_head)), layout_(layout) {}

RowInsert::~RowInsert() = default;

std::string RowInsert::Sql(size_t rows_per_statement) const {
  std::string row = "(";
  for (size_t i = 0; i < layout_.columns.size(); ++i) row += i == 0 ? "?" : ",?";
  row += ")";
  std::string sql = insert_head_;
  for (size_t i = 0; i < rows_per_statement; ++i) absl::StrAppend(&sql, i == 0 ? "" : ",", row);
  return sql;
}

absl::Status RowInsert::BindRows(size_t rows_per_statement) {
  binding_ = std::make_unique<Binding>();
  binding_->statement = mysql_stmt_init(session_.handle());
  if (binding_->statement == nullptr) {
    return MakeError(Failure::kInternal, "mysql_stmt_init: out of memory");
  }
  binding_->Resize(layout_, method_, rows_per_statement);
  return absl::OkStatus();
}

absl::Status RowInsert::Execute(const RowBatch& batch, size_t first, size_t count,
                                std::optional<uint64_t> expected_warnings) {
  if (method_ == InsertMethod::kArray) {
    ZDPIPE_RETURN_IF_ERROR(ExecuteArray(batch, first, count));
    rows_taken_ += count;
    return CheckOutcome(count, expected_warnings);
  }
  // One statement may not carry all rows; warnings are then looked at statement by statement, so
  // expected ones (ENUM error values) are only told apart from others by single-row statements.
  const bool some_expected = expected_warnings.value_or(0) > 0;
  const size_t most = some_expected ? 1
                                    : std::clamp<size_t>(kMaxPlaceholders / layout_.columns.size(),
                                                         1, kMaxRowsPerStatement);
  const size_t several = std::max<size_t>(most / 8, 1);
  uint64_t warnings = 0;
  for (size_t done = 0; done < count;) {
    const size_t left = count - done;
    const size_t rows = left >= most ? most : left >= several ? several : left;
    ZDPIPE_RETURN_IF_ERROR(UseStatementOf(rows, rows == most      ? kMost
                                                : rows == several ? kSeveral
                                                                  : kRest));
    ZDPIPE_RETURN_IF_ERROR(ExecuteMultiRow(batch, first + done, rows));
    const uint64_t statement_warnings = mysql_warning_count(session_.handle());
    ZDPIPE_RETURN_IF_ERROR(CheckOutcome(
        rows, some_expected || !expected_warnings.has_value() ? statement_warnings : 0));
    warnings += statement_warnings;
    done += rows;
    rows_taken_ += rows;
  }
  if (warnings != expected_warnings.value_or(warnings)) {
    return MakeError(session_.failure(),
                     absl::StrCat("the server gave ", warnings, " warnings where ",
                                  *expected_warnings, " were expected"));
  }
  return absl::OkStatus();
}

absl::Status RowInsert::BindArray(const RowBatch& batch, size_t first, size_t count) {
  Binding& binding = *binding_;
  binding.batch = &batch;
  binding.first = first;
  const auto array_size = static_cast<unsigned>(count);
  for (size_t i = 0; i < binding.binds.size(); ++i) {
    binding.binds[i].u.indicator = &binding.indicators[i];
  }
  mysql_stmt_attr_set(binding.statement, STMT_ATTR_ARRAY_SIZE, &array_size);
  mysql_stmt_attr_set(binding.statement, STMT_ATTR_CB_USER_DATA, &binding);
  mysql_stmt_attr_set(binding.statement, STMT_ATTR_CB_PARAM,
                      reinterpret_cast<const void*>(&Binding::OnRow));
  if (!binding.prepared) {
    // Prepared with the first execute, in one round trip.
    const auto parameters = static_cast<unsigned>(binding.binds.size());
    mysql_stmt_attr_set(binding.statement, STMT_ATTR_PREBIND_PARAMS, &parameters);
  }
  return mysql_stmt_bind_param(binding.statement, binding.binds.data()) == 0 ? absl::OkStatus()
                                                                             : Error("bind");
}

absl::Status RowInsert::ExecuteArray(const RowBatch& batch, size_t first, size_t count) {
  ZDPIPE_RETURN_IF_ERROR(BindArray(batch, first, count));
  const WaitScope wait(session_.end());
  if (!binding_->prepared) {
    const std::string sql = Sql(1);
    if (mariadb_stmt_execute_direct(binding_->statement, sql.data(), sql.size()) != 0) {
      return Error("execute");
    }
    binding_->prepared = true;
    return absl::OkStatus();
  }
  if (mysql_stmt_execute(binding_->statement) != 0) return Error("execute");
  return absl::OkStatus();
}

bool RowInsert::MaySend(size_t request_bytes) const {
  constexpr size_t kOnePacketBytes = size_t{8} << 20;  // the protocol's are of 16 MiB
  return method_ == InsertMethod::kArray && binding_->prepared &&
         session_.TakesStatementsTogether() && request_bytes <= kOnePacketBytes;
}

absl::Status RowInsert::Send(const RowBatch& batch, size_t first, size_t count) {
  if (executes_on_the_way_ == kMostOnTheWay) ZDPIPE_RETURN_IF_ERROR(AwaitOldest());
  ZDPIPE_RETURN_IF_ERROR(SendArray(batch, first, count));
  on_the_way_[executes_on_the_way_++] = count;
  return absl::OkStatus();
}

absl::Status RowInsert::Await() {
  while (executes_on_the_way_ > 0) ZDPIPE_RETURN_IF_ERROR(AwaitOldest());
  return absl::OkStatus();
}

// What mysql_stmt_execute does before it waits for the answer.
absl::Status RowInsert::SendArray(const RowBatch& batch, size_t first, size_t count) {
  ZDPIPE_RETURN_IF_ERROR(BindArray(batch, first, count));
  const ElapsedScope wait(WaitsFor(session_.end()).nanoseconds);
  MYSQL* mysql = session_.handle();
  size_t bytes = 0;
  unsigned char* request =
      mysql->methods->db_execute_generate_request(binding_->statement, &bytes, 0);
  if (request == nullptr) return Error("execute");
  const int failed = mysql->methods->db_command(mysql, COM_STMT_BULK_EXECUTE,
                                                reinterpret_cast<const char*>(request), bytes,
                                                /*skip_check=*/1, binding_->statement);
  std::free(request);
  return failed == 0 ? absl::OkStatus() : Error("execute");
}

// What mysql_stmt_execute does afterwards.
absl::Status RowInsert::AwaitOldest() {
  const size_t count = on_the_way_.front();
  std::shift_left(on_the_way_.begin(), on_the_way_.end(), 1);
  --executes_on_the_way_;
  const bool round_trip = executes_on_the_way_ == 0;  // the others' answers come meanwhile
  if (round_trip) ++WaitsFor(session_.end()).answers;
  const ElapsedScope wait(WaitsFor(session_.end()).nanoseconds);
  if (session_.handle()->methods->db_read_execute_response(binding_->statement) != 0) {
    return Error("execute");
  }
  if (mysql_warning_count(session_.handle()) > 0) {
    return MakeError(session_.failure(), "the server gave unexpected warnings");
  }
  return CheckOutcome(count, 0);
}

absl::Status RowInsert::DropAnswers() {
  MYSQL* mysql = session_.handle();
  for (; executes_on_the_way_ > 0; --executes_on_the_way_) {
    mysql->net.last_errno = 0;  // the library forgets an error when it sends
    if (mysql->methods->db_read_execute_response(binding_->statement) == 0) continue;
    const absl::Status dropped = Error("execute");
    // An interrupted statement leaves the other's answer to come; a broken line has none.
    if (!IsSessionLost(dropped) || ServerErrnoOf(dropped) == kErrQueryInterrupted) continue;
    executes_on_the_way_ = 0;
    return dropped;
  }
  return absl::OkStatus();
}

// Makes the statement for `count` rows the one in use; prepared unless it is there.
absl::Status RowInsert::UseStatementOf(size_t count, Size size) {
  if (in_use_ != size) {
    if (in_use_.has_value()) kept_[*in_use_] = std::move(binding_);
    binding_ = std::move(kept_[size]);
    in_use_ = size;
  }
  if (binding_ != nullptr && binding_->rows == count) return absl::OkStatus();
  ZDPIPE_RETURN_IF_ERROR(BindRows(count));
  const std::string sql = Sql(count);
  if (mysql_stmt_prepare(binding_->statement, sql.data(), static_cast<unsigned long>(sql.size())) !=
      0) {
    const absl::Status refused = Error("prepare");
    binding_.reset();  // the next attempt prepares it
    return refused;
  }
  return absl::OkStatus();
}

absl::Status RowInsert::ExecuteMultiRow(const RowBatch& batch, size_t first, size_t count) {
  for (size_t i = 0; i < count; ++i) {
    binding_->BindRow(binding_->binds.data(), i, batch.row(first + i));
  }
  if (mysql_stmt_bind_param(binding_->statement, binding_->binds.data()) != 0) {
    return Error("bind");
  }
  const WaitScope wait(session_.end());
  if (mysql_stmt_execute(binding_->statement) != 0) return Error("execute");
  return absl::OkStatus();
}

absl::Status RowInsert::CheckOutcome(size_t count, std::optional<uint64_t> expected_warnings) {
  const unsigned long long affected = mysql_stmt_affected_rows(binding_->statement);
  if (affected != count) {
    return MakeError(session_.failure(),
                     absl::StrCat("sent ", count, " rows, the server took ", affected));
  }
  if (!expected_warnings.has_value()) return absl::OkStatus();
  const unsigned wire_count = mysql_warning_count(session_.handle());
  if (wire_count == 0 && expected_warnings == 0) return absl::OkStatus();
  // The protocol's count stops at 65535; the server's own does not.
  ZDPIPE_ASSIGN_OR_RETURN(const Result result, session_.Query("SHOW COUNT(*) WARNINGS"));
  const std::string counted = result.rows.empty() ? "" : result.rows[0][0].value_or("");
  if (counted == absl::StrCat(*expected_warnings)) return absl::OkStatus();
  // Expected ones may stand in front of the one that matters.
  ZDPIPE_ASSIGN_OR_RETURN(const Result shown, session_.Query("SHOW WARNINGS LIMIT 3"));
  std::string text;
  unsigned number = 0;
  if (!shown.rows.empty()) (void)absl::SimpleAtoi(shown.Text(0, "Code"), &number);
  for (size_t row = 0; row < shown.rows.size(); ++row) {
    absl::StrAppend(&text, row == 0 ? "" : "; ", shown.Text(row, "Code"), " ",
                    Printable(shown.Text(row, "Message")));
  }
  return MakeServerError(session_.failure(), number,
                         absl::StrCat("the server gave ", counted, " warnings where ",
                                      *expected_warnings, " were expected, such as: ", text));
}

absl::Status RowInsert::Error(absl::string_view what) const {
  const unsigned number = mysql_stmt_errno(binding_->statement) != 0
                              ? mysql_stmt_errno(binding_->statement)
                              : mysql_errno(session_.handle());
  const char* text = mysql_stmt_errno(binding_->statement) != 0
                         ? mysql_stmt_error(binding_->statement)
                         : mysql_error(session_.handle());
  return MakeServerError(
      session_.failure(), number,
      absl::StrCat(EndName(session_.end()), ": ", what, ": error ", number, ": ", Printable(text)));
}

}  // namespace zdpipe
