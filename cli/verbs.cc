#include "cli/verbs.h"

#include <termios.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <iostream>
#include <limits>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "cli/json_output.h"
#include "cli/progress_view.h"
#include "cli/text_output.h"
#include "engine/atomic_file.h"
#include "engine/errors.h"
#include "engine/ledger/ledger.h"
#include "engine/server/session.h"
#include "engine/server/sql_text.h"
#include "pipeline/copy_run.h"
#include "pipeline/verify_run.h"

namespace zdpipe {
namespace {

int ExitCode(const absl::Status& status) {
  return status.ok() ? 0 : static_cast<int>(FailureOf(status));
}

void Print(const std::string& text) {
  std::fputs(text.c_str(), stdout);
  std::fflush(stdout);
}

std::string PrintableLines(absl::string_view text) {
  return absl::StrJoin(
      absl::StrSplit(text, '\n'), "\n",
      [](std::string* out, absl::string_view line) { absl::StrAppend(out, Printable(line)); });
}

// The terminal as it was before its echo went off; read by signal handlers.
termios echoing_terminal{};
volatile std::sig_atomic_t echo_is_off = 0;

// Turns the terminal's echo off and back on.
class EchoOff {
 public:
  EchoOff() {
    tcgetattr(STDIN_FILENO, &echoing_terminal);
    termios silent = echoing_terminal;
    silent.c_lflag &= ~static_cast<tcflag_t>(ECHO);
    echo_is_off = 1;
    tcsetattr(STDIN_FILENO, TCSAFLUSH, &silent);
  }
  ~EchoOff() { RestoreTerminal(); }
};

// Asks for a password only where one is missing, the server wants one, and somebody is there.
absl::Status PromptForPassword(Endpoint& endpoint, End end, const CancelToken& cancel) {
  if (endpoint.password.present() || isatty(STDIN_FILENO) == 0) return absl::OkStatus();
  const absl::Status tried = Session::Connect(endpoint, end, {}).status();
  if (ServerErrnoOf(tried) != kErrAccessDenied) return absl::OkStatus();
  std::cerr << "Password for " << Printable(endpoint.user) << " on " << Printable(endpoint.name)
            << ": " << std::flush;
  std::string password;
  {
    EchoOff echo_off;
    std::getline(std::cin, password);
  }
  std::cerr << "\n";
  if (cancel.cancelled()) return StoppedError();
  endpoint.password = Secret(std::move(password));
  return absl::OkStatus();
}

int Finish(const absl::Status& status, OutputFormat format, const std::string& json,
           const std::string& text) {
  Print(format == OutputFormat::kJson ? json : PrintableLines(text));
  if (!status.ok()) PrintError(status);
  return ExitCode(status);
}

int Check(const CommandLine& command) {
  std::vector<TableInfo> tables;
  const CopyReport report = PlanCopy(command.copy, &tables);
  return Finish(report.status, command.output, PlanJson(report, tables),
                report.source.name.empty() ? "" : FindingsText(report.findings));
}

// Before anything is done: a file that cannot be written would be lost at the end.
absl::Status CheckReport(const CommandLine& command) {
  if (command.report_path.empty()) return absl::OkStatus();
  return Annotate(CheckFileIsWritable(command.report_path), "the report");
}

absl::Status CheckFiles(const CommandLine& command) {
  ZDPIPE_RETURN_IF_ERROR(CheckReport(command));
  if (command.report_path == command.copy.handoff_path) {
    return MakeError(Failure::kUsage, "--report and --handoff name the same file");
  }
  return Annotate(CheckFileIsWritable(command.copy.handoff_path), "the handoff file");
}

int FinishWithReport(const CommandLine& command, const absl::Status& status,
                     const std::string& json, const std::string& text) {
  const int exit_code = Finish(status, command.output, json, text);
  if (command.report_path.empty()) return exit_code;
  const absl::Status written = WriteFileAtomically(command.report_path, json);
  if (written.ok()) return exit_code;
  PrintError(Annotate(written, "the report"));
  return exit_code == 0 ? ExitCode(written) : exit_code;
}

int DryRun(const CommandLine& command) {
  const absl::Status writable = CheckReport(command);
  if (!writable.ok()) return Finish(writable, command.output, ErrorJson(writable), "");
  std::vector<TableInfo> tables;
  const CopyReport report = PlanCopy(command.copy, &tables);
  return FinishWithReport(command, report.status, PlanJson(report, tables),
                          report.source.name.empty() ? "" : PlanText(report, tables));
}

int Copy(const CommandLine& command, CancelToken& cancel) {
  const absl::Status writable = CheckFiles(command);
  if (!writable.ok()) return Finish(writable, command.output, ErrorJson(writable), "");
  ProgressPrinter printer(command.progress);
  Progress progress;
  const CopyReport report = RunCopy(
      command.copy, cancel, progress, [&](const ProgressView& view) { printer.Tick(view); },
      [&](absl::string_view note) { printer.Note(note); });
  printer.Finish();
  return FinishWithReport(command, report.status, ReportJson(report),
                          report.source.name.empty() ? "" : ReportText(report));
}

int Verify(const CommandLine& command, const CancelToken& cancel) {
  const absl::Status writable = CheckReport(command);
  if (!writable.ok()) return Finish(writable, command.output, ErrorJson(writable), "");
  ProgressPrinter printer(command.progress);
  Progress progress;
  const VerifyReport report = RunVerify(command.copy, cancel, progress,
                                        [&](const ProgressView& view) { printer.Tick(view); });
  printer.Finish();
  return FinishWithReport(command, report.status, VerifyJson(report),
                          report.source.name.empty() ? "" : VerifyText(report));
}

int Status(const CommandLine& command) {
  const absl::StatusOr<std::unique_ptr<Session>> session =
      Session::Connect(command.copy.target, End::kTarget, {});
  if (!session.ok())
    return Finish(session.status(), command.output, ErrorJson(session.status()), "");
  if (!command.settings.empty()) {
    const absl::Status set =
        Ledger::WriteSettings(**session, command.copy.selection.control_schema, command.settings);
    if (!set.ok()) return Finish(set, command.output, ErrorJson(set), "");
  }
  const absl::StatusOr<std::optional<LedgerRun>> run =
      Ledger::Read(**session, command.copy.selection.control_schema);
  if (!run.ok()) return Finish(run.status(), command.output, ErrorJson(run.status()), "");
  return Finish(absl::OkStatus(), command.output, StatusJson(*run), StatusText(*run));
}

}  // namespace

int RunVerb(CommandLine& command, CancelToken& cancel) {
  absl::Status asked;
  if (command.verb != Verb::kStatus) {
    asked = PromptForPassword(command.copy.source, End::kSource, cancel);
  }
  if (asked.ok()) asked = PromptForPassword(command.copy.target, End::kTarget, cancel);
  if (!asked.ok()) return Finish(asked, command.output, ErrorJson(asked), "");
  // As after a signal: a server that does not answer must not keep the process from ending.
  constexpr int64_t kLongestAlarm = std::numeric_limits<int>::max();
  const int64_t deadline = std::min<int64_t>(command.copy.deadline.count(), kLongestAlarm);
  if (deadline > 0) alarm(static_cast<unsigned>(deadline) + kDrainSeconds);
  switch (command.verb) {
    case Verb::kCheck:
      return Check(command);
    case Verb::kCopy:
      return command.dry_run ? DryRun(command) : Copy(command, cancel);
    case Verb::kVerify:
      return Verify(command, cancel);
    case Verb::kStatus:
      return Status(command);
  }
  return static_cast<int>(Failure::kInternal);
}

void RestoreTerminal() {
  if (echo_is_off == 0) return;
  tcsetattr(STDIN_FILENO, TCSANOW, &echoing_terminal);
  echo_is_off = 0;
}

void PrintError(const absl::Status& status) {
  // One line, whatever a server or a file has put into it.
  std::cerr << "zdpipe: error: " << Printable(status.message()) << "\n";
  const std::string hint = Printable(HintOf(status));
  if (!hint.empty()) std::cerr << "hint: " << hint << "\n";
}

}  // namespace zdpipe
