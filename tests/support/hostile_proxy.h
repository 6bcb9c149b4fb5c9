// A proxy in front of a test server that answers chosen commands itself, with whatever bytes a
// hostile or broken server might send; everything else is carried to the real server and back.
//
// It understands the packets of the MySQL protocol (without TLS and compression), and takes
// MariaDB's own capabilities out of the server's greeting: answers are those of the old protocol.
#ifndef ZDPIPE_TESTS_SUPPORT_HOSTILE_PROXY_H_
#define ZDPIPE_TESTS_SUPPORT_HOSTILE_PROXY_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace zdpipe {

// The bytes of a protocol.
std::string LengthEncoded(uint64_t number);
std::string LengthEncodedText(const std::string& text);
std::string Packet(uint8_t sequence, const std::string& payload);
std::string ErrorPacket(uint16_t number, const std::string& message);  // sequence 1
// A text result: columns of type VAR_STRING. A row is its values, or what stands for them.
std::string ResultHead(const std::vector<std::string>& columns);  // up to the first row
std::string RowOf(const std::vector<std::string>& values);        // the payload only
std::string EndOfRows(uint8_t sequence);
std::string TextResult(const std::vector<std::string>& columns,
                       const std::vector<std::vector<std::string>>& rows);

class HostileProxy {
 public:
  // What to send in place of the server. Called in the connection's thread.
  class Client {
   public:
    virtual ~Client() = default;
    virtual bool Send(const std::string& bytes) = 0;  // false: the client has gone
    virtual void Close() = 0;                         // after what has been sent
  };
  using Answer = std::function<void(Client&)>;
  // `command`: "CONNECT", "QUERY <text>", "PREPARE <text>", "EXECUTE <text>". An empty function
  // leaves the command to the server. Called from the threads of all connections, one at a time.
  using Script = std::function<Answer(const std::string& command)>;

  static absl::StatusOr<std::unique_ptr<HostileProxy>> Start(uint16_t server_port, Script script);
  ~HostileProxy();
  HostileProxy(const HostileProxy&) = delete;
  HostileProxy& operator=(const HostileProxy&) = delete;

  std::string address() const;  // "127.0.0.1:PORT"
  // How often the script has answered.
  int answers() const;
  // What clients have sent after an answer that was not a command of their own: file contents.
  std::string volunteered() const;

 private:
  class Impl;
  explicit HostileProxy(std::unique_ptr<Impl> impl);

  std::unique_ptr<Impl> impl_;
};

// An answer of these bytes.
HostileProxy::Answer Bytes(std::string bytes);
// These bytes, then the end of the connection.
HostileProxy::Answer LastBytes(std::string bytes);

}  // namespace zdpipe

#endif  // ZDPIPE_TESTS_SUPPORT_HOSTILE_PROXY_H_
