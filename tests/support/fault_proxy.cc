#include "tests/support/fault_proxy.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <deque>
#include <limits>
#include <map>
#include <mutex>
#include <set>
#include <thread>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"

namespace zdpipe {
namespace {

using Clock = std::chrono::steady_clock;

constexpr int kTickMilliseconds = 2;           // how soon a wish of the test is noticed
constexpr size_t kChunkBytes = 64 * 1024;      // of one read
constexpr size_t kMaxHeldBytes = 1024 * 1024;  // per direction: a full pipe pushes back
constexpr size_t kPacketHeaderBytes = 4;       // 3 of length, 1 of sequence
constexpr uint8_t kComQuery = 3;

sockaddr_in Loopback(uint16_t port) {
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

void SetUp(int fd) {
  fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
  const int on = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
}

// With a reset: the peer must not take it for an orderly end.
void Reset(int fd) {
  if (fd < 0) return;
  const linger now{1, 0};
  setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
  close(fd);
}

// Follows the packets of the MySQL protocol in a stream of bytes that arrives in pieces.
class CommitFinder {
 public:
  // The offset in `data` of a packet that is the statement COMMIT and begins in it; npos if none
  // does. A COMMIT is small and sent at once, so that it never arrives in two pieces.
  size_t Find(const std::string& data) {
    size_t found = std::string::npos;
    size_t at = 0;
    while (at < data.size()) {
      if (skip_ > 0) {
        const size_t step = std::min<size_t>(skip_, data.size() - at);
        skip_ -= step;
        at += step;
        continue;
      }
      header_ += data[at++];
      if (header_.size() < kPacketHeaderBytes) continue;
      const auto byte = [this](size_t i) { return static_cast<uint8_t>(header_[i]); };
      skip_ = byte(0) | byte(1) << 8 | byte(2) << 16;
      const bool starts_command = byte(3) == 0;
      if (found == std::string::npos && starts_command && at >= kPacketHeaderBytes &&
          IsCommit(data, at, skip_)) {
        found = at - kPacketHeaderBytes;
      }
      header_.clear();
    }
    return found;
  }

 private:
  static bool IsCommit(const std::string& data, size_t at, size_t length) {
    if (length < 2 || at + length > data.size()) return false;
    return static_cast<uint8_t>(data[at]) == kComQuery &&
           absl::AsciiStrToUpper(data.substr(at + 1, length - 1)) == "COMMIT";
  }

  size_t skip_ = 0;     // bytes of the packet that is being passed
  std::string header_;  // of the next one, as far as it has come
};

struct Chunk {
  Clock::time_point due;
  std::string data;
};

// One way of a connection.
struct Way {
  std::deque<Chunk> held;
  size_t held_bytes = 0;
  bool ended = false;  // the sender has closed its side
  bool shut = false;   // the receiver has been told

  void Hold(std::string data, Clock::time_point due) {
    held_bytes += data.size();
    held.push_back({due, std::move(data)});
  }
};

struct Connection {
  size_t number = 0;
  int client = -1;
  int server = -1;
  Way to_server;
  Way to_client;
  CommitFinder finder;
  uint64_t from_server_bytes = 0;
  bool drop_answer = false;  // a COMMIT is on its way whose answer must not arrive
};

}  // namespace

class FaultProxy::Loop {
 public:
  Loop(int listener, uint16_t port, uint16_t server_port)
      : listener_(listener), port_(port), server_port_(server_port) {
    thread_ = std::thread([this] { Run(); });
  }
  ~Loop() {
    {
      std::lock_guard lock(mutex_);
      ended_ = true;
    }
    thread_.join();
    for (Connection& connection : connections_) Cut(connection);
    close(listener_);
  }

  enum class CommitFault { kNone, kBefore, kAfter };

