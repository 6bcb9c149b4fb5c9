#include "cli/json_output.h"

#include <nlohmann/json.hpp>

#include "cli/progress_view.h"
#include "engine/errors.h"

namespace zdpipe {
namespace {

using Json = nlohmann::ordered_json;

// Names and server messages may hold bytes that are not UTF-8: replaced, never fatal.
std::string Dump(const Json& json, int indent) {
  return json.dump(indent, ' ', false, Json::error_handler_t::replace);
}

constexpr double kMiB = 1048576.0;

double Rate(double amount, double seconds) { return seconds > 0 ? amount / seconds : 0; }

Json Server(const ServerIdentity& server) {
  return {{"name", server.name},       {"address", server.address},     {"vendor", server.vendor},
          {"version", server.version}, {"server_id", server.server_id}, {"rds", server.rds},
          {"log_bin", server.log_bin}};
}

Json Findings(const std::vector<Finding>& findings) {
  Json list = Json::array();
  for (const Finding& finding : findings) {
    list.push_back({{"id", finding.id},
                    {"severity", std::string(SeverityName(finding.severity))},
                    {"object", finding.object},
                    {"evidence", finding.evidence},
                    {"fix", finding.fix}});
  }
  return list;
}

Json Error(const absl::Status& status) {
  if (status.ok()) return nullptr;
  return {{"exit_code", static_cast<int>(FailureOf(status))},
          {"message", std::string(status.message())},
          {"hint", HintOf(status)},
          {"server_errno", ServerErrnoOf(status)}};
}

Json Phases(const CopyReport& report) {
  Json list = Json::array();
  for (const PhaseReport& phase : report.phases) {
    Json entry = {{"name", phase.name}, {"seconds", phase.seconds}};
    if (phase.rows > 0) {
      entry["rows_per_s"] = Rate(static_cast<double>(phase.rows), phase.seconds);
      entry["mib_per_s"] = Rate(static_cast<double>(phase.bytes) / kMiB, phase.seconds);
    }
    entry["limited_by"] = phase.limited_by;
    list.push_back(std::move(entry));
  }
  return list;
}

// How a table's rows differ, where they were compared one by one.
Json Differences(const TableComparison& comparison) {
  Json list = Json::array();
  for (const RowDifference& difference : comparison.shown) {
    list.push_back({{"kind", std::string(RowDifferenceName(difference.kind))},
                    {"key", difference.key},
                    {"columns", difference.columns}});
  }
  return list;
}

Json Definitions(const std::vector<DefinitionDifference>& definitions) {
  Json list = Json::array();
  for (const DefinitionDifference& difference : definitions) {
    list.push_back({{"kind", difference.object_kind},
                    {"schema", difference.name.schema},
                    {"name", difference.name.name},
                    {"difference", std::string(DefinitionDifferenceName(difference.kind))},
                    {"source", difference.source},
                    {"target", difference.target}});
  }
  return list;
}

Json Verdict(const TableVerdict& table) {
  const TableComparison& rows = table.comparison;
  return {{"schema", table.name.schema},
          {"table", table.name.name},
          {"key", table.key.empty() ? Json(nullptr) : Json(table.key)},
          {"result", !rows.obstacle.empty() ? "not compared"
                     : rows.equal()         ? "equal"
                                            : "different"},
          {"rows_source", rows.source_rows},
          {"rows_target", rows.target_rows},
          {"bytes", rows.source_bytes},
          {"seconds", table.seconds},
          {"differences_total", rows.differences},
          {"differences_total_is_at_least", rows.at_least},
          {"negative_zeros", rows.negative_zeros},
          {"differences", Differences(rows)},
          {"obstacle", rows.obstacle.empty() ? Json(nullptr) : Json(rows.obstacle)}};
}

Json Tables(const CopyReport& report) {
  Json list = Json::array();
  for (const TableReport& table : report.tables) {
    list.push_back({{"schema", table.name.schema},
                    {"table", table.name.name},
                    {"key", table.key.empty() ? Json(nullptr) : Json(table.key)},
                    {"rows", table.rows},
                    {"bytes", table.bytes},
                    {"ranges", table.ranges},
                    {"segments", table.segments},
                    {"loaders", table.loaders},
                    {"seconds", table.row_seconds},
                    {"index_seconds", table.index_seconds},
                    {"verify_seconds", table.verify_seconds},
                    {"verify", table.verify},
                    {"differences_total", table.differences.differences},
                    {"differences", Differences(table.differences)}});
  }
  return list;
}

Json Failures(const CopyReport& report) {
  Json list = Json::array();
  for (const ObjectFailure& failure : report.failures) {
    list.push_back({{"kind", failure.kind},
                    {"schema", failure.name.schema},
                    {"name", failure.name.name},
                    {"reason", failure.reason}});
  }
  return list;
}

Json Report(const CopyReport& report) {
  Json json;
  json["schema"] = "zdpipe.report/1";
  json["run_id"] = report.run_id;
  json["tool_version"] = report.tool_version;
  json["started_at"] = report.started_at;
  json["finished_at"] = report.finished_at;
  json["exit_code"] = report.exit_code();
  json["source"] = Server(report.source);
  json["target"] = Server(report.target);
  json["source"]["round_trip_ms"] = report.source_round_trip * 1000;
  json["target"]["round_trip_ms"] = report.target_round_trip * 1000;
  json["findings"] = Findings(report.findings);
  json["plan"] = {{"jobs", report.resources.jobs},
                  {"small_lanes", report.resources.small_lanes},
                  {"lanes", report.lanes},
                  {"ranges_in_memory", report.resources.ranges},
                  {"range_bytes", report.resources.sizes.range_bytes},
                  {"batch_bytes", report.resources.sizes.batch_bytes},
                  {"max_row_bytes", report.resources.max_row_bytes}};
  json["totals"] = {{"tables", report.tables.size()},
                    {"tables_selected", report.tables_total},
                    {"rows", report.rows},
                    {"bytes", report.bytes},
                    {"ranges", report.ranges},
                    {"retries", report.retries},
                    {"retry_causes", report.retry_causes},
                    {"throttled_seconds", report.throttled_seconds},
                    {"verify_seconds", report.verify_seconds()},
                    {"verify_share", report.verify_share()}};
  json["phases"] = Phases(report);
  json["tables"] = Tables(report);
  json["accounts"] = nullptr;
  if (report.accounts.has_value()) {
    json["accounts"] = {{"users", report.accounts->users},
                        {"roles", report.accounts->roles},
                        {"grants", report.accounts->grants},
                        {"on_target", report.accounts->on_target}};
  }
  json["failures"] = Failures(report);
  json["notes"] = report.notes;
  json["verify"] = report.verify;
  json["memory_peak_bytes"] = report.memory_peak_bytes;
  json["resume"] = nullptr;
  if (report.resume.has_value()) {
    json["resume"] = {{"attempts", report.resume->attempts},
                      {"tables_kept", report.resume->tables_kept},
                      {"ranges_kept", report.resume->ranges_kept}};
  }
  json["handoff"] = {{"files", report.handoff_paths}, {"usable", report.handoff_usable}};
  json["error"] = Error(report.status);
  return json;
}

}  // namespace

std::string ReportJson(const CopyReport& report) { return Dump(Report(report), 2) + "\n"; }

std::string PlanJson(const CopyReport& report, const std::vector<TableInfo>& tables) {
  Json json = Report(report);
  json["dry_run"] = true;
  json["tables"] = Json::array();
  for (const TableInfo& table : tables) {
    json["tables"].push_back({{"schema", table.name.schema},
                              {"table", table.name.name},
                              {"engine", table.engine},
                              {"key", table.key.columns},
                              {"rows_estimate", table.rows_estimate},
                              {"bytes_estimate", table.data_bytes_estimate}});
  }
  return Dump(json, 2) + "\n";
}

std::string VerifyJson(const VerifyReport& report) {
  Json json;
  json["schema"] = "zdpipe.verify/1";
  json["tool_version"] = report.tool_version;
  json["started_at"] = report.started_at;
  json["finished_at"] = report.finished_at;
  json["exit_code"] = report.exit_code();
  json["equal"] = report.status.ok();
  json["source"] = Server(report.source);
  json["target"] = Server(report.target);
  uint64_t rows = 0;
  uint64_t bytes = 0;
  uint64_t differences = 0;
  size_t different = 0;
  json["tables"] = Json::array();
  for (const TableVerdict& table : report.tables) {
    rows += table.comparison.source_rows;
    bytes += table.comparison.source_bytes;
    differences += table.comparison.differences;
    different += table.comparison.equal() ? 0 : 1;
    json["tables"].push_back(Verdict(table));
  }
  json["totals"] = {{"tables", report.tables.size()},
                    {"tables_different", different},
                    {"rows", rows},
                    {"bytes", bytes},
                    {"row_differences", differences},
                    {"definition_differences", report.definitions.size()},
                    {"seconds", report.seconds}};
  json["definitions"] = Definitions(report.definitions);
  json["notes"] = report.notes;
  json["memory_peak_bytes"] = report.memory_peak_bytes;
  json["error"] = Error(report.status);
  return Dump(json, 2) + "\n";
}

std::string StatusJson(const std::optional<LedgerRun>& run) {
  Json json;
  json["schema"] = "zdpipe.status/1";
  if (!run.has_value()) {
    json["run"] = nullptr;
    return Dump(json, 2) + "\n";
  }
  json["run"] = {{"run_id", run->run_id},
                 {"state", run->state},
                 {"alive", run->alive},
                 {"phase", run->phase},
                 {"tool_version", run->tool_version},
                 {"source", run->source},
                 {"started_at", run->started_at},
                 {"heartbeat_at", run->heartbeat_at},
                 {"tables_done", run->tables_done},
                 {"tables_total", run->tables_total},
                 {"ranges", run->ranges},
                 {"rows", run->rows},
                 {"bytes", run->bytes},
                 {"bytes_total_estimate", run->bytes_estimate},
                 {"error", run->error}};
  return Dump(json, 2) + "\n";
}

std::string ProgressJson(const ProgressView& view, const std::string& timestamp) {
  Json json = {{"ts", timestamp},
               {"phase", view.phase},
               {"tables_done", view.tables_done},
               {"tables_total", view.tables_total},
               {"rows", view.rows},
               {"bytes", view.bytes},
               {"bytes_total_estimate", view.bytes_total_estimate},
               {"rows_per_s", Rate(static_cast<double>(view.rows), view.seconds)},
               {"bytes_per_s", Rate(static_cast<double>(view.bytes), view.seconds)}};
  const std::optional<double> eta = EtaSeconds(view);
  json["eta_s"] = eta.has_value() ? Json(*eta) : Json(nullptr);
  json["loaders"] = view.loaders;
  json["throttle"] = view.throttle.empty() ? Json(nullptr) : Json(view.throttle);
  json["active"] = Json::array();
  for (const ActiveTable& active : view.active) {
    json["active"].push_back({{"table", active.table}, {"stage", active.stage}});
  }
  return Dump(json, -1);
}

std::string ErrorJson(const absl::Status& status) {
  const Json json = {{"schema", "zdpipe.report/1"}, {"error", Error(status)}};
  return Dump(json, 2) + "\n";
}

}  // namespace zdpipe
