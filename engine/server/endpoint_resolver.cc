#include "engine/server/endpoint_resolver.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "engine/errors.h"
#include "engine/server/sql_text.h"

namespace zdpipe {
namespace {

constexpr char kDefaultSocket[] = "/run/mysqld/mysqld.sock";  // Debian's
constexpr char kLoopback[] = "127.0.0.1";
// Longer than any password a server takes; a password file beyond it is some other file.
constexpr size_t kMaxPasswordBytes = 4096;

// What one place says; an empty string says nothing about host, socket and user.
struct Settings {
  std::string host;
  std::string socket;
  std::optional<uint16_t> port;
  std::string user;
  std::optional<Secret> password;  // a Secret that is not present: prompt
  std::optional<std::string> ssl_ca;
  std::optional<std::string> ssl_cert;
  std::optional<std::string> ssl_key;
  std::optional<bool> ssl;
  std::optional<bool> ssl_verify_server_cert;
  std::optional<bool> compress;
};

// The places, strongest first.
enum Place { kOptions, kText, kNamedGroup, kClientMariaDb, kClient, kPlaces };
using Places = std::array<Settings, kPlaces>;

// The value of `field` at the strongest place that has one.
template <typename T>
std::optional<T> Strongest(const Places& places, std::optional<T> Settings::*field) {
  for (const Settings& settings : places) {
    if ((settings.*field).has_value()) return settings.*field;
  }
  return std::nullopt;
}

std::string Strongest(const Places& places, std::string Settings::*field) {
  for (const Settings& settings : places) {
    if (!(settings.*field).empty()) return settings.*field;
  }
  return std::string();
}

std::string Flag(End end) { return end == End::kSource ? "--from" : "--to"; }

absl::Status UsageError(absl::string_view where, absl::string_view what) {
  return MakeError(Failure::kUsage, absl::StrCat(where, ": ", what));
}

absl::Status PasswordRefused(End end) {
  const absl::string_view variable =
      end == End::kSource ? "ZDPIPE_FROM_PASSWORD" : "ZDPIPE_TO_PASSWORD";
  return WithHint(UsageError(Flag(end), "a password does not belong into an endpoint"),
                  absl::StrCat("put it into an option file, a file named by ", Flag(end),
                               "-password-file, or the environment variable ", variable));
}

std::optional<uint16_t> ParsePort(absl::string_view text) {
  unsigned port = 0;
  const bool digits = !text.empty() && std::all_of(text.begin(), text.end(), absl::ascii_isdigit);
  if (!digits || !absl::SimpleAtoi(text, &port) || port < 1 || port > 65535) return std::nullopt;
  return static_cast<uint16_t>(port);
}

std::optional<bool> ParseBool(absl::string_view text) {
  for (const absl::string_view yes : {"", "1", "on", "true"}) {
    if (absl::EqualsIgnoreCase(text, yes)) return true;
  }
  for (const absl::string_view no : {"0", "off", "false"}) {
    if (absl::EqualsIgnoreCase(text, no)) return false;
  }
  return std::nullopt;
}

// ---- Option-file groups

// Reads typed values of one group; the first error is kept.
class GroupReader {
 public:
  GroupReader(const OptionFiles& files, absl::string_view group)
      : files_(files), group_(group), values_(files.Group(group)) {}

  const absl::Status& status() const { return status_; }

  std::optional<std::string> Text(const std::string& key) {
    const auto found = values_.find(key);
    if (found == values_.end()) return std::nullopt;
    if (files_.IsBare(group_, key)) {
      Fail(key, "needs a value");
      return std::nullopt;
    }
    return found->second;
  }

  std::optional<uint16_t> Port(const std::string& key) {
    const std::optional<std::string> text = Text(key);
    if (!text.has_value()) return std::nullopt;
    const std::optional<uint16_t> port = ParsePort(*text);
    if (!port.has_value()) Fail(key, "is not a number from 1 to 65535");
    return port;
  }

  // `key`, `key=1` and `skip-key=0` are true; `skip-key`, `key=0` are false.
  std::optional<bool> Bool(const std::string& key) {
    const std::string skip = absl::StrCat("skip-", key);
    const bool negated = values_.find(skip) != values_.end();
    const std::string& written = negated ? skip : key;
    const auto found = values_.find(written);
    if (found == values_.end()) return std::nullopt;
    const std::optional<bool> value = ParseBool(found->second);
    if (!value.has_value()) {
      Fail(written, "is neither 1, on, true nor 0, off, false");
      return std::nullopt;
    }
    return *value != negated;
  }

