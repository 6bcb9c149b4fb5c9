// Turns what the user wrote after --from or --to into an Endpoint.
#ifndef ZDPIPE_ENGINE_SERVER_ENDPOINT_RESOLVER_H_
#define ZDPIPE_ENGINE_SERVER_ENDPOINT_RESOLVER_H_

#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "engine/server/endpoint.h"
#include "engine/server/option_file.h"

namespace zdpipe {

// What the command line (or its ZDPIPE_* environment twins) says about one end; an empty field
// was not given. Options win over the URI, the URI over option files.
struct EndpointRequest {
  std::string text;           // the endpoint as written
  std::string user;           // --from-user
  std::string password_file;  // --from-password-file; its first line is the password
  std::optional<std::string> ssl_ca;
  std::optional<std::string> ssl_cert;
  std::optional<std::string> ssl_key;
  std::optional<bool> ssl;  // --from-ssl / --from-skip-ssl
  std::optional<bool> ssl_verify_server_cert;
  bool compress = false;
};

// The forms, tried in this order:
//   mariadb://user@host:port/?ssl-ca=...   also mysql://; a password in it is kUsage
//   /path/to/socket                        anything with a slash
//   word                                   group [zdpipe_word], then [word]
//   host:port, [v6]:port, host
// Underneath each of them lie the groups [client-mariadb] and, below it, [client].
//
// Where to connect: the strongest place that gives a host or a socket decides; in one place the
// host wins over the socket. The host `localhost` means, in this order: TCP to 127.0.0.1 when the
// text or the named group gives a port; the socket, when any place gives one; TCP to 127.0.0.1
// when [client] gives a port; /run/mysqld/mysqld.sock when it exists; TCP to 127.0.0.1:3306.
//
// TLS is required as soon as any ssl-* setting asks for it: a CA that is silently not used would
// be worse than an error. `skip-ssl` switches off what weaker places say.
//
// The password comes from: password_file, the environment variable ZDPIPE_FROM_PASSWORD or
// ZDPIPE_TO_PASSWORD, the option file, MYSQL_PWD; when none is there, `present()` is false and the
// caller may prompt. An empty variable was not given; `password=` in an option file is an empty
// password; `password` without '=' asks for the prompt. Without a user: option file, then the
// environment variable USER, then the name of the process's own user.
//
// All errors are kUsage. None shows a password, nor a part of `text` that could be one.
absl::StatusOr<Endpoint> ResolveEndpoint(const EndpointRequest& request, End end,
                                         const OptionFiles& files);

}  // namespace zdpipe

#endif  // ZDPIPE_ENGINE_SERVER_ENDPOINT_RESOLVER_H_
