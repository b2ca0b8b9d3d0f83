// From what the user named to the list of input files: what the plan is made from.
//
// Each argument is a path, a folder, a glob (* ? [ ]), `-`, or `tag=` before any of these. The
// arguments keep their order; what one of them stands for comes in byte order of the path, folders
// recursively. Names that begin with . or _ are left out of folders and never matched by a
// wildcard; whoever names such a file itself gets it. Symlinks are followed, loops refused.
//
//   tag=PATH   `tag` is letters, digits, _ and -, not beginning with a digit or -. It is a tag
//              unless a file or folder of the literal name (or of the literal first component, as
//              in year=2024/a.txt) is there; ./a=b is always a path.
//   a[1].txt   is a glob only if no file has the literal name.
//   dataset:N  the files of the dataset N, in the order in which they were put or made; likewise
//              behind a tag; ./dataset:N is a path.
//
//   table:K.T  the rows of the table T in the keyspace K of Cassandra, as lines or records; with
//              columns, table:K.T(A,B); likewise behind a tag.
//
// What is not a regular file (`-`, pipes, devices, files of no size that have content, as in
// /proc) is first copied into the spill folder: an unnamed file that lives as long as InputFiles.
// Compression is found by magic bytes: gzip and zstd are read, any other is refused by name.
//
// Everything missing, unreadable or refused is kInput. Called by one thread, before the job begins.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include <minke/abi.h>

#include "base/file.h"
#include "base/result.h"
#include "port/store.h"

#include "proto/minke.pb.h"

namespace minke {

// As in proto::InputFile.
enum class Compression : uint32_t { kNone = 0, kGzip = 1, kZstd = 2 };

struct InputFileOptions {
  // MINKE_TEXT, or MINKE_FIXED: records may hold any bytes, so there a file is only taken for
  // compressed if its name (.gz, .zst) says so too. MINKE_RECORDS: tables only, whose columns fit
  // these types.
  uint32_t kind = MINKE_TEXT;
  minke_type key = MINKE_NONE;
  minke_type value = MINKE_NONE;
  std::string spill_folder = "/tmp";
  uint64_t spill_bytes_max = UINT64_MAX;  // for what is copied there
  Store* store = nullptr;                 // where datasets and tables are; null: nowhere
};

// A folder that was named or walked, known by what it is rather than by name.
struct InputFolder {
  uint64_t device = 0;
  uint64_t inode = 0;
  std::string path;
  auto operator<=>(const InputFolder&) const = default;
};

struct InputFiles {
  std::vector<proto::InputFile> files;
  std::vector<uint32_t> arguments;  // which of those named each file stands for
  std::vector<InputFolder> folders;
  std::vector<File>
      spooled;  // files[i].spooled() leads to these: keep them open until the job ends
};

Result<InputFiles> FindInputFiles(std::span<const std::string> named,
                                  const InputFileOptions& options);

// kInvalidArgument if `output` (which need not exist) is an input, lies inside an input folder, or
// holds an input.
Status CheckOutputApart(const std::string& output, const InputFiles& inputs);

}  // namespace minke