  std::optional<Secret> Password(const std::string& key) {
    const auto found = values_.find(key);
    if (found == values_.end()) return std::nullopt;
    return files_.IsBare(group_, key) ? Secret() : Secret(found->second);
  }

 private:
  void Fail(const std::string& key, absl::string_view what) {
    if (!status_.ok()) return;
    status_ = UsageError(absl::StrCat("option file ", Printable(files_.Place(group_, key))),
                         absl::StrCat("'", key, "' in group [", Printable(group_), "] ", what));
  }

  const OptionFiles& files_;
  const std::string group_;
  const std::map<std::string, std::string>& values_;
  absl::Status status_;
};

absl::StatusOr<Settings> ReadGroup(const OptionFiles& files, absl::string_view group) {
  GroupReader reader(files, group);
  Settings settings;
  settings.host = reader.Text("host").value_or("");
  settings.port = reader.Port("port");
  settings.socket = reader.Text("socket").value_or("");
  settings.user = reader.Text("user").value_or("");
  settings.password = reader.Password("password");
  settings.ssl_ca = reader.Text("ssl-ca");
  settings.ssl_cert = reader.Text("ssl-cert");
  settings.ssl_key = reader.Text("ssl-key");
  settings.ssl = reader.Bool("ssl");
  settings.ssl_verify_server_cert = reader.Bool("ssl-verify-server-cert");
  settings.compress = reader.Bool("compress");
  ZDPIPE_RETURN_IF_ERROR(reader.status());
  return settings;
}

// ---- The text after --from or --to

bool IsIpv6(const std::string& text) {
  const std::string address = text.substr(0, text.find('%'));  // without the zone
  in6_addr ignored;
  return inet_pton(AF_INET6, address.c_str(), &ignored) == 1;
}

bool IsHostName(absl::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return absl::ascii_isgraph(c) && c != '/' && c != '@' && c != ':' && c != '?' && c != '[' &&
           c != ']';
  });
}

// host, host:port, [v6], [v6]:port, v6. The text is in no message: what stands in the place of the
// port may be a password.
absl::Status ParseHostPort(absl::string_view text, End end, Settings& settings) {
  std::optional<absl::string_view> port;
  std::string host;
  if (absl::StartsWith(text, "[")) {
    const size_t close = text.find(']');
    const absl::string_view after =
        close == absl::string_view::npos ? absl::string_view("x") : text.substr(close + 1);
    if (!after.empty() && after[0] != ':') {
      return UsageError(Flag(end), "an address in brackets is written [ADDRESS]:PORT");
    }
    host = std::string(text.substr(1, close - 1));
    if (!after.empty()) port = after.substr(1);
    if (!IsIpv6(host)) return UsageError(Flag(end), "what is in brackets is no IPv6 address");
  } else if (IsIpv6(std::string(text))) {
    host = std::string(text);
  } else {
    const std::pair<absl::string_view, absl::string_view> parts =
        absl::StrSplit(text, absl::MaxSplits(':', 1));
    host = std::string(parts.first);
    if (absl::StrContains(text, ":")) port = parts.second;
    if (!IsHostName(host)) return UsageError(Flag(end), "what is in the host's place is no host");
  }
  if (port.has_value()) {
    settings.port = ParsePort(*port);
    if (!settings.port.has_value()) {
      return UsageError(Flag(end), "the port is not a number from 1 to 65535");
    }
  }
  settings.host = std::move(host);
  return absl::OkStatus();
}

absl::StatusOr<std::string> PercentDecoded(absl::string_view text, End end) {
  std::string decoded;
  for (size_t i = 0; i < text.size(); ++i) {
    char c = text[i];
    if (c == '%') {
      if (i + 2 >= text.size() || !absl::ascii_isxdigit(text[i + 1]) ||
          !absl::ascii_isxdigit(text[i + 2])) {
        return UsageError(Flag(end), "a '%' in the URI is not followed by two hex digits");
      }
      const char digits[] = {text[i + 1], text[i + 2], '\0'};
      c = static_cast<char>(std::strtol(digits, nullptr, 16));
      i += 2;
    }
    if (absl::ascii_iscntrl(c)) {
      return UsageError(Flag(end), "the URI contains a control character");
    }
    decoded += c;
  }
  return decoded;
}

