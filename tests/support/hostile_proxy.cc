#include "tests/support/hostile_proxy.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstring>
#include <list>
#include <map>
#include <mutex>
#include <thread>
#include <utility>

#include "absl/strings/str_cat.h"

namespace zdpipe {
namespace {

constexpr int kTickMilliseconds = 20;  // how soon the end of the proxy is noticed
constexpr size_t kHeaderBytes = 4;     // 3 of length, 1 of sequence
constexpr char kComQuery = 3;
constexpr char kComPrepare = 22;
constexpr char kComExecute = 23;

void PutNumber(std::string& bytes, uint64_t number, int width) {
  for (int i = 0; i < width; ++i) bytes += static_cast<char>(number >> (8 * i));
}

bool SendAll(int fd, const char* data, size_t size) {
  while (size > 0) {
    const ssize_t sent = send(fd, data, size, MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) continue;
    if (sent <= 0) return false;
    data += sent;
    size -= static_cast<size_t>(sent);
  }
  return true;
}

sockaddr_in Loopback(uint16_t port) {
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

}  // namespace

std::string LengthEncoded(uint64_t number) {
  std::string bytes;
  if (number < 251) {
    PutNumber(bytes, number, 1);
  } else if (number < 65536) {
    bytes += '\xfc';
    PutNumber(bytes, number, 2);
  } else {
    bytes += '\xfe';
    PutNumber(bytes, number, 8);
  }
  return bytes;
}

std::string LengthEncodedText(const std::string& text) {
  return absl::StrCat(LengthEncoded(text.size()), text);
}

std::string Packet(uint8_t sequence, const std::string& payload) {
  std::string bytes;
  PutNumber(bytes, payload.size(), 3);
  PutNumber(bytes, sequence, 1);
  return bytes + payload;
}

std::string ErrorPacket(uint16_t number, const std::string& message) {
  std::string payload = "\xff";
  PutNumber(payload, number, 2);
  return Packet(1, absl::StrCat(payload, "#HY000", message));
}

std::string ResultHead(const std::vector<std::string>& columns) {
  std::string bytes = Packet(1, LengthEncoded(columns.size()));
  uint8_t sequence = 2;
  for (const std::string& column : columns) {
    std::string definition = absl::StrCat(LengthEncodedText("def"), LengthEncodedText(""),
                                          LengthEncodedText(""), LengthEncodedText(""),
                                          LengthEncodedText(column), LengthEncodedText(""), "\x0c");
    PutNumber(definition, 45, 2);    // utf8mb4
    PutNumber(definition, 1024, 4);  // width
    PutNumber(definition, 253, 1);   // VAR_STRING
    PutNumber(definition, 0, 2 + 1 + 2);
    bytes += Packet(sequence++, definition);
  }
  return bytes + EndOfRows(sequence);
}

std::string RowOf(const std::vector<std::string>& values) {
  std::string row;
  for (const std::string& value : values) row += LengthEncodedText(value);
  return row;
}

std::string EndOfRows(uint8_t sequence) { return Packet(sequence, std::string("\xfe\0\0\2\0", 5)); }

std::string TextResult(const std::vector<std::string>& columns,
                       const std::vector<std::vector<std::string>>& rows) {
  std::string bytes = ResultHead(columns);
  auto sequence = static_cast<uint8_t>(columns.size() + 3);
  for (const auto& row : rows) bytes += Packet(sequence++, RowOf(row));
  return bytes + EndOfRows(sequence);
}

class HostileProxy::Impl {
 public:
  Impl(uint16_t server_port, Script script) : server_port_(server_port), script_(script) {}

  absl::Status Listen() {
    listener_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const sockaddr_in any = Loopback(0);
    sockaddr_in bound = {};
    socklen_t size = sizeof(bound);
    if (listener_ < 0 || bind(listener_, reinterpret_cast<const sockaddr*>(&any), sizeof(any)) ||
        listen(listener_, 64) ||
        getsockname(listener_, reinterpret_cast<sockaddr*>(&bound), &size)) {
      return absl::InternalError(absl::StrCat("hostile proxy: ", std::strerror(errno)));
    }
    port_ = ntohs(bound.sin_port);
    acceptor_ = std::thread([this] { Accept(); });
    return absl::OkStatus();
  }

