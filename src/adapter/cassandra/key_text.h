// Any name as a text that Cassandra takes for a key and people can read in cqlsh: what is not
// printable ASCII, and '%', is %XX; the empty name is "%". Names in order do not give texts in
// order.
#pragma once

#include <string>

#include "base/bytes.h"

namespace minke {

std::string KeyTextOf(Bytes name);
// The name again; of what KeyTextOf never makes, something.
std::string NameOfKeyText(Bytes text);

}  // namespace minke
