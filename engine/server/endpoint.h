// Where and how to connect: one server, with its credentials and TLS settings.
#ifndef ZDPIPE_ENGINE_SERVER_ENDPOINT_H_
#define ZDPIPE_ENGINE_SERVER_ENDPOINT_H_

#include <chrono>
#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"

namespace zdpipe {

// The role of a server in a run; decides the class of its failures.
enum class End { kSource, kTarget };

absl::string_view EndName(End end);  // "source", "target"

// A password. Never printed; wiped from memory when it goes.
class Secret {
 public:
  Secret() = default;
  explicit Secret(std::string value) : value_(std::move(value)), present_(true) {}
  Secret(const Secret&) = default;
  Secret& operator=(const Secret& other);
  ~Secret() { Wipe(); }

  bool present() const { return present_; }
  const std::string& value() const { return value_; }

 private:
  void Wipe();

  std::string value_;
  bool present_ = false;
};

struct TlsOptions {
  std::string ca;
  std::string cert;
  std::string key;
  bool required = false;            // refuse a connection without TLS
  bool preferred = false;           // TLS where the server offers it
  bool verify_server_cert = false;  // needs `ca`
};

struct Endpoint {
  std::string name;  // as the user wrote it; used in messages
  std::string host;  // empty: connect through `socket`
  uint16_t port = 3306;
  std::string socket;
  std::string user;
  Secret password;
  TlsOptions tls;
  bool compress = false;  // the protocol's own zlib compression
  // How long the server may say nothing while it is waited for; zero: without limit. A statement
  // may take longer, as long as the server says that it works on it.
  std::chrono::seconds io_timeout{60};

  // "host:port" or the socket path, for messages and reports.
  std::string Address() const;
  // A socket, or a loopback address: what is sent does not leave the machine.
  bool IsLocal() const;
};

}  // namespace zdpipe

#endif  // ZDPIPE_ENGINE_SERVER_ENDPOINT_H_