  ~Impl() {
    ending_.store(true);
    if (acceptor_.joinable()) acceptor_.join();
    for (std::thread& thread : threads_) thread.join();
    if (listener_ >= 0) close(listener_);
  }

  uint16_t port() const { return port_; }
  int answers() const { return answers_.load(); }
  std::string volunteered() const {
    std::lock_guard lock(mutex_);
    return volunteered_;
  }

 private:
  // One connection of a client, and the one to the server that belongs to it.
  class Connection : public Client {
   public:
    Connection(Impl& proxy, int client) : proxy_(proxy), client_(client) {}
    ~Connection() override {
      close(client_);
      if (server_ >= 0) close(server_);
    }

    void Run() {
      if (Answer answer = proxy_.Ask("CONNECT")) {
        answer(*this);
        while (!closed_ && Wait(client_, -1) && Receive(client_, from_client_))
          from_client_.clear();
        return;
      }
      server_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
      const sockaddr_in address = Loopback(proxy_.server_port_);
      if (connect(server_, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0)
        return;
      while (!closed_ && Wait(client_, server_)) {
        if (server_ready_ && !(Receive(server_, from_server_) && PassOn())) return;
        if (client_ready_ && !(Receive(client_, from_client_) && TakeCommands())) return;
      }
    }

    bool Send(const std::string& bytes) override {
      return !proxy_.ending_.load() && SendAll(client_, bytes.data(), bytes.size());
    }
    void Close() override {
      shutdown(client_, SHUT_WR);
      closed_ = true;
    }

   private:
    // False when the proxy ends.
    bool Wait(int client, int server) {
      while (!proxy_.ending_.load()) {
        pollfd fds[] = {{client, POLLIN, 0}, {server, POLLIN, 0}};
        if (poll(fds, server < 0 ? 1 : 2, kTickMilliseconds) <= 0) continue;
        client_ready_ = fds[0].revents != 0;
        server_ready_ = server >= 0 && fds[1].revents != 0;
        return true;
      }
      return false;
    }

    static bool Receive(int fd, std::string& into) {
      char buffer[64 * 1024];
      const ssize_t got = recv(fd, buffer, sizeof(buffer), 0);
      if (got <= 0) return false;
      into.append(buffer, static_cast<size_t>(got));
      return true;
    }

    // The server's bytes as they are, but for its greeting.
    bool PassOn() {
      if (!greeted_) {
        if (!Complete(from_server_)) return true;
        TakeOutExtensions();
        greeted_ = true;
      }
      const std::string bytes = std::exchange(from_server_, "");
      return SendAll(client_, bytes.data(), bytes.size());
    }

    void TakeOutExtensions();

    static size_t Length(const std::string& bytes) {
      auto byte = [&bytes](size_t i) {
        return static_cast<size_t>(static_cast<uint8_t>(bytes[i]));
      };
      return byte(0) | byte(1) << 8 | byte(2) << 16;
    }
    static bool Complete(const std::string& bytes) {
      return bytes.size() >= kHeaderBytes && bytes.size() >= kHeaderBytes + Length(bytes);
    }

    bool TakeCommands() {
      while (Complete(from_client_)) {
        const std::string packet = from_client_.substr(0, kHeaderBytes + Length(from_client_));
        from_client_.erase(0, packet.size());
        if (!TakeCommand(packet)) return false;
        if (closed_) return true;
      }
      return true;
    }

    bool TakeCommand(const std::string& packet) {
      const bool starts = packet[3] == 0 && packet.size() > kHeaderBytes;
      if (!starts && answered_) {  // nobody else has asked for that
        std::lock_guard lock(proxy_.mutex_);
        proxy_.volunteered_ += packet.substr(kHeaderBytes);
        // A file ends with an empty packet, and is thanked for.
        return packet.size() > kHeaderBytes ||
               Send(Packet(static_cast<uint8_t>(packet[3] + 1), std::string("\0\0\0\2\0\0\0", 7)));
      }
      std::string command;
      if (starts && packet[4] == kComQuery) command = absl::StrCat("QUERY ", packet.substr(5));
      if (starts && packet[4] == kComPrepare) {
        prepared_ = packet.substr(5);
        command = absl::StrCat("PREPARE ", prepared_);
      }
      if (starts && packet[4] == kComExecute) command = absl::StrCat("EXECUTE ", prepared_);
      answered_ = false;
      if (Answer answer = command.empty() ? Answer() : proxy_.Ask(command)) {
        answered_ = true;
        answer(*this);
        return true;
      }
      return SendAll(server_, packet.data(), packet.size());
    }

    Impl& proxy_;
    const int client_;
    int server_ = -1;
    bool client_ready_ = false;
    bool server_ready_ = false;
    bool greeted_ = false;
    bool answered_ = false;  // the last command, by us
    bool closed_ = false;
    std::string from_client_;
    std::string from_server_;
    std::string prepared_;
  };

