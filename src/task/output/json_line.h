// One record as a line of JSON: {"key":…,"value":…}. The rules are in line_formatter.h. Pure; any
// thread.
#pragma once

#include <minke/abi.h>

#include "base/bytes.h"
#include "task/output/line_buffer.h"

namespace minke {

// Appends the line without its LF; a part of type MINKE_NONE is left out. Both in stored form.
// False: one does not have the form of its type; what was appended then is void.
bool AppendJsonLine(LineBuffer& to, minke_type key_type, Bytes key, minke_type value_type,
                    Bytes value);

// Appends a string, quoted; UTF-8 it must be.
void AppendJsonText(LineBuffer& to, Bytes text);

}  // namespace minke
