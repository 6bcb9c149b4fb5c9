// Several waits at the same time.
#ifndef ZDPIPE_PIPELINE_PARALLEL_H_
#define ZDPIPE_PIPELINE_PARALLEL_H_

#include <exception>
#include <functional>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "engine/errors.h"

namespace zdpipe {

// Runs body(0) .. body(count - 1) at the same time: the last one in this thread, the others in
// threads of their own as long as there are threads to be had. For what waits for a server and
// costs next to nothing here. All are run to their ends; the error is that of the lowest number.
inline absl::Status InParallel(size_t count, const std::function<absl::Status(size_t)>& body) {
  std::vector<absl::Status> statuses(count);
  const auto run = [&statuses, &body](size_t i) {
    try {
      statuses[i] = body(i);
    } catch (const std::exception& exception) {
      statuses[i] = MakeError(Failure::kInternal, absl::StrCat("exception: ", exception.what()));
    }
  };
  std::vector<std::thread> threads;
  threads.reserve(count);
  for (size_t i = 0; i + 1 < count; ++i) {
    try {
      threads.emplace_back(run, i);
    } catch (const std::system_error&) {
      run(i);
    }
  }
  if (count > 0) run(count - 1);
  for (std::thread& thread : threads) thread.join();
  for (const absl::Status& status : statuses) {
    if (!status.ok()) return status;
  }
  return absl::OkStatus();
}

// The same for different tasks.
inline absl::Status AllInParallel(const std::vector<std::function<absl::Status()>>& tasks) {
  return InParallel(tasks.size(), [&tasks](size_t i) { return tasks[i](); });
}

// The end of such a task: keeps what it has made.
template <typename T>
absl::Status MoveTo(T& place, absl::StatusOr<T> made) {
  if (made.ok()) place = *std::move(made);
  return made.status();
}

}  // namespace zdpipe

#endif  // ZDPIPE_PIPELINE_PARALLEL_H_
