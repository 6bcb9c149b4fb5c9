// A TCP proxy in front of a test server, which does to connections what networks and servers do:
// cut, stall, delay, refuse, and cut around a COMMIT. It never changes a byte: what arrives is what
// was sent, or nothing.
#ifndef ZDPIPE_TESTS_SUPPORT_FAULT_PROXY_H_
#define ZDPIPE_TESTS_SUPPORT_FAULT_PROXY_H_

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/statusor.h"

namespace zdpipe {

// Listens on 127.0.0.1. Faults that name no connection hit all of them. All methods may be called
// from any thread; what they ask for happens within a few milliseconds.
class FaultProxy {
 public:
  static absl::StatusOr<std::unique_ptr<FaultProxy>> Start(uint16_t server_port);
  // Cuts what is left.
  ~FaultProxy();
  FaultProxy(const FaultProxy&) = delete;
  FaultProxy& operator=(const FaultProxy&) = delete;

  std::string address() const;  // "127.0.0.1:PORT", for --from and --to

  // Ends every connection with a reset, on both sides. New ones are served.
  void CutAll();
  // Cuts connection `number` (from 0, in the order of their arrival, over the proxy's life) as soon
  // as `bytes` have come from the server on it.
  void CutAfter(size_t number, uint64_t bytes);
  // The next COMMIT of any connection is cut off: before it reaches the server (which rolls back),
  // or, after the server has carried it out, before its answer is passed on.
  void CutBeforeNextCommit();
  void CutAfterNextCommit();
  // Nothing is carried any more, but every connection stays open, and new ones are accepted: a
  // half-open connection. Until Resume.
  void StallAll();
  // The same for one connection, existing or to come; it is never resumed.
  void Stall(size_t number);
  void Resume();
  // Everything arrives so much later.
  void Delay(std::chrono::milliseconds by);
  // New connections are accepted and closed at once.
  void RefuseNew(bool refuse);

  size_t connections() const;  // accepted so far
  size_t commits() const;      // passed on to the server
  size_t cuts() const;         // connections cut so far

 private:
  class Loop;
  explicit FaultProxy(std::unique_ptr<Loop> loop);

  const std::unique_ptr<Loop> loop_;
};

}  // namespace zdpipe

#endif  // ZDPIPE_TESTS_SUPPORT_FAULT_PROXY_H_
