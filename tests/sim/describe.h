// Messages of the log in short, for the trace: without checksums and sizes, which vary by machine.
#pragma once

#include <string>

#include "port/log.h"

namespace minke::sim {

std::string Describe(Topic topic, const LogMessage& message);

}  // namespace minke::sim
