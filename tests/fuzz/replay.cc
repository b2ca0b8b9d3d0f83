// Runs a fuzz target on seeded mutations of small inputs, so that every build checks it without
// libFuzzer.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <random>
#include <string>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

namespace {

constexpr int kRounds = 3000;

std::string Mutated(std::string input, std::mt19937& random) {
  for (size_t changes = random() % 8; changes > 0 && !input.empty(); --changes) {
    const size_t at = random() % input.size();
    switch (random() % 3) {
      case 0:
        input[at] = static_cast<char>(random());
        break;
      case 1:
        input.erase(at, random() % 16);
        break;
      default:
        input.insert(at, input.substr(random() % input.size(), random() % 32));
    }
  }
  return input;
}

}  // namespace

int main() {
  std::mt19937 random(1);
  std::vector<std::string> inputs = {"", "\n", "a line\nand another\r\n", std::string(300, 'x')};
  for (int round = 0; round < kRounds; ++round) {
    std::string input = Mutated(inputs[random() % inputs.size()], random);
    for (size_t head = random() % 8; head > 0; --head) {
      input.insert(input.begin(), static_cast<char>(random()));
    }
    LLVMFuzzerTestOneInput(reinterpret_cast<const uint8_t*>(input.data()), input.size());
    if (inputs.size() < 200) inputs.push_back(std::move(input));
  }
  std::printf("%d inputs\n", kRounds);
  return 0;
}