absl::Status ParseQueryOption(absl::string_view text, End end, Settings& settings) {
  const std::pair<absl::string_view, absl::string_view> parts =
      absl::StrSplit(text, absl::MaxSplits('=', 1));
  ZDPIPE_ASSIGN_OR_RETURN(const std::string key, PercentDecoded(parts.first, end));
  ZDPIPE_ASSIGN_OR_RETURN(const std::string value, PercentDecoded(parts.second, end));
  if (key == "password" || key == "passwd") return PasswordRefused(end);
  if (key == "ssl-ca") {
    settings.ssl_ca = value;
  } else if (key == "ssl-cert") {
    settings.ssl_cert = value;
  } else if (key == "ssl-key") {
    settings.ssl_key = value;
  } else if (key == "ssl" || key == "ssl-verify-server-cert") {
    const std::optional<bool> flag = ParseBool(value);
    if (!flag.has_value()) {
      return UsageError(
          Flag(end), absl::StrCat("the value of '", key, "' in the URI is neither true nor false"));
    }
    (key == "ssl" ? settings.ssl : settings.ssl_verify_server_cert) = flag;
  } else {
    return WithHint(
        UsageError(Flag(end), absl::StrCat("unknown option '", Printable(key), "' in the URI")),
        "known are ssl, ssl-ca, ssl-cert, ssl-key and ssl-verify-server-cert");
  }
  return absl::OkStatus();
}

// `rest` is the URI after "mariadb://".
absl::Status ParseUri(absl::string_view rest, End end, Settings& settings) {
  const size_t authority_end = std::min(rest.find_first_of("/?#"), rest.size());
  absl::string_view authority = rest.substr(0, authority_end);
  absl::string_view tail = rest.substr(authority_end);
  // An '@' further on means that the authority was cut short by a '/', '?' or '#' in a password:
  // nothing of the text may be shown from here on.
  if (absl::StrContains(tail, "@")) return PasswordRefused(end);

  const size_t at = authority.rfind('@');
  if (at != absl::string_view::npos) {
    const absl::string_view user = authority.substr(0, at);
    authority.remove_prefix(at + 1);
    if (absl::StrContains(user, ":")) return PasswordRefused(end);
    if (absl::StrContains(user, "@")) {
      return UsageError(Flag(end), "an '@' in the user's name is written %40");
    }
    ZDPIPE_ASSIGN_OR_RETURN(settings.user, PercentDecoded(user, end));
  }
  if (authority.empty()) return UsageError(Flag(end), "the URI names no host");
  ZDPIPE_ASSIGN_OR_RETURN(const std::string host_port, PercentDecoded(authority, end));
  ZDPIPE_RETURN_IF_ERROR(ParseHostPort(host_port, end, settings));

  absl::ConsumePrefix(&tail, "/");
  if (tail.empty()) return absl::OkStatus();
  if (!absl::ConsumePrefix(&tail, "?")) {
    return WithHint(UsageError(Flag(end), "the URI has a path after its host"),
                    "databases are chosen with --databases");
  }
  if (absl::StrContains(tail, "#")) return UsageError(Flag(end), "the URI has a '#'");
  for (const absl::string_view option : absl::StrSplit(tail, '&', absl::SkipEmpty())) {
    ZDPIPE_RETURN_IF_ERROR(ParseQueryOption(option, end, settings));
  }
  return absl::OkStatus();
}

bool IsPathStart(absl::string_view text) {
  return absl::StartsWith(text, "/") || absl::StartsWith(text, "./") ||
         absl::StartsWith(text, "../");
}