  // What the test wants, and what it asks for. Read under the mutex by the thread.
  std::mutex mutex_;
  bool ended_ = false;
  bool cut_all_ = false;
  bool stall_all_ = false;
  bool refuse_ = false;
  CommitFault commit_fault_ = CommitFault::kNone;
  std::chrono::milliseconds delay_{0};
  std::map<size_t, uint64_t> cut_after_;
  std::set<size_t> stalled_;
  size_t accepted_ = 0;
  size_t commits_ = 0;
  size_t cuts_ = 0;

  uint16_t port() const { return port_; }

 private:
  void Run() {
    while (true) {
      Poll();
      std::lock_guard lock(mutex_);
      if (ended_) return;
      if (cut_all_) {
        for (Connection& connection : connections_) Cut(connection);
        cut_all_ = false;
      }
      Accept();
      for (Connection& connection : connections_) Carry(connection);
      std::erase_if(connections_, [](const Connection& c) { return c.client < 0; });
    }
  }

  // Sleeps until something can be read, or for a tick. What can be written is tried every tick.
  void Poll() {
    std::vector<pollfd> polled = {{listener_, POLLIN, 0}};
    if (!stalled_before_) {
      for (const Connection& c : connections_) {
        if (c.to_server.held_bytes < kMaxHeldBytes && !c.to_server.ended) {
          polled.push_back({c.client, POLLIN, 0});
        }
        if (c.to_client.held_bytes < kMaxHeldBytes && !c.to_client.ended) {
          polled.push_back({c.server, POLLIN, 0});
        }
      }
    }
    poll(polled.data(), polled.size(), kTickMilliseconds);
  }

  void Accept() {
    stalled_before_ = stall_all_ || !stalled_.empty();
    while (true) {
      const int client = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
      if (client < 0) return;
      Connection connection;
      connection.number = accepted_++;
      connection.client = client;
      if (!refuse_) connection.server = ConnectServer();
      if (connection.server < 0) {
        Reset(client);
        continue;
      }
      SetUp(client);
      connections_.push_back(std::move(connection));
    }
  }

  int ConnectServer() const {
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const sockaddr_in address = Loopback(server_port_);
    if (connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0) {
      close(fd);
      return -1;
    }
    SetUp(fd);
    return fd;
  }

  void Carry(Connection& connection) {
    if (connection.client < 0 || stall_all_ || stalled_.count(connection.number) > 0) return;
    if (Read(connection.client, connection.to_server,
             [&](std::string& data) { return FromClient(connection, data); }) &&
        Read(connection.server, connection.to_client,
             [&](std::string& data) { return FromServer(connection, data); }) &&
        Write(connection.to_server, connection.server) &&
        Write(connection.to_client, connection.client) &&
        !(connection.to_server.shut && connection.to_client.shut)) {
      return;
    }
    Cut(connection);
  }

  // False when the connection is to be cut.
  bool FromClient(Connection& connection, std::string& data) {
    const size_t commit = connection.finder.Find(data);
    if (commit == std::string::npos) return true;
    if (commit_fault_ == CommitFault::kBefore) {
      commit_fault_ = CommitFault::kNone;
      return false;
    }
    ++commits_;
    if (commit_fault_ == CommitFault::kAfter) {
      commit_fault_ = CommitFault::kNone;
      connection.drop_answer = true;
    }
    return true;
  }

  bool FromServer(Connection& connection, std::string& data) {
    if (connection.drop_answer) return false;
    connection.from_server_bytes += data.size();
    const auto limit = cut_after_.find(connection.number);
    return limit == cut_after_.end() || connection.from_server_bytes < limit->second;
  }

  template <typename Look>
  bool Read(int fd, Way& way, const Look& look) {
    while (!way.ended && way.held_bytes < kMaxHeldBytes) {
      std::string data(kChunkBytes, '\0');
      const ssize_t got = recv(fd, data.data(), data.size(), 0);
      if (got < 0) return errno == EAGAIN || errno == EINTR;
      if (got == 0) {
        way.ended = true;
        return true;
      }
      data.resize(static_cast<size_t>(got));
      if (!look(data)) return false;
      way.Hold(std::move(data), Clock::now() + delay_);
    }
    return true;
  }

