// Sums the bytes that each host was sent, by lines in the Common Log Format ('-' is none).
#include <charconv>

#include <minke/job.h>

static minke::Job HostBytes(const minke::Arguments&) {
  return minke::Map([](const minke::Line& line, minke::Emit<std::string_view, int64_t>& emit) {
           const size_t host_end = line.find(' ');
           if (host_end == line.npos) return;
           int64_t bytes = 0;
           std::from_chars(line.data() + line.rfind(' ') + 1, line.data() + line.size(), bytes);
           emit(line.substr(0, host_end), bytes);
         })
      .Aggregate(minke::Sum());
}

MINKE_JOB("hosts", HostBytes,
          {.summary = "sums the bytes that each host was sent",
           .input = "Common Log Format",
           .output = "host TAB bytes, by host",
           .example = "minke run ./hosts.so access.log -o out/"});
