#include "engine/server/option_file.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <memory>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "engine/errors.h"
#include "engine/server/sql_text.h"

namespace zdpipe {
namespace {

// The clients stop at the same depth; they warn and go on, we refuse.
constexpr int kMaxIncludeDepth = 10;
// Files that include each other twice would be read 2^10 times; no real set-up has this many.
constexpr size_t kMaxFiles = 1000;
// A file this big is not an option file (it may be a data file named by mistake).
constexpr size_t kMaxFileBytes = size_t{1} << 20;

constexpr const char* kGlobalFiles[] = {"/etc/my.cnf", "/etc/mysql/my.cnf"};
constexpr char kUserFile[] = ".my.cnf";

struct FileCloser {
  int fd;
  ~FileCloser() { close(fd); }
};

absl::Status UsageError(absl::string_view place, absl::string_view what) {
  return MakeError(Failure::kUsage, absl::StrCat("option file ", Printable(place), ": ", what));
}

std::string HomeFolder() {
  const char* home = std::getenv("HOME");
  return home == nullptr ? std::string() : std::string(home);
}

std::string ExpandHome(absl::string_view path) {
  const std::string home = HomeFolder();
  if (!home.empty() && absl::StartsWith(path, "~/")) return absl::StrCat(home, path.substr(1));
  return std::string(path);
}

absl::StatusOr<std::string> FileContent(const std::string& path) {
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return UsageError(path, absl::StrCat("cannot be opened: ", std::strerror(errno)));
  const FileCloser closer{fd};
  struct stat info;
  if (fstat(fd, &info) != 0) return UsageError(path, std::strerror(errno));
  if (S_ISREG(info.st_mode) && (info.st_mode & S_IWOTH) != 0) {
    return WithHint(UsageError(path, "everybody may write to it, so it is not trusted"),
                    absl::StrCat("chmod o-w ", Printable(path)));
  }
  std::string content;
  char buffer[16 * 1024];
  while (true) {
    const ssize_t got = read(fd, buffer, sizeof(buffer));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return UsageError(path, absl::StrCat("cannot be read: ", std::strerror(errno)));
    if (got == 0) return content;
    content.append(buffer, static_cast<size_t>(got));
    if (content.size() > kMaxFileBytes) return UsageError(path, "is larger than 1 MiB");
  }
}

// The line up to its comment. A '#' starts one outside of quotes, at the start of the line or
// after a space. (The mariadb client cuts at any '#' outside of quotes, so `password=a#b` is "a"
// for it and "a#b" for us and for Connector/C; with quotes all agree.) As for the clients, a quote
// that is never closed reaches to the end of the line: `password=it's #1` has no comment.
absl::string_view WithoutComment(absl::string_view line) {
  char quote = 0;
  bool escaped = false;
  for (size_t i = 0; i < line.size(); ++i) {
    const char c = line[i];
    if ((c == '\'' || c == '"') && !escaped) {
      if (quote == 0) {
        quote = c;
      } else if (quote == c) {
        quote = 0;
      }
    }
    if (quote == 0 && c == '#' && (i == 0 || absl::ascii_isspace(line[i - 1]))) {
      return line.substr(0, i);
    }
    escaped = quote != 0 && c == '\\' && !escaped;
  }
  return line;
}

// The value without its quotes and with its escapes resolved. An unknown escape stays as it is.
std::string Unquoted(absl::string_view value) {
  if (value.size() >= 2 && (value.front() == '"' || value.front() == '\'') &&
      value.front() == value.back()) {
    value = value.substr(1, value.size() - 2);
  }
  std::string plain;
  for (size_t i = 0; i < value.size(); ++i) {
    if (value[i] != '\\' || i + 1 == value.size()) {
      plain += value[i];
      continue;
    }
    ++i;
    switch (value[i]) {
      case 'b':
        plain += '\b';
        break;
      case 't':
        plain += '\t';
        break;
      case 'n':
        plain += '\n';
        break;
      case 'r':
        plain += '\r';
        break;
      case 's':
        plain += ' ';
        break;
      case '\\':
      case '"':
      case '\'':
        plain += value[i];
        break;
      default:
        plain += '\\';
        plain += value[i];
    }
  }
  return plain;
}

// The key in the one spelling that OptionFiles::Group promises.
std::string CanonicalKey(absl::string_view written) {
  std::string key(written);
  std::replace(key.begin(), key.end(), '_', '-');
  absl::string_view rest = key;
  absl::ConsumePrefix(&rest, "loose-");
  if (absl::ConsumePrefix(&rest, "disable-")) return absl::StrCat("skip-", rest);
  absl::ConsumePrefix(&rest, "enable-");
  return std::string(rest);
}

bool IsKey(absl::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return absl::ascii_isalnum(c) || c == '-' || c == '_' || c == '.';
  });
}

}  // namespace

