#include "cli/command_line.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <iterator>
#include <map>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "engine/errors.h"
#include "engine/server/endpoint_resolver.h"
#include "engine/server/option_file.h"
#include "engine/server/sql_text.h"

namespace zdpipe {
namespace {

// --password, -p and their kin: users of the MariaDB clients will try them.
constexpr char kNoPasswordsHere[] =
    "a password on the command line can be read by every user of this machine; use an option file, "
    "--from-password-file / --to-password-file, or ZDPIPE_FROM_PASSWORD / ZDPIPE_TO_PASSWORD";

// What CLI11 fills; strings and flags only.
struct Raw {
  EndpointRequest from;
  EndpointRequest to;
  OptionFileChoice files;
  std::string definer = "keep";
  std::string source_state = "stopped-replica";
  std::string target_not_empty = "refuse";
  std::string indexes = "after";
  std::string verify = "rows";
  std::string compress = "none";
  std::string jobs = "auto";
  std::string output = "text";
  std::string progress = "auto";
  std::string max_load;
  uint64_t io_timeout = 60;  // times in seconds
  uint64_t retry_for = 120;
  uint64_t deadline = 0;
  std::vector<std::string> settings;
  CommandLine parsed;
};

// Every option has an environment twin: --range-bytes is ZDPIPE_RANGE_BYTES.
template <typename T>
CLI::Option* AddOption(CLI::App& app, const std::string& name, T& value,
                       const std::string& description) {
  std::string environment = absl::StrCat("ZDPIPE_", absl::AsciiStrToUpper(name.substr(2)));
  for (char& c : environment) c = c == '-' ? '_' : c;
  return app.add_option(name, value, description)->envname(environment);
}

CLI::Option* AddFlag(CLI::App& app, const std::string& name, bool& value,
                     const std::string& description) {
  std::string environment = absl::StrCat("ZDPIPE_", absl::AsciiStrToUpper(name.substr(2)));
  for (char& c : environment) c = c == '-' ? '_' : c;
  return app.add_flag(name, value, description)->envname(environment);
}

CLI::Validator NotNegative() {
  return CLI::Validator(
      [](std::string& text) {
        return text.find('-') == std::string::npos ? std::string() : "must not be negative";
      },
      "");
}

// A number of bytes with a unit: 16MiB. Unsigned parsing alone would take -1 for 2^64 - 1.
CLI::Option* AddSize(CLI::App& app, const std::string& name, uint64_t& value,
                     const std::string& description, const std::string& default_text) {
  return AddOption(app, name, value, description)
      ->transform(CLI::AsSizeValue(false))
      ->transform(NotNegative())
      ->default_str(default_text);
}

// Seconds, or a number with a unit: 90, 90s, 5m, 2h.
CLI::Option* AddDuration(CLI::App& app, const std::string& name, uint64_t& seconds,
                         const std::string& description, const std::string& default_text) {
  const std::map<std::string, uint64_t> units = {{"s", 1}, {"m", 60}, {"h", 3600}};
  return AddOption(app, name, seconds, description)
      ->transform(CLI::AsNumberWithUnit(units, CLI::AsNumberWithUnit::DEFAULT, "TIME"))
      ->transform(NotNegative())
      ->default_str(default_text);
}

void AddEndpoint(CLI::App& app, const std::string& end, EndpointRequest& request) {
  const std::string option = absl::StrCat("--", end);
  const std::string group = end == "from" ? "Source" : "Target";
  AddOption(app, option, request.text,
            "Option-file group ([zdpipe_NAME], [NAME]), host, host:port, socket path or "
            "mariadb://user@host:port/")
      ->required()
      ->group(group);
  AddOption(app, option + "-user", request.user, "User name")->group(group);
  AddOption(app, option + "-password-file", request.password_file,
            "File whose first line is the password")
      ->group(group);
  AddOption(app, option + "-ssl-ca", request.ssl_ca, "CA certificate file")->group(group);
  AddOption(app, option + "-ssl-cert", request.ssl_cert, "Client certificate file")->group(group);
  AddOption(app, option + "-ssl-key", request.ssl_key, "Client key file")->group(group);
  AddOption(app, option + "-ssl", request.ssl, "Insist on TLS (true, false)")->group(group);
  AddOption(app, option + "-ssl-verify-server-cert", request.ssl_verify_server_cert,
            "Verify the server's certificate and name (true, false)")
      ->group(group);
}

void AddOptionFiles(CLI::App& app, OptionFileChoice& files) {
  AddOption(app, "--defaults-file", files.defaults_file, "Read only this option file")
      ->group("Option files");
  AddOption(app, "--defaults-extra-file", files.defaults_extra_file, "Read this one as well")
      ->group("Option files");
  AddFlag(app, "--no-defaults", files.no_defaults, "Read no option file")->group("Option files");
}

void AddSelection(CLI::App& app, Raw& raw) {
  Selection& selection = raw.parsed.copy.selection;
  AddOption(app, "--databases", selection.databases,
            "Databases, comma separated (default: all but the system ones)")
      ->delimiter(',');
  AddOption(app, "--tables", selection.tables, "Only tables that match DATABASE.TABLE globs")
      ->delimiter(',');
  AddOption(app, "--exclude-tables", selection.exclude_tables, "Leave these tables out (globs)")
      ->delimiter(',');
  AddOption(app, "--definer", raw.definer,
            "DEFINER clauses on the target: keep (as on the source), current, or USER@HOST")
      ->capture_default_str();
}

void AddEnds(CLI::App& app, Raw& raw) {
  AddOption(app, "--source-state", raw.source_state,
            "What the source is: stopped-replica, master (takes writes), frozen (nobody writes)")
      ->check(CLI::IsMember({"stopped-replica", "master", "frozen"}))
      ->capture_default_str();
  AddFlag(app, "--stop-replica", raw.parsed.copy.stop_replica,
          "Stop the source's replication threads if they run");
  AddFlag(app, "--users", raw.parsed.copy.users,
          "Copy accounts, roles and grants, too; those on the target stay as they are");
  AddOption(app, "--target-not-empty", raw.target_not_empty,
            "If a database to be copied has objects on the target: refuse, or drop it")
      ->check(CLI::IsMember({"refuse", "drop"}))
      ->capture_default_str();
}

void AddOutput(CLI::App& app, Raw& raw) {
  AddOption(app, "--output", raw.output, "Result on stdout as text or json")
      ->check(CLI::IsMember({"text", "json"}))
      ->capture_default_str();
  AddOption(app, "--control-schema", raw.parsed.copy.selection.control_schema,
            "Schema of the run's ledger on the target")
      ->capture_default_str();
}

// What copy and verify have in common: the work, and how it is watched.
void AddRunOptions(CLI::App& app, Raw& raw) {
  CopyOptions& copy = raw.parsed.copy;
  AddOption(app, "--jobs", raw.jobs,
            "Tables worked on at once (copy: and loaders): a number or auto")
      ->capture_default_str();
  AddSize(app, "--memory", copy.memory_bytes,
          "Memory for rows; the process needs up to 64 MiB more", "256MiB");
  AddOption(app, "--compress", raw.compress, "Compression of the connections: none, zlib")
      ->check(CLI::IsMember({"none", "zlib"}))
      ->capture_default_str();
  AddOption(app, "--differences", copy.differences_shown, "Rows to name of each table that differs")
      ->capture_default_str();
  AddOption(app, "--progress", raw.progress, "Progress on stderr: auto, tty, json, none")
      ->check(CLI::IsMember({"auto", "tty", "json", "none"}))
      ->capture_default_str();
  AddOption(app, "--report", raw.parsed.report_path, "Write the report (JSON) to this file");
  AddDuration(app, "--io-timeout", raw.io_timeout,
              "How long a server may say nothing; a statement may take longer while the server "
              "says that it works on it; 0: for ever",
              "1m");
}

void AddCopyOptions(CLI::App& app, Raw& raw) {
  CopyOptions& copy = raw.parsed.copy;
  AddSize(app, "--range-bytes", copy.range_bytes, "Bytes of rows in one transaction", "16MiB");
  AddOption(app, "--indexes", raw.indexes, "Build secondary indexes after the rows, or inline")
      ->check(CLI::IsMember({"after", "inline"}))
      ->capture_default_str();
  AddOption(app, "--verify", raw.verify, "Read the target back: rows, counts, none")
      ->check(CLI::IsMember({"rows", "counts", "none"}))
      ->capture_default_str();
  AddOption(app, "--handoff", copy.handoff_path, "File for the replication coordinates")
      ->capture_default_str();
  AddSize(app, "--rate", copy.throttle.rate_bytes, "Bytes of rows per second at most; 0: any", "0");
  AddOption(app, "--max-load", raw.max_load,
            "Wait while a status variable of the target is higher: Threads_running=25,...");
  AddOption(app, "--max-lag", copy.throttle.max_lag_seconds,
            "Wait while a replica of the target is more seconds behind; 0: any")
      ->capture_default_str();
  AddFlag(app, "--resume", copy.resume, "Go on with the run that was interrupted on this target");
  AddDuration(app, "--retry-for", raw.retry_for,
              "How long to try again, without progress, what may pass: lost connections, servers "
              "that restart, full disks",
              "2m");
  AddDuration(app, "--deadline", raw.deadline,
              "Stop after this time, as on a signal (exit 10); 0: never", "0");
  AddFlag(app, "--keep-control", copy.keep_control, "Keep the control schema after a good end");
  AddFlag(app, "--dry-run", raw.parsed.dry_run, "Check and plan only; change nothing");
}

absl::Status RefusePasswords(int argc, char** argv) {
  for (int i = 1; i < argc; ++i) {
    const absl::string_view argument = argv[i];
    for (absl::string_view option : {"--password", "--from-password", "--to-password"}) {
      if (argument == option ||
          (argument.size() > option.size() &&
           argument.substr(0, option.size() + 1) == absl::StrCat(option, "="))) {
        return WithHint(MakeError(Failure::kUsage, absl::StrCat(option, " is not an option")),
                        kNoPasswordsHere);
      }
    }
    if (argument.size() > 1 && argument[0] == '-' && argument[1] == 'p') {
      return WithHint(MakeError(Failure::kUsage, "-p is not an option"), kNoPasswordsHere);
    }
  }
  return absl::OkStatus();
}

// Names the option only: what stands behind it may be a password.
absl::Status UnknownOption(const CLI::App& app) {
  const std::vector<std::string> unknown = app.remaining(true);
  for (const std::string& argument : unknown) {
    if (argument.empty() || argument[0] != '-') continue;
    return MakeError(
        Failure::kUsage,
        absl::StrCat("unknown option ", Printable(argument.substr(0, argument.find('=')))));
  }
  return MakeError(
      Failure::kUsage,
      absl::StrCat("unexpected argument ", unknown.empty() ? "" : Printable(unknown.front())));
}

absl::StatusOr<DefinerPolicy> ParseDefiner(const std::string& text) {
  DefinerPolicy policy;
  if (text == "keep") return policy;
  if (text == "current") {
    policy.kind = DefinerPolicy::Kind::kCurrent;
    return policy;
  }
  const size_t at = text.rfind('@');
  if (at == std::string::npos || at == 0) {
    return MakeError(Failure::kUsage,
                     absl::StrCat("--definer ", text, ": expected keep, current or USER@HOST"));
  }
  policy.kind = DefinerPolicy::Kind::kReplace;
  policy.user = text.substr(0, at);
  policy.host = text.substr(at + 1);
  return policy;
}

// "10MiB" becomes "10485760"; false when it is no size.
bool ToBytes(std::string& text) {
  try {
    return CLI::AsSizeValue(false)(text).empty();
  } catch (const CLI::Error&) {
    return false;
  }
}

// "rate=10MiB" and the like, as the running copy reads it; nothing wrong is written down.
absl::Status ConvertSettings(Raw& raw) {
  for (const std::string& setting : raw.settings) {
    const size_t equals = std::min(setting.find('='), setting.size());
    const std::string name = setting.substr(0, equals);
    std::string value = equals < setting.size() ? setting.substr(equals + 1) : "";
    if (name == "rate" && !ToBytes(value)) {
      return MakeError(Failure::kUsage, absl::StrCat("--set ", Printable(setting),
                                                     ": expected a size such as 10MiB"));
    }
    ThrottleLimits unused;
    ZDPIPE_RETURN_IF_ERROR(Annotate(SetThrottleLimit(name, value, unused), "--set"));
    raw.parsed.settings.emplace_back(name, value);
  }
  return absl::OkStatus();
}

absl::Status Convert(Raw& raw) {
  CopyOptions& copy = raw.parsed.copy;
  ZDPIPE_RETURN_IF_ERROR(SetThrottleLimit("max-load", raw.max_load, copy.throttle));
  ZDPIPE_RETURN_IF_ERROR(ConvertSettings(raw));
  ZDPIPE_ASSIGN_OR_RETURN(copy.definer, ParseDefiner(raw.definer));
  copy.source_state = raw.source_state == "master"   ? SourceState::kMaster
                      : raw.source_state == "frozen" ? SourceState::kFrozen
                                                     : SourceState::kStoppedReplica;
  copy.drop_target = raw.target_not_empty == "drop";
  copy.indexes_after = raw.indexes == "after";
  copy.verify = raw.verify == "rows"     ? VerifyMode::kRows
                : raw.verify == "counts" ? VerifyMode::kCounts
                                         : VerifyMode::kNone;
  if (raw.jobs != "auto" &&
      (!absl::SimpleAtoi(raw.jobs, &copy.jobs) || copy.jobs == 0 || copy.jobs > 64)) {
    return MakeError(Failure::kUsage,
                     absl::StrCat("--jobs ", raw.jobs, ": expected auto or a number from 1 to 64"));
  }
  raw.parsed.output = raw.output == "json" ? OutputFormat::kJson : OutputFormat::kText;
  raw.parsed.progress = raw.progress == "tty"    ? ProgressStyle::kTty
                        : raw.progress == "json" ? ProgressStyle::kJson
                        : raw.progress == "none" ? ProgressStyle::kNone
                                                 : ProgressStyle::kAuto;
  copy.tool_version = ZDPIPE_VERSION;
  copy.retry_for = std::chrono::seconds(raw.retry_for);
  copy.deadline = std::chrono::seconds(raw.deadline);

  const std::string& control_schema = copy.selection.control_schema;
  if (control_schema.empty() || IsSystemDatabase(control_schema)) {
    return MakeError(Failure::kUsage, absl::StrCat("--control-schema ", Printable(control_schema),
                                                   ": expected a name that zdpipe can have for "
                                                   "itself; the schema is dropped in the end"));
  }

  ZDPIPE_ASSIGN_OR_RETURN(const OptionFiles files, OptionFiles::Read(raw.files));
  raw.from.compress = raw.to.compress = raw.compress == "zlib";
  if (raw.parsed.verb != Verb::kStatus) {
    ZDPIPE_ASSIGN_OR_RETURN(copy.source, ResolveEndpoint(raw.from, End::kSource, files));
  }
  ZDPIPE_ASSIGN_OR_RETURN(copy.target, ResolveEndpoint(raw.to, End::kTarget, files));
  copy.source.io_timeout = copy.target.io_timeout = std::chrono::seconds(raw.io_timeout);
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::variant<CommandLine, HelpText>> ParseCommandLine(int argc, char** argv) {
  ZDPIPE_RETURN_IF_ERROR(RefusePasswords(argc, argv));
  Raw raw;
  CLI::App app("Copies a live MariaDB or MySQL system from a stopped replica into a new master.",
               "zdpipe");
  app.set_version_flag("--version", absl::StrCat("zdpipe ", ZDPIPE_VERSION));
  app.require_subcommand(1);
  // Without this CLI11 speaks of a missing subcommand where there is a wrong one.
  constexpr absl::string_view kVerbs[] = {"check", "copy", "verify", "status"};
  if (argc > 1 && argv[1][0] != '-' &&
      std::find(std::begin(kVerbs), std::end(kVerbs), argv[1]) == std::end(kVerbs)) {
    return WithHint(
        MakeError(Failure::kUsage, absl::StrCat("unknown command '", Printable(argv[1]), "'")),
        "the commands are check, copy, verify and status; see zdpipe --help");
  }
  app.footer("Exit codes and file formats: docs/cli.md");

  CLI::App* check = app.add_subcommand("check", "Look at both ends and print findings");
  CLI::App* copy = app.add_subcommand("copy", "Copy everything and write the handoff file");
  CLI::App* verify = app.add_subcommand("verify", "Compare two servers, rows and definitions");
  CLI::App* status = app.add_subcommand("status", "Say where a run stands");
  for (CLI::App* verb : {check, copy, verify}) {
    AddEndpoint(*verb, "from", raw.from);
    AddEndpoint(*verb, "to", raw.to);
    AddSelection(*verb, raw);
  }
  for (CLI::App* verb : {check, copy}) AddEnds(*verb, raw);
  for (CLI::App* verb : {copy, verify}) AddRunOptions(*verb, raw);
  AddEndpoint(*status, "to", raw.to);
  AddCopyOptions(*copy, raw);
  status->add_option("--set", raw.settings,
                     "Change a limit of the running copy: rate=10MiB, max-load=Threads_running=25, "
                     "max-lag=5 (0, or nothing, for no limit)");
  for (CLI::App* verb : {check, copy, verify, status}) {
    AddOptionFiles(*verb, raw.files);
    AddOutput(*verb, raw);
  }

  try {
    app.parse(argc, argv);
  } catch (const CLI::CallForVersion& version) {
    return HelpText{absl::StrCat(version.what(), "\n")};
  } catch (const CLI::CallForHelp&) {
    const auto chosen = app.get_subcommands();
    return HelpText{chosen.empty() ? app.help() : chosen.front()->help("zdpipe")};
  } catch (const CLI::ExtrasError&) {
    return WithHint(UnknownOption(app), "see zdpipe --help");
  } catch (const CLI::ParseError& error) {
    return WithHint(MakeError(Failure::kUsage, error.what()), "see zdpipe --help");
  }
  raw.parsed.verb = check->parsed()    ? Verb::kCheck
                    : copy->parsed()   ? Verb::kCopy
                    : verify->parsed() ? Verb::kVerify
                                       : Verb::kStatus;
  ZDPIPE_RETURN_IF_ERROR(Convert(raw));
  return std::variant<CommandLine, HelpText>(std::move(raw.parsed));
}

}  // namespace zdpipe
