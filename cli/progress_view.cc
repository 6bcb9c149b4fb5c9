#include "cli/progress_view.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdio>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "cli/json_output.h"
#include "engine/server/sql_text.h"
#include "pipeline/copy_run.h"

namespace zdpipe {
namespace {

constexpr std::chrono::seconds kSeldom{30};

size_t TerminalColumns() {
  winsize size{};
  if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) return size.ws_col;
  return 80;
}

}  // namespace

ProgressPrinter::ProgressPrinter(ProgressStyle style)
    : style_(style), last_line_(std::chrono::steady_clock::now()) {
  if (style_ != ProgressStyle::kAuto) return;
  style_ = ProgressStyle::kTty;
  seldom_ = isatty(STDERR_FILENO) == 0;
}

void ProgressPrinter::Tick(const ProgressView& view) {
  std::lock_guard lock(mutex_);
  const auto now = std::chrono::steady_clock::now();
  if (style_ == ProgressStyle::kNone) return;
  if (style_ == ProgressStyle::kJson) {
    std::fprintf(stderr, "%s\n", ProgressJson(view, UtcNow()).c_str());
  } else if (seldom_) {
    if (now - last_line_ < kSeldom) return;
    std::fprintf(stderr, "zdpipe: %s\n", ProgressLine(view).c_str());
  } else {
    const std::string line = ProgressLine(view);
    std::fprintf(stderr, "\r\x1b[K%s", line.substr(0, TerminalColumns() - 1).c_str());
    std::fflush(stderr);
    line_open_ = true;
  }
  last_line_ = now;
}

void ProgressPrinter::Note(absl::string_view note) {
  std::lock_guard lock(mutex_);
  if (style_ == ProgressStyle::kJson) return;  // one object a line; notes are in the report
  ClearLine();
  std::fprintf(stderr, "zdpipe: %s\n", Printable(note).c_str());
}

void ProgressPrinter::Finish() {
  std::lock_guard lock(mutex_);
  ClearLine();
}

void ProgressPrinter::ClearLine() {
  if (!line_open_) return;
  std::fputs("\r\x1b[K", stderr);
  line_open_ = false;
}

std::optional<double> EtaSeconds(const ProgressView& view) {
  if (view.bytes == 0 || view.seconds <= 0 || view.bytes >= view.bytes_total_estimate) {
    return std::nullopt;
  }
  const double rate = static_cast<double>(view.bytes) / view.seconds;
  return static_cast<double>(view.bytes_total_estimate - view.bytes) / rate;
}

std::string ProgressLine(const ProgressView& view) {
  const double seconds = std::max(view.seconds, 1e-3);
  std::string line =
      absl::StrCat(view.phase, "  ", FormatBytes(static_cast<double>(view.bytes)), " of ~",
                   FormatBytes(static_cast<double>(view.bytes_total_estimate)), "  ",
                   FormatCount(static_cast<double>(view.rows) / seconds), " rows/s  tables ",
                   view.tables_done, "/", view.tables_total);
  if (const std::optional<double> eta = EtaSeconds(view); eta.has_value() && view.phase == "rows") {
    absl::StrAppend(&line, "  ETA ", FormatSeconds(*eta));
  }
  if (!view.throttle.empty()) absl::StrAppend(&line, "  waits: ", view.throttle);
  for (const ActiveTable& active : view.active) {
    if (active.stage == "rows") continue;
    absl::StrAppend(&line, "  ", active.stage, " ", active.table);
  }
  return line;
}

std::string FormatBytes(double bytes) {
  const char* const units[] = {"B", "KiB", "MiB", "GiB", "TiB"};
  size_t unit = 0;
  while (bytes >= 1024 && unit + 1 < std::size(units)) {
    bytes /= 1024;
    ++unit;
  }
  return absl::StrFormat(unit == 0 ? "%.0f %s" : "%.1f %s", bytes, units[unit]);
}

std::string FormatCount(double count) {
  if (count < 1000) return absl::StrFormat("%.0f", count);
  if (count < 1e6) return absl::StrFormat("%.1f k", count / 1e3);
  return absl::StrFormat("%.2f M", count / 1e6);
}

std::string FormatSeconds(double seconds) {
  if (seconds < 60) return absl::StrFormat("%.1fs", seconds);
  const auto whole = static_cast<int64_t>(std::llround(seconds));
  if (whole < 3600) return absl::StrFormat("%dm%02ds", whole / 60, whole % 60);
  return absl::StrFormat("%dh%02dm%02ds", whole / 3600, whole / 60 % 60, whole % 60);
}

}  // namespace zdpipe