absl::StatusOr<OptionFiles> OptionFiles::Read(const OptionFileChoice& choice) {
  OptionFiles files;
  if (choice.no_defaults) return files;
  if (!choice.defaults_file.empty()) {
    ZDPIPE_RETURN_IF_ERROR(files.ReadFile(ExpandHome(choice.defaults_file), 0));
    return files;
  }
  // A default file behind a folder that we may not enter counts as not there: it is not ours.
  const auto read_if_there = [&files](const std::string& path) {
    struct stat info;
    if (stat(path.c_str(), &info) != 0) return absl::OkStatus();
    return files.ReadFile(path, 0);
  };
  for (const char* path : kGlobalFiles) ZDPIPE_RETURN_IF_ERROR(read_if_there(path));
  if (!choice.defaults_extra_file.empty()) {
    ZDPIPE_RETURN_IF_ERROR(files.ReadFile(ExpandHome(choice.defaults_extra_file), 0));
  }
  const std::string home = HomeFolder();
  if (!home.empty()) ZDPIPE_RETURN_IF_ERROR(read_if_there(absl::StrCat(home, "/", kUserFile)));
  return files;
}

absl::StatusOr<OptionFiles> OptionFiles::Parse(absl::string_view text, absl::string_view name) {
  OptionFiles files;
  files.files_.emplace_back(name);
  ZDPIPE_RETURN_IF_ERROR(files.ParseText(text, name, 0));
  return files;
}

bool OptionFiles::HasGroup(absl::string_view group) const {
  return groups_.find(group) != groups_.end();
}

const std::map<std::string, std::string>& OptionFiles::Group(absl::string_view group) const {
  static const auto* const kNone = new std::map<std::string, std::string>();
  const auto found = groups_.find(group);
  return found == groups_.end() ? *kNone : found->second;
}

bool OptionFiles::IsBare(absl::string_view group, absl::string_view key) const {
  const Detail* detail = Find(group, key);
  return detail != nullptr && detail->bare;
}

std::string OptionFiles::Place(absl::string_view group, absl::string_view key) const {
  const Detail* detail = Find(group, key);
  return detail == nullptr ? std::string() : detail->place;
}

const OptionFiles::Detail* OptionFiles::Find(absl::string_view group, absl::string_view key) const {
  const auto found = details_.find({std::string(group), std::string(key)});
  return found == details_.end() ? nullptr : &found->second;
}

absl::Status OptionFiles::ReadFile(const std::string& path, int depth) {
  if (files_.size() >= kMaxFiles) return UsageError(path, "more than 1000 option files are read");
  ZDPIPE_ASSIGN_OR_RETURN(const std::string content, FileContent(path));
  files_.push_back(path);
  return ParseText(content, path, depth);
}

