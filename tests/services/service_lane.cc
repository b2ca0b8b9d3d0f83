#include "service_lane.h"

#include <array>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <sstream>

namespace minke {
namespace {

std::string StateFolder() {
  const char* given = std::getenv("MINKE_SERVICES");
  return given == nullptr ? MINKE_SERVICES_STATE : given;
}

std::string CommandOf(const std::string& words, const std::string& lane) {
  return std::string("'") + MINKE_SERVICES_SCRIPT + "' " + words + " --lane " + lane +
         " --state '" + StateFolder() + "'";
}

// What a command prints; nothing if it fails.
std::string OutputOf(const std::string& command) {
  std::string text;
  FILE* pipe = popen(command.c_str(), "r");
  if (pipe == nullptr) return text;
  std::array<char, 4096> buffer{};
  for (size_t size = 0; (size = fread(buffer.data(), 1, buffer.size(), pipe)) > 0;) {
    text.append(buffer.data(), size);
  }
  return pclose(pipe) == 0 ? text : "";
}

[[noreturn]] void GiveUp(const std::string& text) {
  std::fprintf(stderr, "%s\n", text.c_str());
  std::exit(1);
}

}  // namespace

ServiceLane ServiceLane::Running(const std::string& name, const std::string& servers) {
  ServiceLane lane;
  lane.name_ = name;
  lane.folder_ = StateFolder();
  std::istringstream lines(OutputOf(CommandOf("env " + servers, name)));
  for (std::string word, assignment; lines >> word >> assignment;) {
    const size_t sign = assignment.find('=');
    if (word == "export" && sign != std::string::npos) {
      lane.settings_[assignment.substr(0, sign)] = assignment.substr(sign + 1);
    }
  }
  // The script has said above what is missing, and the command that starts it.
  if (lane.settings_.empty()) GiveUp("this test needs " + servers + " in the lane " + name);
  return lane;
}

const std::string& ServiceLane::setting(const std::string& variable) const {
  const auto found = settings_.find(variable);
  if (found == settings_.end()) GiveUp("the lane " + name_ + " has no setting " + variable);
  return found->second;
}

std::string ServiceLane::SecretFile(const std::string& name) const {
  return folder_ + "/" + name_ + "/secrets/" + name;
}

bool ServiceLane::Tell(const std::string& words) const {
  return std::system(CommandOf(words, name_).c_str()) == 0;
}

}  // namespace minke
