#include "input.h"

#include <cstdio>
#include <cstdlib>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace rival {

static void Fail(const char* what) {
  perror(what);
  exit(1);
}

Input MapFile(const char* path) {
  const int file = open(path, O_RDONLY);
  struct stat status;
  if (file < 0 || fstat(file, &status) != 0) Fail(path);
  const size_t size = static_cast<size_t>(status.st_size);
  const size_t mapped = (size + 4095) / 4096 * 4096;
  // A page of zeros behind the file, as vector loads read past its end.
  char* data = static_cast<char*>(
      mmap(nullptr, mapped + 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
  if (data == MAP_FAILED) Fail("mmap");
  if (mapped && mmap(data, mapped, PROT_READ, MAP_PRIVATE | MAP_FIXED, file, 0) == MAP_FAILED)
    Fail("mmap");
  close(file);
  return {data, size};
}

}  // namespace rival
