// What is in a server, told by SQL alone and written without any code of zdpipe's data path: two
// servers with equal fingerprints have the same objects and the same rows.
#ifndef ZDPIPE_TESTS_SUPPORT_FINGERPRINT_H_
#define ZDPIPE_TESTS_SUPPORT_FINGERPRINT_H_

#include <map>
#include <string>
#include <vector>

namespace zdpipe {

class TestServer;

// What is known about each thing, e.g. {"table shop.orders definition", "CREATE TABLE ..."}; for
// EXPECT_EQ, which shows what differs. Keys:
//   database D
//   table D.T definition | rows | checksum | content | history    (history: system-versioned)
//   view D.V, sequence D.S definition | state
//   procedure, function, package, package body D.R
//   trigger D.T, event D.E, event-status D.E                      (zdpipe leaves events disabled)
// `content` is a hash over all columns of all rows (invisible and generated ones too) that does
// not depend on their order or on the versions of the servers; `checksum` is CHECKSUM TABLE.
// What cannot be read (a broken view) has "error N" as its value. A test failure is recorded
// when the server cannot be asked, or a database does not exist.
std::map<std::string, std::string> Fingerprint(TestServer& server,
                                               const std::vector<std::string>& databases);

}  // namespace zdpipe

#endif  // ZDPIPE_TESTS_SUPPORT_FINGERPRINT_H_
