// Rows out of a server: one SELECT, streamed in the binary protocol, each row handed on as the
// bytes that arrived.
#ifndef ZDPIPE_ENGINE_SERVER_ROW_STREAM_H_
#define ZDPIPE_ENGINE_SERVER_ROW_STREAM_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "engine/rows/wire_row.h"
#include "engine/server/session.h"

struct st_mysql_stmt;  // libmariadb's MYSQL_STMT

namespace zdpipe {

// What the result's metadata does not tell about a column.
enum class ColumnRole : uint8_t {
  kPlain,
  kEnum,  // selected as its number
  kSet,   // selected as its number; 0 is an ordinary value, the empty set
  kText,  // a text form that the target has to convert: UUID, INET6, INET4, MySQL's JSON
};

// One running SELECT. The session is busy with it until the stream is destroyed; destroying a
// stream that was not read to its end makes the session unusable for anything but closing.
class RowStream {
 public:
  // Runs `select`. `roles` has an entry per column. The session gets the results unconverted
  // (character_set_results = NULL) from now on.
  static absl::StatusOr<std::unique_ptr<RowStream>> Open(Session& session, absl::string_view select,
                                                         std::vector<ColumnRole> roles);
  ~RowStream();
  RowStream(const RowStream&) = delete;
  RowStream& operator=(const RowStream&) = delete;

  // Fetches the next row into `row()`. False at the end of the result, which is only ever reached
  // through the server's own end-of-result packet: a lost connection is an error.
  absl::StatusOr<bool> Next();

  // The row fetched last; valid until the next call of Next().
  WireRow row() const { return row_; }
  // Number of ENUM error values (0) in that row.
  uint32_t enum_errors() const { return enum_errors_; }

  const RowLayout& layout() const { return layout_; }

 private:
  RowStream(Session& session, std::vector<ColumnRole> roles)
      : session_(session), roles_(std::move(roles)) {}
  absl::Status Start(absl::string_view select);
  absl::Status ReadLayout();
  absl::Status Error(absl::string_view what) const;

  // Called by libmariadb for each column of a row being fetched.
  static void OnColumn(void* self, unsigned column, unsigned char** position);
  void TakeColumn(unsigned column, unsigned char** position);

  Session& session_;
  std::vector<ColumnRole> roles_;
  std::string shown_;  // the start of the statement, for messages
  RowLayout layout_;
  st_mysql_stmt* statement_ = nullptr;
  WireRow row_;
  const uint8_t* row_end_ = nullptr;
  uint32_t enum_errors_ = 0;
  bool malformed_ = false;
  bool finished_ = true;  // no rows are on their way
};

}  // namespace zdpipe

#endif  // ZDPIPE_ENGINE_SERVER_ROW_STREAM_H_
