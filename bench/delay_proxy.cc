// A network of some milliseconds between clients and servers of this machine.
//
//   delay_proxy MILLISECONDS PORT...
//
// Listens on 127.0.0.1 on a port of its own for each server port, prints these ports one a line,
// and carries every connection so that what is sent arrives half of MILLISECONDS later: an answer
// takes MILLISECONDS more. It limits latency only; a connection can have kMaxHeldBytes on its way
// in each direction. Ends when its parent does. (tc netem would be more real, but needs a kernel
// with sch_netem, and root.)
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <memory>
#include <thread>
#include <vector>

namespace {

using Clock = std::chrono::steady_clock;

constexpr size_t kChunkBytes = 256 * 1024;
// 4 GB/s at 2 ms: more than the loopback carries.
constexpr size_t kMaxHeldBytes = 8 * 1024 * 1024;

[[noreturn]] void Die(const char* what) {
  std::perror(what);
  std::exit(1);
}

sockaddr_in Loopback(uint16_t port) {
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

struct Chunk {
  Clock::time_point due;
  size_t size = 0;
  size_t sent = 0;
  std::unique_ptr<char[]> bytes;
};

// One direction of a connection.
class Way {
 public:
  Way(int from, int to, Clock::duration delay) : from_(from), to_(to), delay_(delay) {}

  bool may_read() const { return !ended_ && held_bytes_ < kMaxHeldBytes; }
  bool done() const { return ended_ && held_.empty(); }
  bool has_due(Clock::time_point now) const { return !held_.empty() && held_.front().due <= now; }
  Clock::time_point next_due() const {
    return held_.empty() ? Clock::time_point::max() : held_.front().due;
  }

  // False when the connection has broken.
  bool Read() {
    Chunk chunk;
    if (spare_.empty()) {
      chunk.bytes = std::make_unique_for_overwrite<char[]>(kChunkBytes);
    } else {
      chunk.bytes = std::move(spare_.back());
      spare_.pop_back();
    }
    const ssize_t got = recv(from_, chunk.bytes.get(), kChunkBytes, 0);
    if (got < 0) return errno == EAGAIN || errno == EINTR;
    if (got == 0) {
      ended_ = true;
      return true;
    }
    chunk.size = static_cast<size_t>(got);
    chunk.due = Clock::now() + delay_;
    held_bytes_ += chunk.size;
    held_.push_back(std::move(chunk));
    return true;
  }

  bool Write() {
    while (has_due(Clock::now())) {
      Chunk& chunk = held_.front();
      const ssize_t sent =
          send(to_, chunk.bytes.get() + chunk.sent, chunk.size - chunk.sent, MSG_NOSIGNAL);
      if (sent < 0) return errno == EAGAIN || errno == EINTR;
      chunk.sent += static_cast<size_t>(sent);
      if (chunk.sent < chunk.size) return true;
      held_bytes_ -= chunk.size;
      spare_.push_back(std::move(chunk.bytes));
      held_.pop_front();
    }
    if (done()) shutdown(to_, SHUT_WR);
    return true;
  }

 private:
  const int from_;
  const int to_;
  const Clock::duration delay_;
  std::deque<Chunk> held_;
  std::vector<std::unique_ptr<char[]>> spare_;
  size_t held_bytes_ = 0;
  bool ended_ = false;
};

// Until both sides have ended, or one has broken. Sleeps until bytes arrive or are due.
void Carry(int client, int server, Clock::duration delay) {
  Way up(client, server, delay);
  Way down(server, client, delay);
  while (!(up.done() && down.done())) {
    const Clock::time_point now = Clock::now();
    const auto events = [now](const Way& in, const Way& out) {
      return static_cast<int16_t>((in.may_read() ? POLLIN : 0) | (out.has_due(now) ? POLLOUT : 0));
    };
    // A side from which nothing is wanted is left out: its hang-up would be reported all the time.
    pollfd polled[] = {{client, events(up, down), 0}, {server, events(down, up), 0}};
    for (pollfd& side : polled) {
      if (side.events == 0) side.fd = -1;
    }
    const auto wake = std::min(up.has_due(now) ? Clock::time_point::max() : up.next_due(),
                               down.has_due(now) ? Clock::time_point::max() : down.next_due());
    timespec wait = {};
    const bool timed = wake != Clock::time_point::max();
    if (timed) {
      const auto left = std::max(wake - now, Clock::duration::zero());
      const auto whole = std::chrono::duration_cast<std::chrono::seconds>(left);
      wait.tv_sec = whole.count();
      wait.tv_nsec = std::chrono::nanoseconds(left - whole).count();
    }
    if (ppoll(polled, 2, timed ? &wait : nullptr, nullptr) < 0 && errno != EINTR) break;
    constexpr int16_t kReadable = POLLIN | POLLHUP | POLLERR;
    if (up.may_read() && (polled[0].revents & kReadable) != 0 && !up.Read()) break;
    if (down.may_read() && (polled[1].revents & kReadable) != 0 && !down.Read()) break;
    if (!up.Write() || !down.Write()) break;
  }
  close(client);
  close(server);
}

void SetUp(int fd) {
  fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
  const int on = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
}

int Listen(uint16_t& port) {
  const int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address = Loopback(0);
  socklen_t size = sizeof(address);
  if (bind(listener, reinterpret_cast<sockaddr*>(&address), size) != 0 ||
      listen(listener, SOMAXCONN) != 0 ||
      getsockname(listener, reinterpret_cast<sockaddr*>(&address), &size) != 0) {
    Die("delay_proxy: listen");
  }
  port = ntohs(address.sin_port);
  return listener;
}

void Serve(int listener, uint16_t server_port, Clock::duration delay) {
  while (true) {
    const int client = accept4(listener, nullptr, nullptr, SOCK_CLOEXEC);
    if (client < 0) Die("delay_proxy: accept");
    const int server = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const sockaddr_in address = Loopback(server_port);
    if (connect(server, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0) {
      close(server);
      close(client);
      continue;
    }
    SetUp(client);
    SetUp(server);
    std::thread(Carry, client, server, delay).detach();
  }
}

}  // namespace

int main(int argc, char** argv) {
  const double milliseconds = argc > 2 ? std::atof(argv[1]) : -1;
  if (milliseconds < 0) {
    std::fputs("usage: delay_proxy MILLISECONDS PORT...\n", stderr);
    return 2;
  }
  prctl(PR_SET_PDEATHSIG, SIGTERM);
  prctl(PR_SET_TIMERSLACK, 1000);  // nanoseconds; inherited by the threads
  const auto delay = std::chrono::duration_cast<Clock::duration>(
      std::chrono::duration<double, std::milli>(milliseconds / 2));
  std::vector<std::thread> threads;
  for (int i = 2; i < argc; ++i) {
    uint16_t port = 0;
    const int listener = Listen(port);
    threads.emplace_back(Serve, listener, static_cast<uint16_t>(std::atoi(argv[i])), delay);
    std::printf("%u\n", port);
  }
  std::fflush(stdout);
  for (std::thread& thread : threads) thread.join();
}