  Answer Ask(const std::string& command) {
    std::lock_guard lock(mutex_);
    Answer answer = script_(command);
    if (answer) ++answers_;
    return answer;
  }

  void Accept() {
    while (!ending_.load()) {
      pollfd fd = {listener_, POLLIN, 0};
      if (poll(&fd, 1, kTickMilliseconds) <= 0) continue;
      const int client = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
      if (client < 0) continue;
      const int on = 1;
      setsockopt(client, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
      threads_.emplace_back([this, client] { Connection(*this, client).Run(); });
    }
  }

  const uint16_t server_port_;
  const Script script_;
  int listener_ = -1;
  uint16_t port_ = 0;
  std::atomic<bool> ending_ = false;
  std::atomic<int> answers_ = 0;
  mutable std::mutex mutex_;  // the script, and what follows
  std::string volunteered_;
  std::thread acceptor_;
  std::list<std::thread> threads_;  // of the acceptor, until it has ended
};

// The greeting: version 10, the server's version up to a zero, thread (4), scramble (8), a zero,
// capabilities (2), character set (1), status (2), capabilities (2), length of the scramble (1), 6
// unused bytes, MariaDB's capabilities (4).
void HostileProxy::Impl::Connection::TakeOutExtensions() {
  const size_t version_end = from_server_.find('\0', kHeaderBytes + 1);
  const size_t extensions = version_end + 1 + 4 + 8 + 1 + 2 + 1 + 2 + 2 + 1 + 6;
  if (version_end == std::string::npos || from_server_.size() < extensions + 4) return;
  from_server_.replace(extensions, 4, std::string(4, '\0'));
}

absl::StatusOr<std::unique_ptr<HostileProxy>> HostileProxy::Start(uint16_t server_port,
                                                                  Script script) {
  auto impl = std::make_unique<Impl>(server_port, std::move(script));
  if (absl::Status listening = impl->Listen(); !listening.ok()) return listening;
  return std::unique_ptr<HostileProxy>(new HostileProxy(std::move(impl)));
}

HostileProxy::HostileProxy(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
HostileProxy::~HostileProxy() = default;

std::string HostileProxy::address() const { return absl::StrCat("127.0.0.1:", impl_->port()); }
int HostileProxy::answers() const { return impl_->answers(); }
std::string HostileProxy::volunteered() const { return impl_->volunteered(); }

HostileProxy::Answer Bytes(std::string bytes) {
  return [bytes = std::move(bytes)](HostileProxy::Client& client) { client.Send(bytes); };
}

HostileProxy::Answer LastBytes(std::string bytes) {
  return [bytes = std::move(bytes)](HostileProxy::Client& client) {
    client.Send(bytes);
    client.Close();
  };
}

}  // namespace zdpipe
