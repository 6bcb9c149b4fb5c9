// Progress on stderr: a line that renews itself on a terminal, JSON lines, or a line now and then.
#ifndef ZDPIPE_CLI_PROGRESS_VIEW_H_
#define ZDPIPE_CLI_PROGRESS_VIEW_H_

#include <chrono>
#include <mutex>
#include <optional>
#include <string>

#include "absl/strings/string_view.h"
#include "cli/command_line.h"
#include "pipeline/progress.h"

namespace zdpipe {

// Thread-safe: ticks come from one thread, notes from others.
class ProgressPrinter {
 public:
  explicit ProgressPrinter(ProgressStyle style);

  void Tick(const ProgressView& view);
  // A sentence for the user; on a terminal it goes above the progress line.
  void Note(absl::string_view note);
  // Leaves the terminal on a fresh line.
  void Finish();

 private:
  void ClearLine();  // with mutex_ held

  ProgressStyle style_;  // never kAuto
  bool seldom_ = false;  // not a terminal: a line now and then
  std::mutex mutex_;     // guards what follows
  bool line_open_ = false;
  std::chrono::steady_clock::time_point last_line_;
};

// Seconds until the rows are in, by the average rate; nullopt when there is nothing to go by.
std::optional<double> EtaSeconds(const ProgressView& view);

// "rows  1.2 GiB of ~3.4 GiB  210 k rows/s  ..." without a line end.
std::string ProgressLine(const ProgressView& view);

std::string FormatBytes(double bytes);      // "1.5 GiB"
std::string FormatCount(double count);      // "12.3 k"
std::string FormatSeconds(double seconds);  // "1m02s", "3.1s"

}  // namespace zdpipe

#endif  // ZDPIPE_CLI_PROGRESS_VIEW_H_