// Fills places[kText] or places[kNamedGroup].
absl::Status ParseText(absl::string_view text, End end, const OptionFiles& files, Places& places) {
  Settings& settings = places[kText];
  if (text.empty()) return UsageError(Flag(end), "no endpoint is given");
  if (std::any_of(text.begin(), text.end(), absl::ascii_iscntrl)) {
    return UsageError(Flag(end), "the endpoint contains a control character");
  }
  for (const absl::string_view scheme : {"mariadb://", "mysql://"}) {
    if (absl::StartsWithIgnoreCase(text, scheme)) {
      return ParseUri(text.substr(scheme.size()), end, settings);
    }
  }
  if (absl::StrContains(text, "@") && !IsPathStart(text)) {
    // user@host, or user:password@host: so the text is not shown.
    return WithHint(UsageError(Flag(end), "an endpoint with an '@' must be a mariadb:// URI"),
                    absl::StrCat("write mariadb://USER@HOST:PORT/, or use ", Flag(end), "-user"));
  }
  if (absl::StrContains(text, "://")) {
    return UsageError(Flag(end), "the scheme of the URI is neither mariadb:// nor mysql://");
  }
  if (absl::StrContains(text, "/")) {
    settings.socket = std::string(text);
    return absl::OkStatus();
  }
  for (const std::string& group : {absl::StrCat("zdpipe_", text), std::string(text)}) {
    if (!files.HasGroup(group)) continue;
    ZDPIPE_ASSIGN_OR_RETURN(places[kNamedGroup], ReadGroup(files, group));
    return absl::OkStatus();
  }
  return ParseHostPort(text, end, settings);
}

// ---- Putting the places together

// See the header for the rule about localhost.
absl::Status SetAddress(const Places& places, End end, Endpoint& endpoint) {
  const auto decides = std::find_if(places.begin(), places.end(), [](const Settings& settings) {
    return !settings.host.empty() || !settings.socket.empty();
  });
  if (decides == places.end()) {
    // Hosts and sockets in the text were seen: this is a group.
    return WithHint(
        UsageError(Flag(end), absl::StrCat("the option-file group of '", Printable(endpoint.name),
                                           "' has neither a host nor a socket")),
        "add host=... to the group");
  }
  const std::optional<uint16_t> port = Strongest(places, &Settings::port);
  endpoint.port = port.value_or(endpoint.port);
  if (decides->host.empty()) {
    endpoint.socket = decides->socket;
    return absl::OkStatus();
  }
  if (!absl::EqualsIgnoreCase(decides->host, "localhost")) {
    endpoint.host = decides->host;
    return absl::OkStatus();
  }
  const bool port_is_meant = places[kText].port.has_value() || places[kNamedGroup].port.has_value();
  if (!port_is_meant) {
    endpoint.socket = Strongest(places, &Settings::socket);
    if (!endpoint.socket.empty()) return absl::OkStatus();
    if (!port.has_value() && access(kDefaultSocket, F_OK) == 0) {
      endpoint.socket = kDefaultSocket;
      return absl::OkStatus();
    }
  }
  endpoint.host = kLoopback;
  return absl::OkStatus();
}

bool AsksForTls(const Settings& settings) {
  return !settings.ssl_ca.value_or("").empty() || !settings.ssl_cert.value_or("").empty() ||
         !settings.ssl_key.value_or("").empty() || settings.ssl_verify_server_cert.value_or(false);
}

// Without a word about TLS, it is used with servers of other machines where they offer it.
absl::Status SetTls(const Places& places, End end, bool is_local, TlsOptions& tls) {
  tls.preferred = !is_local;
  for (const Settings& settings : places) {
    if (settings.ssl.has_value() || AsksForTls(settings)) {
      tls.required = settings.ssl.value_or(true);
      tls.preferred = false;
      break;
    }
  }
  if (!tls.required) return absl::OkStatus();
  tls.ca = Strongest(places, &Settings::ssl_ca).value_or("");
  tls.cert = Strongest(places, &Settings::ssl_cert).value_or("");
  tls.key = Strongest(places, &Settings::ssl_key).value_or("");
  // Who names a CA wants to know whom he talks to.
  tls.verify_server_cert =
      Strongest(places, &Settings::ssl_verify_server_cert).value_or(!tls.ca.empty());

  const std::pair<absl::string_view, const std::string*> named_files[] = {
      {"ssl-ca", &tls.ca}, {"ssl-cert", &tls.cert}, {"ssl-key", &tls.key}};
  for (const auto& [name, path] : named_files) {
    // The library's own message names neither the option nor the file.
    if (path->empty() || access(path->c_str(), R_OK) == 0) continue;
    return UsageError(Flag(end),
                      absl::StrCat(name, " file ", Printable(*path), ": ", std::strerror(errno)));
  }
  return absl::OkStatus();
}