  static bool Write(Way& way, int fd) {
    while (!way.held.empty() && way.held.front().due <= Clock::now()) {
      std::string& data = way.held.front().data;
      const ssize_t sent = send(fd, data.data(), data.size(), MSG_NOSIGNAL);
      if (sent < 0) return errno == EAGAIN || errno == EINTR;
      way.held_bytes -= static_cast<size_t>(sent);
      data.erase(0, static_cast<size_t>(sent));
      if (data.empty()) way.held.pop_front();
    }
    if (way.ended && way.held.empty() && !way.shut) {
      shutdown(fd, SHUT_WR);
      way.shut = true;
    }
    return true;
  }

  void Cut(Connection& connection) {
    if (connection.client < 0) return;
    if (!(connection.to_server.shut && connection.to_client.shut)) ++cuts_;
    Reset(connection.client);
    Reset(connection.server);
    connection.client = connection.server = -1;
  }

  const int listener_;
  const uint16_t port_;
  const uint16_t server_port_;
  bool stalled_before_ = false;          // a stalled connection must not keep the poll awake
  std::vector<Connection> connections_;  // the thread's alone
  std::thread thread_;
};

absl::StatusOr<std::unique_ptr<FaultProxy>> FaultProxy::Start(uint16_t server_port) {
  const int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  sockaddr_in address = Loopback(0);
  socklen_t size = sizeof(address);
  if (bind(listener, reinterpret_cast<sockaddr*>(&address), size) != 0 ||
      listen(listener, SOMAXCONN) != 0 ||
      getsockname(listener, reinterpret_cast<sockaddr*>(&address), &size) != 0) {
    close(listener);
    return absl::InternalError(absl::StrCat("fault proxy: ", std::strerror(errno)));
  }
  return std::unique_ptr<FaultProxy>(
      new FaultProxy(std::make_unique<Loop>(listener, ntohs(address.sin_port), server_port)));
}

FaultProxy::FaultProxy(std::unique_ptr<Loop> loop) : loop_(std::move(loop)) {}
FaultProxy::~FaultProxy() = default;

std::string FaultProxy::address() const { return absl::StrCat("127.0.0.1:", loop_->port()); }

void FaultProxy::CutAll() {
  std::lock_guard lock(loop_->mutex_);
  loop_->cut_all_ = true;
}

void FaultProxy::CutAfter(size_t number, uint64_t bytes) {
  std::lock_guard lock(loop_->mutex_);
  loop_->cut_after_[number] = bytes;
}

void FaultProxy::CutBeforeNextCommit() {
  std::lock_guard lock(loop_->mutex_);
  loop_->commit_fault_ = Loop::CommitFault::kBefore;
}

void FaultProxy::CutAfterNextCommit() {
  std::lock_guard lock(loop_->mutex_);
  loop_->commit_fault_ = Loop::CommitFault::kAfter;
}

void FaultProxy::StallAll() {
  std::lock_guard lock(loop_->mutex_);
  loop_->stall_all_ = true;
}

void FaultProxy::Stall(size_t number) {
  std::lock_guard lock(loop_->mutex_);
  loop_->stalled_.insert(number);
}

void FaultProxy::Resume() {
  std::lock_guard lock(loop_->mutex_);
  loop_->stall_all_ = false;
}

void FaultProxy::Delay(std::chrono::milliseconds by) {
  std::lock_guard lock(loop_->mutex_);
  loop_->delay_ = by;
}

void FaultProxy::RefuseNew(bool refuse) {
  std::lock_guard lock(loop_->mutex_);
  loop_->refuse_ = refuse;
}

size_t FaultProxy::connections() const {
  std::lock_guard lock(loop_->mutex_);
  return loop_->accepted_;
}

size_t FaultProxy::commits() const {
  std::lock_guard lock(loop_->mutex_);
  return loop_->commits_;
}

size_t FaultProxy::cuts() const {
  std::lock_guard lock(loop_->mutex_);
  return loop_->cuts_;
}

}  // namespace zdpipe
