// A lane of real servers, as a test finds it: ctest starts it before the test (minke_needs_lane in
// cmake/services.cmake); by hand, `./dev services up` does. For tests of any folder, C++; Python
// tests have service_lane.py.
#pragma once

#include <map>
#include <string>

namespace minke {

class ServiceLane {
 public:
  // The lane as it now runs. When one of `servers` ("kafka", "cassandra", "kafka cassandra") does
  // not, the process says how to start it and exits with 1: no test can go on without.
  static ServiceLane Running(const std::string& name, const std::string& servers);

  // What `./dev services env` prints: setting("MINKE_KAFKA") is "127.0.0.1:12345"; MINKE_CASSANDRA;
  // in the secure lane also …_USER, …_PASSWORD_FILE, …_CA of each. It must be one of these.
  const std::string& setting(const std::string& variable) const;
  // A file of the secure lane, by its name in services/secrets.sh: "wrong-password".
  std::string SecretFile(const std::string& name) const;

  // Calls services/services.sh with a verb and servers, as in Tell("kill kafka"); returns when that
  // is done. False: it failed, and standard error says why.
  bool Tell(const std::string& words) const;

 private:
  std::string name_;
  std::string folder_;  // of all lanes
  std::map<std::string, std::string> settings_;
};

}  // namespace minke