absl::StatusOr<Secret> ReadPasswordFile(const std::string& path, End end) {
  const std::string where = absl::StrCat(Flag(end), "-password-file ", Printable(path));
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return UsageError(where, std::strerror(errno));
  struct stat info;
  // A pipe (`<(pass show db)`) has no mode to speak of.
  if (fstat(fd, &info) == 0 && S_ISREG(info.st_mode) && (info.st_mode & S_IROTH) != 0) {
    close(fd);
    return WithHint(UsageError(where, "everybody on this host may read it"),
                    absl::StrCat("chmod 600 ", Printable(path)));
  }
  std::string content(kMaxPasswordBytes + 1, '\0');
  size_t size = 0;
  int failure = 0;
  while (size < content.size()) {
    const ssize_t got = read(fd, content.data() + size, content.size() - size);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) failure = errno;
    if (got <= 0) break;
    size += static_cast<size_t>(got);
  }
  close(fd);
  absl::string_view line = absl::string_view(content).substr(0, size);
  const bool has_end = absl::StrContains(line, "\n");
  line = line.substr(0, line.find('\n'));
  if (has_end) absl::ConsumeSuffix(&line, "\r");

  absl::StatusOr<Secret> password = Secret(std::string(line));
  if (failure != 0) {
    password = UsageError(where, std::strerror(failure));
  } else if (line.empty()) {
    // More often a secret that was never filled in than an account without a password.
    password = UsageError(where, "its first line is empty");
  } else if (line.size() > kMaxPasswordBytes ||
             absl::StrContains(line, absl::string_view("\0", 1))) {
    password = UsageError(where, "its first line is no password");
  }
  explicit_bzero(content.data(), content.size());
  return password;
}

std::optional<Secret> PasswordFromEnvironment(const char* variable) {
  const char* value = std::getenv(variable);
  if (value == nullptr || *value == '\0') return std::nullopt;
  return Secret(value);
}

absl::StatusOr<Secret> FindPassword(const EndpointRequest& request, End end, const Places& places) {
  if (!request.password_file.empty()) return ReadPasswordFile(request.password_file, end);
  std::optional<Secret> password =
      PasswordFromEnvironment(end == End::kSource ? "ZDPIPE_FROM_PASSWORD" : "ZDPIPE_TO_PASSWORD");
  if (!password.has_value()) password = Strongest(places, &Settings::password);
  if (!password.has_value()) password = PasswordFromEnvironment("MYSQL_PWD");
  return password.value_or(Secret());
}

absl::StatusOr<std::string> FindUser(const Places& places, End end) {
  std::string user = Strongest(places, &Settings::user);
  if (!user.empty()) return user;
  const char* variable = std::getenv("USER");
  if (variable != nullptr && *variable != '\0') return std::string(variable);
  // Containers often have no USER. getpwuid is not thread-safe; endpoints are resolved before the
  // first thread starts.
  const passwd* entry = getpwuid(geteuid());
  if (entry != nullptr) return std::string(entry->pw_name);
  return WithHint(UsageError(Flag(end), "no user is given"),
                  absl::StrCat("name one with ", Flag(end), "-user"));
}

}  // namespace

absl::StatusOr<Endpoint> ResolveEndpoint(const EndpointRequest& request, End end,
                                         const OptionFiles& files) {
  Places places;
  places[kOptions].user = request.user;
  places[kOptions].ssl_ca = request.ssl_ca;
  places[kOptions].ssl_cert = request.ssl_cert;
  places[kOptions].ssl_key = request.ssl_key;
  places[kOptions].ssl = request.ssl;
  places[kOptions].ssl_verify_server_cert = request.ssl_verify_server_cert;
  if (request.compress) places[kOptions].compress = true;
  ZDPIPE_RETURN_IF_ERROR(ParseText(request.text, end, files, places));
  ZDPIPE_ASSIGN_OR_RETURN(places[kClientMariaDb], ReadGroup(files, "client-mariadb"));
  ZDPIPE_ASSIGN_OR_RETURN(places[kClient], ReadGroup(files, "client"));

  Endpoint endpoint;
  endpoint.name = request.text;
  ZDPIPE_RETURN_IF_ERROR(SetAddress(places, end, endpoint));
  ZDPIPE_RETURN_IF_ERROR(SetTls(places, end, endpoint.IsLocal(), endpoint.tls));
  ZDPIPE_ASSIGN_OR_RETURN(endpoint.user, FindUser(places, end));
  ZDPIPE_ASSIGN_OR_RETURN(endpoint.password, FindPassword(request, end, places));
  endpoint.compress = Strongest(places, &Settings::compress).value_or(false);
  return endpoint;
}

}  // namespace zdpipe
