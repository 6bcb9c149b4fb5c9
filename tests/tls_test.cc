// TLS between zdpipe and a real server: what is asked for is what happens.
#include "tests/copy_harness.h"
#include "tests/support/test_server.h"

namespace zdpipe {
namespace {

// A server with a certificate for localhost and 127.0.0.1, and one without TLS. The CAs and
// certificates are made anew for each run.
class TlsTest : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    folder_ = new Folder();
    const std::string script = R"sh(
      set -e; cd "$1"
      for ca in good other; do
        openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj "/CN=$ca CA" -keyout $ca-ca.key -out $ca-ca.pem
      done
      certificate() { # NAME SUBJECT-ALT-NAME
        openssl req -newkey rsa:2048 -nodes -subj "/CN=$1" -keyout $1.key -out $1.csr
        printf 'subjectAltName=%s\n' "$2" >$1.ext
        openssl x509 -req -days 2 -in $1.csr -CA good-ca.pem -CAkey good-ca.key -CAcreateserial -extfile $1.ext -out $1.pem
      }
      certificate here DNS:localhost,IP:127.0.0.1
      certificate elsewhere DNS:elsewhere.example.com
      chmod a+rx . && chmod a+r *)sh";
    const absl::StatusOr<ProcessResult> made =
        RunProcess({"bash", "-c", script, "bash", *folder_ / ""}, {});
    ASSERT_TRUE(made.ok()) << made.status();
    ASSERT_EQ(made->exit_code, 0) << made->standard_error;
    with_tls_ = Start("here").release();
    wrong_name_ = Start("elsewhere").release();
    without_tls_ = StartServer().release();
  }
  static void TearDownTestSuite() {
    delete with_tls_;
    delete wrong_name_;
    delete without_tls_;
    delete folder_;
  }

  static std::unique_ptr<TestServer> Start(const std::string& name) {
    return StartServer({.args = {absl::StrCat("--ssl-ca=", *folder_ / "good-ca.pem"),
                                 absl::StrCat("--ssl-cert=", *folder_ / (name + ".pem")),
                                 absl::StrCat("--ssl-key=", *folder_ / (name + ".key"))}});
  }

  // Looks at `server` as the source; the target is the server without TLS.
  static ProcessResult Check(const TestServer& server, const Strings& more) {
    Strings args = {"check", "--source-state", "frozen"};
    const Strings ends = Ends(server, *without_tls_);
    args.insert(args.end(), ends.begin(), ends.end());
    args.insert(args.end(), more.begin(), more.end());
    return RunZdpipe(args);
  }

  static std::string Ca(const std::string& name) { return *folder_ / (name + "-ca.pem"); }

  static Folder* folder_;
  static TestServer* with_tls_;
  static TestServer* wrong_name_;
  static TestServer* without_tls_;
};

Folder* TlsTest::folder_ = nullptr;
TestServer* TlsTest::with_tls_ = nullptr;
TestServer* TlsTest::wrong_name_ = nullptr;
TestServer* TlsTest::without_tls_ = nullptr;

TEST_F(TlsTest, CertificateOfTheKnownCaIsTaken) {
  EXPECT_TRUE(Succeeds(Check(*with_tls_, {"--from-ssl-ca", Ca("good")})));
  ASSERT_DONE(with_tls_->Sql("CREATE USER secure@'%' REQUIRE SSL"));
  ASSERT_DONE(with_tls_->Sql("GRANT ALL ON *.* TO secure@'%'"));
  const Strings ends = {"--no-defaults",         "--from",    with_tls_->address(),
                        "--from-user",           "secure",    "--to",
                        without_tls_->address(), "--to-user", "root",
                        "--source-state",        "frozen"};
  auto check = [&](const Strings& more) {
    Strings args = {"check"};
    args.insert(args.end(), ends.begin(), ends.end());
    args.insert(args.end(), more.begin(), more.end());
    return RunZdpipe(args);
  };
  EXPECT_TRUE(Succeeds(check({"--from-ssl", "true"})));
  EXPECT_TRUE(FailsWith(check({"--from-ssl", "false"}), 2));
}

// MariaDB says of such a connection what it says of a wrong password; MySQL has an error of its
// own, after which TLS is tried.
TEST_F(TlsTest, ServerThatWantsNothingElseIsHintedAt) {
  ASSERT_DONE(
      with_tls_->Sql("CREATE USER anybody@'%'; GRANT ALL ON *.* TO anybody@'%'; "
                     "SET GLOBAL require_secure_transport = 1"));
  Strings args = {"check",       "--no-defaults", "--from",         with_tls_->address(),
                  "--from-user", "anybody",       "--to",           without_tls_->address(),
                  "--to-user",   "root",          "--source-state", "frozen"};
  EXPECT_TRUE(FailsWith(RunZdpipe(args), 2, {"--from-ssl"}));
  args.insert(args.end(), {"--from-ssl", "true"});
  EXPECT_TRUE(Succeeds(RunZdpipe(args)));
  ASSERT_DONE(with_tls_->Sql("SET GLOBAL require_secure_transport = 0"));
}

TEST_F(TlsTest, CertificateOfAnotherCaIsRefused) {
  EXPECT_TRUE(FailsWith(Check(*with_tls_, {"--from-ssl-ca", Ca("other")}), 2, {"ssl-ca"}));
}

TEST_F(TlsTest, CertificateForAnotherHostIsRefused) {
  EXPECT_TRUE(FailsWith(Check(*wrong_name_, {"--from-ssl-ca", Ca("good")}), 2, {"host"}));
  // Whoever switches the verification off has said so; the CA counts all the same.
  EXPECT_TRUE(Succeeds(Check(
      *wrong_name_, {"--from-ssl-ca", Ca("good"), "--from-ssl-verify-server-cert", "false"})));
  EXPECT_TRUE(FailsWith(
      Check(*wrong_name_, {"--from-ssl-ca", Ca("other"), "--from-ssl-verify-server-cert", "false"}),
      2));
}

TEST_F(TlsTest, ServerWithoutTlsIsRefusedWhereTlsIsAskedFor) {
  EXPECT_TRUE(FailsWith(Check(*without_tls_, {"--from-ssl", "true"}), 2, {"offers none"}));
  EXPECT_TRUE(FailsWith(Check(*without_tls_, {"--from-ssl-ca", Ca("good")}), 2));
}

}  // namespace
}  // namespace zdpipe
