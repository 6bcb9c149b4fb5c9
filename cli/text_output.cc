#include "cli/text_output.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "cli/progress_view.h"
#include "engine/server/sql_text.h"

namespace zdpipe {
namespace {

// The tables that took longest; the report file has all of them.
constexpr size_t kShownTables = 10;

std::string ServerLine(absl::string_view label, const ServerIdentity& server) {
  return absl::StrFormat("%-8s %s (%s), %s %s\n", label, Printable(server.name),
                         Printable(server.address), server.vendor, server.version);
}

double TotalSeconds(const TableReport& table) {
  return table.row_seconds + table.index_seconds + table.verify_seconds;
}

std::string SlowestTables(std::vector<TableReport> tables) {
  std::sort(tables.begin(), tables.end(), [](const TableReport& a, const TableReport& b) {
    return TotalSeconds(a) > TotalSeconds(b);
  });
  if (tables.size() > kShownTables) tables.resize(kShownTables);
  std::string text = absl::StrFormat("\n%-40s %12s %12s %8s %8s %8s  %s\n", "TABLE", "ROWS",
                                     "BYTES", "ROWS", "INDEXES", "VERIFY", "RESULT");
  for (const TableReport& table : tables) {
    absl::StrAppendFormat(&text, "%-40s %12d %12s %8s %8s %8s  %s\n",
                          PrintableName(table.name.schema, table.name.name), table.rows,
                          FormatBytes(static_cast<double>(table.bytes)),
                          FormatSeconds(table.row_seconds), FormatSeconds(table.index_seconds),
                          FormatSeconds(table.verify_seconds), table.verify);
  }
  return text;
}

std::string VerifyLine(const CopyReport& report) {
  if (report.verify == "none")
    return "verify   NOT DONE (--verify none): the target was not read\n";
  const auto equal = static_cast<size_t>(
      std::count_if(report.tables.begin(), report.tables.end(),
                    [](const TableReport& table) { return table.verify == "equal"; }));
  return absl::StrFormat("verify   %s: %d of %d tables equal, in %.0f %% of the lanes' time\n",
                         report.verify == "rows" ? "every row read back" : "row counts only", equal,
                         report.tables.size(), 100 * report.verify_share());
}

// "changed  shop.orders  (10)  total, note" and how many more there are.
std::string DifferencesText(const ObjectName& table, const TableComparison& rows) {
  const std::string name = PrintableName(table.schema, table.name);
  if (!rows.obstacle.empty()) {
    return absl::StrFormat("%-10s %s: %s\n", "NOT READ", name, Printable(rows.obstacle));
  }
  std::string text;
  for (const RowDifference& difference : rows.shown) {
    absl::StrAppendFormat(&text, "%-10s %s  %s  %s\n", RowDifferenceName(difference.kind), name,
                          Printable(difference.key),
                          Printable(absl::StrJoin(difference.columns, ", ")));
  }
  const uint64_t more = rows.differences - rows.shown.size();
  if (more > 0 || rows.at_least) {
    absl::StrAppendFormat(&text, "%-10s %s  %s%d more rows\n", "", name,
                          rows.at_least ? "at least " : "", more);
  }
  return text;
}

std::string DefinitionText(const DefinitionDifference& difference) {
  std::string text = absl::StrFormat("%-10s %s %s\n", DefinitionDifferenceName(difference.kind),
                                     difference.object_kind,
                                     PrintableName(difference.name.schema, difference.name.name));
  if (!difference.source.empty())
    absl::StrAppend(&text, "           source: ", difference.source, "\n");
  if (!difference.target.empty())
    absl::StrAppend(&text, "           target: ", difference.target, "\n");
  return text;
}

}  // namespace

std::string FindingsText(const std::vector<Finding>& findings) {
  if (findings.empty()) return "no findings\n";
  std::string text;
  for (const Finding& finding : findings) {
    absl::StrAppendFormat(&text, "%-8s %-22s %s\n", SeverityName(finding.severity), finding.id,
                          finding.object);
    absl::StrAppend(&text, "         ", finding.evidence, "\n");
    if (!finding.fix.empty()) absl::StrAppend(&text, "         fix: ", finding.fix, "\n");
  }
  return text;
}

std::string ReportText(const CopyReport& report) {
  std::string text = absl::StrCat("run      ", report.run_id, "\n");
  absl::StrAppend(&text, ServerLine("source", report.source), ServerLine("target", report.target));
  if (!report.findings.empty()) absl::StrAppend(&text, FindingsText(report.findings));
  if (report.phases.size() < 2) return text;  // it came no further than check
  if (!report.tables.empty()) absl::StrAppend(&text, SlowestTables(report.tables), "\n");
  double seconds = 0;
  for (const PhaseReport& phase : report.phases) seconds += phase.seconds;
  absl::StrAppendFormat(&text, "copied   %d tables, %d rows, %s in %s (%s rows/s)\n",
                        report.tables.size(), report.rows,
                        FormatBytes(static_cast<double>(report.bytes)), FormatSeconds(seconds),
                        FormatCount(static_cast<double>(report.rows) / std::max(seconds, 1e-3)));
  absl::StrAppend(&text, "phases   ",
                  absl::StrJoin(report.phases, ", ",
                                [](std::string* out, const PhaseReport& phase) {
                                  absl::StrAppend(out, phase.name, " ",
                                                  FormatSeconds(phase.seconds));
                                  if (phase.seconds >= 1) {
                                    absl::StrAppend(out, " (limited by ", phase.limited_by, ")");
                                  }
                                }),
                  "\n", VerifyLine(report));
  for (const TableReport& table : report.tables) {
    if (table.verify != "different") continue;
    absl::StrAppend(&text, DifferencesText(table.name, table.differences));
  }
  if (report.accounts.has_value()) {
    absl::StrAppendFormat(&text, "accounts %d users, %d roles, %d grants; %d were on the target\n",
                          report.accounts->users, report.accounts->roles, report.accounts->grants,
                          report.accounts->on_target);
  }
  if (report.resume.has_value()) {
    absl::StrAppendFormat(&text, "resumed  %d tables and %d ranges were there already\n",
                          report.resume->tables_kept, report.resume->ranges_kept);
  }
  if (report.retries > 0) {
    absl::StrAppend(&text, "retries  ", report.retries, ": ",
                    absl::StrJoin(report.retry_causes, ", ", absl::PairFormatter(" ")), "\n");
  }
  absl::StrAppendFormat(&text, "memory   %s at most\n",
                        FormatBytes(static_cast<double>(report.memory_peak_bytes)));
  for (const ObjectFailure& failure : report.failures) {
    absl::StrAppend(&text, "NOT MADE ", failure.kind, " ",
                    PrintableName(failure.name.schema, failure.name.name), ": ", failure.reason,
                    "\n");
  }
  for (const std::string& note : report.notes) absl::StrAppend(&text, "note     ", note, "\n");
  for (const std::string& path : report.handoff_paths) {
    absl::StrAppend(&text, "handoff  ", path, report.handoff_usable ? "" : " (NOT USABLE)", "\n");
  }
  return text;
}

std::string VerifyText(const VerifyReport& report) {
  std::string text =
      absl::StrCat(ServerLine("source", report.source), ServerLine("target", report.target));
  uint64_t rows = 0;
  uint64_t bytes = 0;
  size_t equal = 0;
  for (const TableVerdict& table : report.tables) {
    rows += table.comparison.source_rows;
    bytes += table.comparison.source_bytes;
    equal += table.comparison.equal() ? 1 : 0;
    absl::StrAppend(&text, DifferencesText(table.name, table.comparison));
  }
  for (const DefinitionDifference& difference : report.definitions) {
    absl::StrAppend(&text, DefinitionText(difference));
  }
  absl::StrAppendFormat(&text, "rows     %d of %d tables equal, %d rows, %s in %s\n", equal,
                        report.tables.size(), rows, FormatBytes(static_cast<double>(bytes)),
                        FormatSeconds(report.seconds));
  absl::StrAppendFormat(&text, "objects  %d definitions differ\n", report.definitions.size());
  for (const std::string& note : report.notes) absl::StrAppend(&text, "note     ", note, "\n");
  return text;
}

std::string PlanText(const CopyReport& report, const std::vector<TableInfo>& tables) {
  std::string text =
      absl::StrCat(ServerLine("source", report.source), ServerLine("target", report.target),
                   FindingsText(report.findings));
  absl::StrAppendFormat(
      &text, "plan     %d tables, about %s, with %d loaders, %d ranges of %s in memory\n",
      report.tables_total, FormatBytes(static_cast<double>(report.bytes_estimate)),
      report.resources.jobs, report.resources.ranges,
      FormatBytes(static_cast<double>(report.resources.sizes.range_bytes)));
  for (const TableInfo& table : tables) {
    absl::StrAppendFormat(&text, "%-40s %-8s about %d rows, %s, key (%s)\n",
                          PrintableName(table.name.schema, table.name.name), table.engine,
                          table.rows_estimate,
                          FormatBytes(static_cast<double>(table.data_bytes_estimate)),
                          absl::StrJoin(table.key.columns, ", "));
  }
  return absl::StrCat(text, "dry run: nothing was changed\n");
}

std::string StatusText(const std::optional<LedgerRun>& run) {
  if (!run.has_value()) return "no run is recorded on this target\n";
  std::string text = absl::StrFormat(
      "run      %s\nstate    %s%s, phase %s\nsource   %s\nstarted  %s UTC, last sign of life %s "
      "UTC\ntables   %d of %d done\nrows     %d in %d ranges, %s of about %s\n",
      run->run_id, run->state,
      run->state == "running" ? (run->alive ? " (its process is alive)" : " (its process is GONE)")
                              : "",
      run->phase, Printable(run->source), run->started_at, run->heartbeat_at, run->tables_done,
      run->tables_total, run->rows, run->ranges, FormatBytes(static_cast<double>(run->bytes)),
      FormatBytes(static_cast<double>(run->bytes_estimate)));
  if (!run->error.empty()) absl::StrAppend(&text, "error    ", Printable(run->error), "\n");
  return text;
}

}  // namespace zdpipe
