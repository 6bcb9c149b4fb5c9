#include "engine/server/endpoint_resolver.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "engine/errors.h"

namespace zdpipe {
namespace {

OptionFiles Files(absl::string_view text) {
  absl::StatusOr<OptionFiles> files = OptionFiles::Parse(text, "test.cnf");
  EXPECT_TRUE(files.ok()) << files.status();
  return files.ok() ? *files : OptionFiles();
}

// The environment variables that matter are cleared before each test.
class EndpointResolverTest : public testing::Test {
 protected:
  void SetUp() override {
    for (const char* name : {"ZDPIPE_FROM_PASSWORD", "ZDPIPE_TO_PASSWORD", "MYSQL_PWD"}) {
      unsetenv(name);
    }
    setenv("USER", "os-user", 1);
    std::string pattern = (std::filesystem::temp_directory_path() / "zdpipe-endpoint.XXXXXX");
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    folder_ = pattern;
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  std::string Write(const std::string& name, const std::string& text, mode_t mode = 0600) {
    const std::string path = absl::StrCat(folder_, "/", name);
    std::ofstream(path) << text;
    chmod(path.c_str(), mode);
    return path;
  }

  Endpoint Resolve(const EndpointRequest& request, absl::string_view files = "") {
    absl::StatusOr<Endpoint> endpoint = ResolveEndpoint(request, End::kSource, Files(files));
    EXPECT_TRUE(endpoint.ok()) << request.text << ": " << endpoint.status();
    return endpoint.ok() ? *endpoint : Endpoint();
  }
  Endpoint Resolve(const std::string& text, absl::string_view files = "") {
    return Resolve(Request(text), files);
  }

  absl::Status Refused(const EndpointRequest& request, absl::string_view files = "") {
    const absl::Status status = ResolveEndpoint(request, End::kSource, Files(files)).status();
    EXPECT_FALSE(status.ok()) << request.text;
    EXPECT_EQ(FailureOf(status), Failure::kUsage) << status;
    return status;
  }
  absl::Status Refused(const std::string& text, absl::string_view files = "") {
    return Refused(Request(text), files);
  }

  template <typename... Arguments>
  void ExpectRefused(const Arguments&... arguments) {
    Refused(arguments...).IgnoreError();
  }

  static EndpointRequest Request(const std::string& text) {
    EndpointRequest request;
    request.text = text;
    return request;
  }

  std::string folder_;
};

#define EXPECT_MESSAGE(status, part) \
  EXPECT_TRUE(absl::StrContains((status).message(), part)) << (status)

// ---- Where to connect

TEST_F(EndpointResolverTest, HostsAndPorts) {
  const struct {
    std::string text;
    std::string host;
    int port;
  } cases[] = {{"db1:3307", "db1", 3307},
               {"db1", "db1", 3306},
               {"db1.example.com", "db1.example.com", 3306},
               {"10.0.0.1:65535", "10.0.0.1", 65535},
               {"[::1]:3307", "::1", 3307},
               {"[fe80::1%eth0]", "fe80::1%eth0", 3306},
               {"2001:db8::1", "2001:db8::1", 3306},
               {"mariadb://db1", "db1", 3306},
               {"mariadb://db1/", "db1", 3306},
               {"MySQL://db1:3307/?", "db1", 3307},
               {"mariadb://me@[::1]:3307/", "::1", 3307}};
  for (const auto& c : cases) {
    const Endpoint endpoint = Resolve(c.text);
    EXPECT_EQ(endpoint.name, c.text);
    EXPECT_EQ(endpoint.host, c.host) << c.text;
    EXPECT_EQ(endpoint.port, c.port) << c.text;
    EXPECT_EQ(endpoint.socket, "") << c.text;
  }
}

TEST_F(EndpointResolverTest, AnythingWithASlashIsASocket) {
  for (const std::string text : {"/run/db.sock", "./db.sock", "../a@b/db.sock", "run/db.sock"}) {
    const Endpoint endpoint = Resolve(text, "[client]\nhost=elsewhere\nport=1\n");
    EXPECT_EQ(endpoint.socket, text);
    EXPECT_EQ(endpoint.host, "");
  }
}

TEST_F(EndpointResolverTest, WordIsAGroupBeforeItIsAHost) {
  const std::string files =
      "[client]\nuser=shared\nport=1\ncompress\n"
      "[client-mariadb]\nport=2\n"
      "[source]\nhost=plain\n"
      "[zdpipe_source]\nhost=own\nport=3\n"
      "[other]\nhost=plain\n";
  EXPECT_EQ(Resolve("source", files).Address(), "own:3");
  EXPECT_EQ(Resolve("source", files).user, "shared");
  EXPECT_TRUE(Resolve("source", files).compress);
  EXPECT_EQ(Resolve("other", files).Address(), "plain:2");
  EXPECT_EQ(Resolve("neither", files).Address(), "neither:2");
  EXPECT_EQ(Resolve("other:9", files).Address(), "other:9");
}

TEST_F(EndpointResolverTest, GroupWithoutAnAddressIsRefused) {
  const absl::Status status = Refused("source", "[source]\nuser=me\n");
  EXPECT_MESSAGE(status, "source");
  EXPECT_EQ(HintOf(status), "add host=... to the group");
  EXPECT_EQ(Resolve("source", "[client]\nhost=db1\n[source]\nuser=me\n").host, "db1");
}

TEST_F(EndpointResolverTest, StrongestPlaceDecidesBetweenHostAndSocket) {
  EXPECT_EQ(Resolve("s", "[s]\nsocket=/s\n").Address(), "/s");
  EXPECT_EQ(Resolve("s", "[client]\nhost=db1\n[s]\nsocket=/s\n").Address(), "/s");
  EXPECT_EQ(Resolve("s", "[client]\nsocket=/s\n[s]\nhost=db1\n").Address(), "db1:3306");
  EXPECT_EQ(Resolve("s", "[s]\nsocket=/s\nhost=db1\n").Address(), "db1:3306");
  EXPECT_EQ(Resolve("db1", "[client]\nsocket=/s\n").Address(), "db1:3306");
  // An empty value says nothing.
  EXPECT_EQ(Resolve("s", "[s]\nsocket=/s\nhost=\n").Address(), "/s");
}

TEST_F(EndpointResolverTest, LocalhostIsTheSocketUnlessAPortIsMeant) {
  EXPECT_EQ(Resolve("s", "[s]\nhost=localhost\nsocket=/s\n").Address(), "/s");
  EXPECT_EQ(Resolve("s", "[client]\nport=1\nsocket=/s\n[s]\nhost=localhost\n").Address(), "/s");
  EXPECT_EQ(Resolve("localhost", "[client]\nport=1\nsocket=/s\n").Address(), "/s");
  EXPECT_EQ(Resolve("localhost", "[client]\nport=1\n").Address(), "127.0.0.1:1");
  EXPECT_EQ(Resolve("LocalHost:2", "[client]\nport=1\nsocket=/s\n").Address(), "127.0.0.1:2");
  EXPECT_EQ(Resolve("s", "[client]\nsocket=/s\n[s]\nhost=localhost\nport=2\n").Address(),
            "127.0.0.1:2");
  const bool has_default = access("/run/mysqld/mysqld.sock", F_OK) == 0;
  EXPECT_EQ(Resolve("mariadb://localhost/").Address(),
            has_default ? "/run/mysqld/mysqld.sock" : "127.0.0.1:3306");
}

TEST_F(EndpointResolverTest, BadPortNamesWhereItStands) {
  for (const std::string port : {"0", "65536", "text", "", "-1", "+5", "99999999999", "33 06"}) {
    const absl::Status status = Refused("s", absl::StrCat("[s]\nhost=db1\nport=", port, "\n"));
    EXPECT_MESSAGE(status, "test.cnf:3");
    EXPECT_MESSAGE(status, "[s]");
    ExpectRefused(absl::StrCat("db1:", port));
    ExpectRefused(absl::StrCat("[::1]:", port));
    ExpectRefused(absl::StrCat("mariadb://db1:", port, "/"));
  }
  // A bad value is an error even when a stronger place has a good one.
  ExpectRefused("db1:3306", "[client]\nport=0\n");
}

TEST_F(EndpointResolverTest, WhatIsNoEndpointIsRefused) {
  for (const std::string text :
       {"", ":3306", "db1:", "[::1", "[::1]3306", "[db1]", "[]", "a:b:c", "a b", "db\n1",
        "postgres://db1/", "mariadb://", "mariadb:///", "mariadb://me@/", "mariadb://db1/shop",
        "mariadb://db1/?#x", "mariadb://d%62%zz/", "mariadb://db1%", "mariadb://a%0ab/"}) {
    ExpectRefused(text);
  }
}

TEST_F(EndpointResolverTest, KeyWithoutItsValueIsRefused) {
  for (const std::string key : {"host", "user", "socket", "port", "ssl-ca"}) {
    EXPECT_MESSAGE(Refused("db1", absl::StrCat("[client]\n", key, "\n")), "test.cnf:2");
  }
}

// ---- URIs

TEST_F(EndpointResolverTest, UriIsPercentDecoded) {
  const std::string ca = Write("c&a @.pem", "");
  const Endpoint endpoint =
      Resolve(absl::StrCat("mariadb://m%65%40corp%3Ax@db%31:3307/?ssl-ca=", folder_,
                           "/c%26a%20%40.pem&ssl-verify-server-cert=true"));
  EXPECT_EQ(endpoint.user, "me@corp:x");
  EXPECT_EQ(endpoint.Address(), "db1:3307");
  EXPECT_EQ(endpoint.tls.ca, ca);
  EXPECT_TRUE(endpoint.tls.verify_server_cert);
}

TEST_F(EndpointResolverTest, PasswordInTheTextIsRefusedAndNotShown) {
  for (const std::string text :
       {"mariadb://me:sesame@db1/", "mysql://me:sesame@db1:3306/?ssl=1", "mariadb://me:@db1/",
        "mariadb://me:ses@sesame@db1/", "mariadb://me:1/sesame@db1/", "mariadb://me:sesame?x@db1/",
        "mariadb://me:1?sesame=1@db1/", "mariadb://me:1#sesame@db1/",
        "mariadb://db1/?password=sesame", "me:sesame@db1", "me:ses/ame@db1:3306",
        "other://me:sesame@db1/", "db1:sesame", "mariadb://db1:sesame/"}) {
    const absl::Status status = Refused(text);
    EXPECT_FALSE(absl::StrContains(status.message(), "ses")) << status;
    EXPECT_FALSE(absl::StrContains(HintOf(status), "ses")) << HintOf(status);
  }
}

TEST_F(EndpointResolverTest, UnknownUriOptionIsRefused) {
  EXPECT_MESSAGE(Refused("mariadb://db1/?ssl-mode=x"), "'ssl-mode'");
  EXPECT_MESSAGE(Refused("mariadb://db1/?ssl=maybe"), "'ssl'");
}

TEST_F(EndpointResolverTest, MessagesNameTheEnd) {
  const OptionFiles none;
  EXPECT_MESSAGE(ResolveEndpoint(Request(""), End::kSource, none).status(), "--from: ");
  EXPECT_MESSAGE(ResolveEndpoint(Request(""), End::kTarget, none).status(), "--to: ");
}

// ---- Who connects

TEST_F(EndpointResolverTest, UserComesFromOptionUriGroupEnvironment) {
  const std::string files = "[client]\nuser=shared\n[s]\nhost=db1\nuser=named\n";
  EndpointRequest request = Request("mariadb://uri@db1/");
  EXPECT_EQ(Resolve(request, files).user, "uri");
  request.user = "option";
  EXPECT_EQ(Resolve(request, files).user, "option");
  EXPECT_EQ(Resolve("s", files).user, "named");
  EXPECT_EQ(Resolve("db1", files).user, "shared");
  EXPECT_EQ(Resolve("db1").user, "os-user");
  unsetenv("USER");
  EXPECT_NE(Resolve("db1").user, "");
}

TEST_F(EndpointResolverTest, PasswordComesFromFileEnvironmentGroupMysqlPwd) {
  const std::string files = "[client]\npassword=shared\n[s]\nhost=db1\npassword='na#med '\n";
  EndpointRequest request = Request("s");

  EXPECT_FALSE(Resolve("s", "[s]\nhost=db1\n").password.present());
  setenv("MYSQL_PWD", "mysql-pwd", 1);
  EXPECT_EQ(Resolve("s", "[s]\nhost=db1\n").password.value(), "mysql-pwd");
  EXPECT_EQ(Resolve("s", files).password.value(), "na#med ");
  EXPECT_EQ(Resolve("db1", files).password.value(), "shared");
  setenv("ZDPIPE_TO_PASSWORD", "other end", 1);
  EXPECT_EQ(Resolve("s", files).password.value(), "na#med ");
  setenv("ZDPIPE_FROM_PASSWORD", "", 1);
  EXPECT_EQ(Resolve("s", files).password.value(), "na#med ");
  setenv("ZDPIPE_FROM_PASSWORD", "from", 1);
  EXPECT_EQ(Resolve("s", files).password.value(), "from");
  request.password_file = Write("password", "in file\r\nnot this\n");
  EXPECT_EQ(Resolve(request, files).password.value(), "in file");

  const auto target = ResolveEndpoint(Request("s"), End::kTarget, Files(files));
  ASSERT_TRUE(target.ok());
  EXPECT_EQ(target->password.value(), "other end");
}

TEST_F(EndpointResolverTest, EmptyPasswordIsOneAndABareKeyAsks) {
  EXPECT_TRUE(Resolve("s", "[s]\nhost=db1\npassword=\n").password.present());
  EXPECT_FALSE(Resolve("s", "[client]\npassword=x\n[s]\nhost=db1\npassword\n").password.present());
}

TEST_F(EndpointResolverTest, PasswordFileIsReadAsItIs) {
  EndpointRequest request = Request("db1");
  request.password_file = Write("password", " a\tb \\n#\"");
  EXPECT_EQ(Resolve(request).password.value(), " a\tb \\n#\"");
  request.password_file = Write("password", "group may read", 0640);
  EXPECT_EQ(Resolve(request).password.value(), "group may read");
}

TEST_F(EndpointResolverTest, BadPasswordFileIsRefused) {
  EndpointRequest request = Request("db1");
  request.password_file = folder_ + "/none";
  EXPECT_MESSAGE(Refused(request), "--from-password-file " + request.password_file);
  request.password_file = folder_;
  ExpectRefused(request);
  request.password_file = Write("world", "sesame\n", 0644);
  const absl::Status world = Refused(request);
  EXPECT_EQ(HintOf(world), "chmod 600 " + request.password_file);
  for (const std::string& text : {std::string(), std::string("\nsesame\n"),
                                  std::string("ses\0ame", 7), std::string(5000, 's')}) {
    request.password_file = Write("bad", text);
    EXPECT_FALSE(absl::StrContains(Refused(request).message(), "ses"));
  }
}

// ---- TLS and compression

TEST_F(EndpointResolverTest, AnyTlsSettingRequiresTls) {
  const std::string file = Write("x.pem", "");
  for (const std::string& line :
       {std::string("ssl"), "ssl-ca=" + file, "ssl-cert=" + file, "ssl-key=" + file,
        std::string("ssl-verify-server-cert"), std::string("skip-ssl=0")}) {
    EXPECT_TRUE(Resolve("s", absl::StrCat("[s]\nhost=db1\n", line, "\n")).tls.required) << line;
  }
  for (const std::string line : {"skip-ssl", "ssl=0", "ssl=FALSE", "skip-ssl-verify-server-cert",
                                 "ssl-verify-server-cert=off", "ssl-ca="}) {
    EXPECT_FALSE(Resolve("s", absl::StrCat("[s]\nhost=db1\n", line, "\n")).tls.required) << line;
  }
  EXPECT_TRUE(Resolve("mariadb://db1/?ssl").tls.required);
}

TEST_F(EndpointResolverTest, TlsIsPreferredWithOtherMachinesUnlessSomethingIsSaid) {
  EXPECT_TRUE(Resolve("db1:3306").tls.preferred);
  EXPECT_TRUE(Resolve("10.0.0.1:3306").tls.preferred);
  for (const std::string here : {"127.0.0.1:3306", "mariadb://localhost:3306/", "/tmp/socket"}) {
    EXPECT_FALSE(Resolve(here).tls.preferred) << here;
  }
  EXPECT_FALSE(Resolve("s", "[s]\nhost=db1\nskip-ssl\n").tls.preferred);
  EXPECT_FALSE(Resolve("s", "[s]\nhost=db1\nssl\n").tls.preferred);
}

TEST_F(EndpointResolverTest, KnownCaIsUsedToVerify) {
  const std::string text = absl::StrCat("[s]\nhost=db1\nssl-ca=", Write("ca.pem", ""), "\n");
  EXPECT_TRUE(Resolve("s", text).tls.verify_server_cert);
  EXPECT_FALSE(Resolve("s", text + "ssl-verify-server-cert=0\n").tls.verify_server_cert);
  EXPECT_FALSE(Resolve("s", "[s]\nhost=db1\nssl\n").tls.verify_server_cert);
}

TEST_F(EndpointResolverTest, StrongerPlaceSwitchesTlsOnAndOff) {
  const std::string ca = Write("ca.pem", "");
  const std::string on =
      absl::StrCat("[client]\nssl-ca=", ca, "\nssl-verify-server-cert\n[s]\n", "host=db1\n");
  EXPECT_EQ(Resolve("s", on).tls.ca, ca);
  EXPECT_TRUE(Resolve("s", on).tls.verify_server_cert);
  EXPECT_FALSE(Resolve("s", on + "skip-ssl\n").tls.required);
  EXPECT_EQ(Resolve("s", on + "skip-ssl\n").tls.ca, "");
  EXPECT_FALSE(Resolve("s", on + "skip-ssl\n").tls.verify_server_cert);
  EXPECT_FALSE(Resolve("s", on + "skip-ssl-verify-server-cert\n").tls.verify_server_cert);

  EndpointRequest request = Request("s");
  request.ssl = false;
  EXPECT_FALSE(Resolve(request, on).tls.required);
  request.ssl.reset();
  request.ssl_ca = Write("own.pem", "");
  EXPECT_EQ(Resolve(request, on + "skip-ssl\n").tls.ca, *request.ssl_ca);
  request.ssl_verify_server_cert = false;
  EXPECT_FALSE(Resolve(request, on).tls.verify_server_cert);
}

TEST_F(EndpointResolverTest, TlsFileThatIsNotThereIsNamed) {
  const std::string none = folder_ + "/none.pem";
  for (const std::string key : {"ssl-ca", "ssl-cert", "ssl-key"}) {
    const absl::Status status = Refused("s", absl::StrCat("[s]\nhost=db1\n", key, "=", none, "\n"));
    EXPECT_MESSAGE(status, key);
    EXPECT_MESSAGE(status, none);
    ExpectRefused(absl::StrCat("mariadb://db1/?", key, "=", none));
  }
  // Not asked for, not looked at.
  Resolve("s", absl::StrCat("[s]\nhost=db1\nskip-ssl\nssl-ca=", none, "\n"));
}

TEST_F(EndpointResolverTest, BadSwitchIsRefusedWithoutItsValue) {
  for (const std::string key : {"ssl", "skip-ssl", "ssl-verify-server-cert", "compress"}) {
    const absl::Status status = Refused("s", absl::StrCat("[s]\nhost=db1\n", key, "=sesame\n"));
    EXPECT_MESSAGE(status, absl::StrCat("'", key, "'"));
    EXPECT_FALSE(absl::StrContains(status.message(), "sesame"));
  }
}

TEST_F(EndpointResolverTest, CompressionIsSwitchedByOptionOrFile) {
  EXPECT_FALSE(Resolve("db1").compress);
  EXPECT_FALSE(Resolve("db1", "[client]\nskip-compress\n").compress);
  EndpointRequest request = Request("db1");
  request.compress = true;
  EXPECT_TRUE(Resolve(request, "[client]\nskip-compress\n").compress);
}

}  // namespace
}  // namespace zdpipe