absl::Status OptionFiles::ReadFolder(const std::string& path, int depth) {
  const std::unique_ptr<DIR, int (*)(DIR*)> folder(opendir(path.c_str()), &closedir);
  if (folder == nullptr) {
    return UsageError(path, absl::StrCat("cannot be listed: ", std::strerror(errno)));
  }
  std::vector<std::string> names;
  while (const dirent* entry = readdir(folder.get())) {
    if (absl::EndsWith(entry->d_name, ".cnf")) names.emplace_back(entry->d_name);
  }
  std::sort(names.begin(), names.end());
  for (const std::string& name : names) {
    ZDPIPE_RETURN_IF_ERROR(ReadFile(absl::StrCat(absl::StripSuffix(path, "/"), "/", name), depth));
  }
  return absl::OkStatus();
}

absl::Status OptionFiles::ParseText(absl::string_view text, absl::string_view name, int depth) {
  std::string group;
  for (int number = 1; !text.empty(); ++number) {
    const size_t end = std::min(text.find('\n'), text.size());
    const absl::string_view line = absl::StripAsciiWhitespace(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
    const std::string place = absl::StrCat(name, ":", number);

    if (line.empty() || line[0] == '#' || line[0] == ';') continue;
    if (absl::StrContains(line, absl::string_view("\0", 1))) {
      return UsageError(place, "has a zero byte: not an option file");
    }
    if (line[0] == '!') {
      if (depth >= kMaxIncludeDepth) {
        return UsageError(place, "more than 10 files include each other");
      }
      ZDPIPE_RETURN_IF_ERROR(Annotate(ParseDirective(line, depth + 1),
                                      absl::StrCat("option file ", Printable(place))));
      continue;
    }
    if (line[0] == '[') {
      const absl::string_view header = absl::StripAsciiWhitespace(WithoutComment(line));
      group = std::string(
          absl::StripAsciiWhitespace(absl::StripSuffix(absl::StripPrefix(header, "["), "]")));
      if (header.back() != ']' || group.empty()) return UsageError(place, "not a [group]");
      groups_[group];  // an empty group is a group
      continue;
    }
    if (group.empty()) return UsageError(place, "a line that belongs to no [group]");
    ZDPIPE_RETURN_IF_ERROR(ParseOption(line, group, place));
  }
  return absl::OkStatus();
}

// Paths are relative to the working directory, as for the clients, not to the including file.
absl::Status OptionFiles::ParseDirective(absl::string_view line, int depth) {
  const size_t space = std::min(line.find_first_of(" \t"), line.size());
  const absl::string_view directive = line.substr(0, space);
  const std::string path = ExpandHome(absl::StripAsciiWhitespace(line.substr(space)));
  const bool folder = directive == "!includedir";
  if (!folder && directive != "!include") {
    return MakeError(Failure::kUsage, "neither !include FILE nor !includedir FOLDER");
  }
  if (path.empty()) {
    return MakeError(Failure::kUsage, absl::StrCat(directive, " names nothing"));
  }
  return folder ? ReadFolder(path, depth) : ReadFile(path, depth);
}

absl::Status OptionFiles::ParseOption(absl::string_view line, const std::string& group,
                                      const std::string& place) {
  line = WithoutComment(line);
  const size_t equals = line.find('=');
  const bool bare = equals == absl::string_view::npos;
  const absl::string_view key = absl::StripAsciiWhitespace(line.substr(0, equals));
  if (!IsKey(key)) return UsageError(place, "neither a key nor key=value");
  std::string value;
  if (!bare) value = Unquoted(absl::StripAsciiWhitespace(line.substr(equals + 1)));
  Set(group, CanonicalKey(key), std::move(value), Detail{bare, place});
  return absl::OkStatus();
}

void OptionFiles::Set(const std::string& group, std::string key, std::string value, Detail detail) {
  const absl::string_view positive = absl::StripPrefix(key, "skip-");
  const std::string opposite =
      positive.size() == key.size() ? absl::StrCat("skip-", key) : std::string(positive);
  groups_[group].erase(opposite);
  details_.erase({group, opposite});
  details_[{group, key}] = std::move(detail);
  groups_[group][std::move(key)] = std::move(value);
}

}  // namespace zdpipe
