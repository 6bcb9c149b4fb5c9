// Option files as every MariaDB client reads them: groups of `key=value`, comments, quotes,
// escapes, !include and !includedir.
// Source of the format: MariaDB's "Configuring MariaDB with Option Files", and what
// my_print_defaults of 10.11 does. Where we differ, we refuse what the clients skip silently (a
// line that is no option, an unknown directive, an included file that is not there): an option
// file says which server is overwritten, so a typo in it must not fall back to a default.
#ifndef ZDPIPE_ENGINE_SERVER_OPTION_FILE_H_
#define ZDPIPE_ENGINE_SERVER_OPTION_FILE_H_

#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace zdpipe {

// Which files to read. A leading "~/" is the folder $HOME, as the clients have it.
struct OptionFileChoice {
  std::string defaults_file;        // only this one
  std::string defaults_extra_file;  // after the global files, before the user's
  bool no_defaults = false;         // none at all
};

// The content of all files that were read; immutable, so any thread may use it.
class OptionFiles {
 public:
  // Reads /etc/my.cnf, /etc/mysql/my.cnf, the extra file and ~/.my.cnf, or what was chosen
  // instead. A file that was named and cannot be read or parsed is kUsage, with file and line; a
  // default file that does not exist is nothing, one that exists and cannot be read is kUsage too.
  // A world-writable file is refused, as the clients ignore it. No message contains a value: it
  // may be a password.
  static absl::StatusOr<OptionFiles> Read(const OptionFileChoice& choice);
  // As Read, for one text (tests). `name` appears in messages.
  static absl::StatusOr<OptionFiles> Parse(absl::string_view text, absl::string_view name);

  bool HasGroup(absl::string_view group) const;
  // Key to value; empty for an unknown group. In keys '_' is turned into '-', `loose-` and
  // `enable-` are dropped, `disable-` is `skip-`. The last of `key` and `skip-key` replaces the
  // other, so at most one of them is there.
  const std::map<std::string, std::string>& Group(absl::string_view group) const;
  // True for a key written without '=': `password` asks for a password, `password=` is an empty
  // one. In Group() both have the value "".
  bool IsBare(absl::string_view group, absl::string_view key) const;
  // "FILE:LINE" of the line that set the key, for messages; "" for an unknown key.
  std::string Place(absl::string_view group, absl::string_view key) const;
  // The files that were read, in order.
  const std::vector<std::string>& files() const { return files_; }

 private:
  struct Detail {
    bool bare = false;
    std::string place;
  };

  // `depth` counts the !include directives that led here.
  absl::Status ReadFile(const std::string& path, int depth);
  absl::Status ReadFolder(const std::string& path, int depth);
  absl::Status ParseText(absl::string_view text, absl::string_view name, int depth);
  absl::Status ParseDirective(absl::string_view line, int depth);
  absl::Status ParseOption(absl::string_view line, const std::string& group,
                           const std::string& place);
  void Set(const std::string& group, std::string key, std::string value, Detail detail);
  const Detail* Find(absl::string_view group, absl::string_view key) const;

  std::map<std::string, std::map<std::string, std::string>, std::less<>> groups_;
  std::map<std::pair<std::string, std::string>, Detail> details_;  // by group and key
  std::vector<std::string> files_;
};

}  // namespace zdpipe

#endif  // ZDPIPE_ENGINE_SERVER_OPTION_FILE_H_
