#include "engine/server/row_stream.h"

#include <errmsg.h>
#include <mysql.h>

#include <cstring>

#include "absl/strings/str_cat.h"
#include "engine/server/sql_text.h"

namespace zdpipe {
namespace {

constexpr size_t kStatusByte = 1;  // in front of the null bitmap; always 0

absl::StatusOr<WireType> TypeOf(const MYSQL_FIELD& field, ColumnRole role) {
  switch (role) {
    case ColumnRole::kEnum:
      if (field.type != MYSQL_TYPE_LONGLONG) break;
      return WireType::kEnum;
    case ColumnRole::kText:
      return WireType::kText;
    default:
      break;
  }
  if (role == ColumnRole::kEnum ||
      (role == ColumnRole::kSet && field.type != MYSQL_TYPE_LONGLONG)) {
    return MakeError(
        Failure::kInternal,
        absl::StrCat("column ", Printable(field.name),
                     ": the number of an ENUM or SET came as type ", static_cast<int>(field.type)));
  }
  switch (field.type) {
    case MYSQL_TYPE_TINY:
      return WireType::kInt8;
    case MYSQL_TYPE_SHORT:
    case MYSQL_TYPE_YEAR:
      return WireType::kInt16;
    case MYSQL_TYPE_INT24:
    case MYSQL_TYPE_LONG:
      return WireType::kInt32;
    case MYSQL_TYPE_LONGLONG:
      return WireType::kInt64;
    case MYSQL_TYPE_FLOAT:
      return WireType::kFloat;
    case MYSQL_TYPE_DOUBLE:
      return WireType::kDouble;
    case MYSQL_TYPE_DATE:
    case MYSQL_TYPE_NEWDATE:
      return WireType::kDate;
    case MYSQL_TYPE_TIME:
      return WireType::kTime;
    case MYSQL_TYPE_DATETIME:
    case MYSQL_TYPE_TIMESTAMP:
      return WireType::kDateTime;
    case MYSQL_TYPE_DECIMAL:
    case MYSQL_TYPE_NEWDECIMAL:
      return WireType::kDecimal;
    case MYSQL_TYPE_BIT:
    case MYSQL_TYPE_STRING:
    case MYSQL_TYPE_VAR_STRING:
    case MYSQL_TYPE_VARCHAR:
    case MYSQL_TYPE_TINY_BLOB:
    case MYSQL_TYPE_BLOB:
    case MYSQL_TYPE_MEDIUM_BLOB:
    case MYSQL_TYPE_LONG_BLOB:
    case MYSQL_TYPE_GEOMETRY:
      return WireType::kBytes;
    default:
      return MakeError(Failure::kInternal,
                       absl::StrCat("column ", Printable(field.name), " has the protocol type ",
                                    static_cast<int>(field.type), ", which zdpipe does not know"));
  }
}

// Of integers only, which differ by it. Of others the servers say different things (MySQL calls a
// TIMESTAMP unsigned, MariaDB does not), and two ends of a copy must come to the same layout.
bool IsUnsigned(const MYSQL_FIELD& field, WireType type) {
  switch (type) {
    case WireType::kInt8:
    case WireType::kInt16:
    case WireType::kInt32:
    case WireType::kInt64:
    case WireType::kEnum:
      return (field.flags & UNSIGNED_FLAG) != 0;
    default:
      return false;
  }
}

}  // namespace

absl::StatusOr<std::unique_ptr<RowStream>> RowStream::Open(Session& session,
                                                           absl::string_view select,
                                                           std::vector<ColumnRole> roles) {
  std::unique_ptr<RowStream> stream(new RowStream(session, std::move(roles)));
  ZDPIPE_RETURN_IF_ERROR(stream->Start(select));
  return stream;
}

absl::Status RowStream::Start(absl::string_view select) {
  shown_ = absl::StrCat(Printable(select.substr(0, 80)), select.size() > 80 ? "..." : "");
  // NULL: the server sends character data as stored, whatever its character set.
  ZDPIPE_RETURN_IF_ERROR(session_.UseRawResults());
  statement_ = mysql_stmt_init(session_.handle());
  if (statement_ == nullptr) return MakeError(Failure::kInternal, "mysql_stmt_init: out of memory");
  // One round trip where the server knows how (MariaDB >= 10.2), two elsewhere.
  {
    const WaitScope wait(session_.end());
    if (mariadb_stmt_execute_direct(statement_, select.data(), select.size()) != 0) {
      return Error("execute");
    }
  }
  finished_ = false;
  ZDPIPE_RETURN_IF_ERROR(ReadLayout());
  mysql_stmt_attr_set(statement_, STMT_ATTR_CB_USER_DATA, this);
  mysql_stmt_attr_set(statement_, STMT_ATTR_CB_RESULT,
                      reinterpret_cast<const void*>(&RowStream::OnColumn));
  return absl::OkStatus();
}

absl::Status RowStream::ReadLayout() {
  MYSQL_RES* metadata = mysql_stmt_result_metadata(statement_);
  if (metadata == nullptr) return Error("read the result's columns");
  const unsigned width = mysql_num_fields(metadata);
  const MYSQL_FIELD* fields = mysql_fetch_fields(metadata);
  absl::Status status;
  if (width != roles_.size()) {
    status = MakeError(session_.failure(),
                       absl::StrCat(EndName(session_.end()), ": ", shown_, ": asked for ",
                                    roles_.size(), " columns, got ", width));
  }
  for (unsigned i = 0; i < width && status.ok(); ++i) {
    const absl::StatusOr<WireType> type = TypeOf(fields[i], roles_[i]);
    if (type.ok()) {
      layout_.columns.push_back({*type, IsUnsigned(fields[i], *type)});
    } else {
      status = Annotate(Reclassify(type.status(), session_.failure()), shown_);
    }
  }
  mysql_free_result(metadata);
  return status;
}

absl::StatusOr<bool> RowStream::Next() {
  const NET& net = session_.handle()->net;
  enum_errors_ = 0;
  row_end_ = nullptr;
  const int fetched = mysql_stmt_fetch(statement_);
  if (fetched == MYSQL_NO_DATA) {
    // The library also answers so after an error it has already reported; never take that for
    // the end of the rows.
    if (mysql_errno(session_.handle()) != 0 || mysql_stmt_errno(statement_) != 0) {
      return Error("fetch");
    }
    row_ = {};
    finished_ = true;
    return false;
  }
  if (fetched != 0) {
    const absl::Status error = Error("fetch");
    // An error of the server's own (a damaged table) is the last packet of its result: the session
    // can go on with the next one.
    finished_ = !IsClientErrno(ServerErrnoOf(error));
    return error;
  }
  const uint8_t* begin = net.read_pos + kStatusByte;
  if (row_end_ == nullptr) row_end_ = begin + layout_.bitmap_bytes();  // every value is NULL
  // The library puts a zero behind each packet: a row that ends elsewhere is not what it says.
  if (malformed_ || *row_end_ != 0) {
    return MakeError(session_.failure(), absl::StrCat(EndName(session_.end()), ": ", shown_,
                                                      ": the server sent a malformed row"));
  }
  row_ = WireRow(begin, row_end_);
  return true;
}

void RowStream::OnColumn(void* self, unsigned column, unsigned char** position) {
  static_cast<RowStream*>(self)->TakeColumn(column, position);
}

void RowStream::TakeColumn(unsigned column, unsigned char** position) {
  if (position == nullptr || malformed_) return;  // SQL NULL
  // The library does not tell where the packet ends; its buffer's end keeps a lying length from
  // being followed outside of our memory.
  const NET& net = session_.handle()->net;
  const uint8_t* cursor = *position;
  WireValue value;
  if (column >= layout_.columns.size()) {  // the server has changed its mind
    malformed_ = true;
    return;
  }
  const WireType type = layout_.columns[column].type;
  if (!TakeValue(type, cursor, net.buff_end, value)) {
    malformed_ = true;
    return;
  }
  if (type == WireType::kEnum) {
    uint64_t number;
    std::memcpy(&number, value.data, sizeof(number));
    if (number == 0) ++enum_errors_;
  }
  *position += cursor - *position;
  row_end_ = cursor;
}

absl::Status RowStream::Error(absl::string_view what) const {
  MYSQL* mysql = session_.handle();
  unsigned number =
      mysql_stmt_errno(statement_) != 0 ? mysql_stmt_errno(statement_) : mysql_errno(mysql);
  const char* text =
      mysql_stmt_errno(statement_) != 0 ? mysql_stmt_error(statement_) : mysql_error(mysql);
  // A row above the session's limit ends the connection, and libmariadb 3.3 then speaks of a lost
  // one. A socket that fails leaves 2 in net.error, a buffer that may not grow leaves 1.
  if (number == CR_SERVER_LOST && mysql->net.error == 1) {
    number = kErrClientPacketTooLarge;
    text = "a row is larger than this session may hold";
  }
  return MakeServerError(session_.failure(), number,
                         absl::StrCat(EndName(session_.end()), ": ", what, " ", shown_, ": error ",
                                      number, ": ", Printable(text)));
}

RowStream::~RowStream() {
  if (statement_ == nullptr) return;
  if (!finished_) {
    // Closing a statement reads its result to the end, which may be hours of rows.
    session_.Cut();
  }
  mysql_stmt_close(statement_);
}

}  // namespace zdpipe
