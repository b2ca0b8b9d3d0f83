// `minke verify A B…`: do outputs hold the same records?
#include <algorithm>
#include <cstdio>
#include <fmt/format.h>
#include <memory>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "base/result.h"
#include "cli/commands.h"
#include "runtime/http/json.h"
#include "task/output/verify.h"

namespace minke {
namespace {

constexpr int kDiffers = 1;  // as diff and cmp say it

struct VerifyFlags {
  std::vector<std::string> paths;
  bool order = false;
  bool json = false;
};

struct Verified {
  std::string path;
  std::vector<VerifiedOutput> outputs;
};

bool Same(const Verified& a, const Verified& b, bool order) {
  return std::equal(a.outputs.begin(), a.outputs.end(), b.outputs.begin(), b.outputs.end(),
                    [order](const VerifiedOutput& x, const VerifiedOutput& y) {
                      return x.name == y.name && x.records == y.records &&
                             x.fingerprint == y.fingerprint && (!order || x.in_order == y.in_order);
                    });
}

void PrintText(const std::vector<Verified>& all, bool order) {
  for (const Verified& one : all) {
    for (const VerifiedOutput& output : one.outputs) {
      fmt::print("{:016x}  {:>12} records  {:>14} bytes  {} in {}\n",
                 order ? output.in_order : output.fingerprint, output.records, output.bytes,
                 output.name, one.path);
    }
  }
}

void PrintJson(const std::vector<Verified>& all, bool same) {
  nlohmann::json list = nlohmann::json::array();
  for (const Verified& one : all) {
    nlohmann::json outputs = nlohmann::json::array();
    for (const VerifiedOutput& output : one.outputs) {
      outputs.push_back({{"name", output.name},
                         {"records", output.records},
                         {"bytes", output.bytes},
                         {"fingerprint", fmt::format("{:016x}", output.fingerprint)},
                         {"in_order", fmt::format("{:016x}", output.in_order)}});
    }
    list.push_back({{"path", one.path}, {"outputs", std::move(outputs)}});
  }
  fmt::print("{}\n", JsonText({{"same", same}, {"verified", std::move(list)}}, 2));
}

int Verify(const VerifyFlags& flags) {
  std::vector<Verified> all;
  for (const std::string& path : flags.paths) {
    auto outputs = VerifyOutput(path);
    if (!outputs) {
      fmt::print(stderr, "minke verify: {}\n", outputs.error().text);
      return ExitCodeOf(outputs.error().code);
    }
    all.push_back({path, *std::move(outputs)});
  }
  const auto different = std::find_if(all.begin(), all.end(), [&](const Verified& one) {
    return !Same(all.front(), one, flags.order);
  });
  const bool same = different == all.end();
  if (flags.json) {
    PrintJson(all, same);
  } else {
    PrintText(all, flags.order);
  }
  if (!same) {
    fmt::print(stderr, "minke verify: {} and {} differ\n", all.front().path, different->path);
  }
  return same ? 0 : kDiffers;
}

}  // namespace

void AddVerifyCommand(CLI::App& app, int* exit_code) {
  auto flags = std::make_shared<VerifyFlags>();
  CLI::App* command =
      app.add_subcommand("verify", "Print fingerprints of outputs, and whether they are the same");
  command->add_option("PATH", flags->paths, "Output folders or files")->required();
  command->add_flag("--order", flags->order, "Compare the bytes in their order, not the records");
  command->add_flag("--json", flags->json, "Print JSON");
  command->footer(
      "Examples:\n  minke verify out/\n  minke verify out1/ out2/\n"
      "  minke verify --order out1/ out2/\n\n"
      "Exit codes: 0 the same, 1 different, 65 missing or not finished,\n71 not what its _SUCCESS "
      "says.");
  command->callback([flags, exit_code] { *exit_code = Verify(*flags); });
}

}  // namespace minke
