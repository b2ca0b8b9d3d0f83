#include "base/machine.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <string>
#include <sys/wait.h>
#include <unistd.h>
#include <vector>

namespace minke {
namespace {

constexpr uint64_t kMiB = 1 << 20;

// A tree with the files of /proc and /sys that a test wants.
class MachineTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = testing::TempDir() + "minke-machine-XXXXXX";
    ASSERT_NE(mkdtemp(name.data()), nullptr);
    root_ = name;
    Put("proc/self/status", "Name:\tminke\nVmHWM:\t  2048 kB\nCpus_allowed_list:\t0-7\n");
    Put("proc/meminfo", "MemTotal:  8388608 kB\nMemFree:  10 kB\nMemAvailable:  4194304 kB\n");
  }
  void TearDown() override { std::filesystem::remove_all(root_); }

  void Put(const std::string& path, const std::string& text) const {
    const std::filesystem::path whole = root_ + "/" + path;
    std::filesystem::create_directories(whole.parent_path());
    std::ofstream(whole) << text;
  }

  std::string root_;
};

TEST_F(MachineTest, WithoutCgroupsAffinityAndAvailableMemoryCount) {
  EXPECT_EQ(UsableCpus(root_), 8u);
  EXPECT_EQ(UsableMemoryBytes(root_), 4096 * kMiB);
}

TEST_F(MachineTest, CountsAffinityListsWithHoles) {
  Put("proc/self/status", "Cpus_allowed:\tff\nCpus_allowed_list:\t0,2-4,16-17\n");
  EXPECT_EQ(UsableCpus(root_), 6u);
}

TEST_F(MachineTest, ObeysTheTightestGroupOfCgroupVersion2) {
  Put("proc/self/cgroup", "0::/kube/pod7/c1\n");
  Put("sys/fs/cgroup/kube/pod7/c1/cpu.max", "max 100000\n");
  Put("sys/fs/cgroup/kube/pod7/cpu.max", "250000 100000\n");
  Put("sys/fs/cgroup/kube/cpu.max", "400000 100000\n");
  Put("sys/fs/cgroup/kube/pod7/c1/memory.max", "1073741824\n");
  Put("sys/fs/cgroup/kube/pod7/memory.max", "max\n");
  Put("sys/fs/cgroup/kube/memory.max", "536870912\n");
  EXPECT_EQ(UsableCpus(root_), 3u) << "two and a half, rounded up";
  EXPECT_EQ(UsableMemoryBytes(root_), 512 * kMiB);
}

TEST_F(MachineTest, ThrottlingCountsAsALimitOfMemory) {
  Put("proc/self/cgroup", "0::/c\n");
  Put("sys/fs/cgroup/c/memory.max", "1073741824\n");
  Put("sys/fs/cgroup/c/memory.high", "268435456\n");
  EXPECT_EQ(UsableMemoryBytes(root_), 256 * kMiB);
}

TEST_F(MachineTest, InAContainerTheMountsOwnFolderCounts) {
  Put("proc/self/cgroup", "0::/\n");
  Put("sys/fs/cgroup/cpu.max", "100000 100000\n");
  Put("sys/fs/cgroup/memory.max", "268435456\n");
  EXPECT_EQ(UsableCpus(root_), 1u);
  EXPECT_EQ(UsableMemoryBytes(root_), 256 * kMiB);
}

TEST_F(MachineTest, ObeysCgroupVersion1) {
  Put("proc/self/cgroup", "5:memory:/docker/abc\n4:cpu,cpuacct:/docker/abc\n1:name=systemd:/\n");
  Put("sys/fs/cgroup/memory/docker/abc/memory.limit_in_bytes", "134217728\n");
  Put("sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n");
  Put("sys/fs/cgroup/cpu,cpuacct/docker/abc/cpu.cfs_quota_us", "50000\n");
  Put("sys/fs/cgroup/cpu,cpuacct/docker/abc/cpu.cfs_period_us", "100000\n");
  EXPECT_EQ(UsableCpus(root_), 1u) << "half a CPU, rounded up";
  EXPECT_EQ(UsableMemoryBytes(root_), 128 * kMiB);
}

TEST_F(MachineTest, WithoutQuotaOfVersion1AffinityCounts) {
  Put("proc/self/cgroup", "4:cpu:/a\n");
  Put("sys/fs/cgroup/cpu/a/cpu.cfs_quota_us", "-1\n");
  Put("sys/fs/cgroup/cpu/a/cpu.cfs_period_us", "100000\n");
  EXPECT_EQ(UsableCpus(root_), 8u);
}

TEST_F(MachineTest, SurvivesFilesOfNonsense) {
  Put("proc/self/cgroup", "\n:\nx\n0:\n0::nowhere\n3:memory\n");
  Put("proc/meminfo", "MemAvailable:\n");
  Put("proc/self/status", "Cpus_allowed_list:\tmany\n");
  Put("sys/fs/cgroup/cpu.max", "\n");
  EXPECT_GE(UsableCpus(root_), 1u);
  EXPECT_EQ(UsableMemoryBytes(root_), 0u);
}

TEST_F(MachineTest, KnowsTheRealMachine) {
  EXPECT_GE(UsableCpus(), 1u);
  EXPECT_GT(UsableMemoryBytes(), kMiB);
  EXPECT_GT(FreeBytes(root_).value(), 0u);
  EXPECT_EQ(FreeBytes(root_ + "/absent").error().code, ErrorCode::kNotFound);
}

TEST_F(MachineTest, SpillsWhereAskedThenTmpdirThenTmp) {
  std::filesystem::create_directories(root_ + "/a");
  std::filesystem::create_directories(root_ + "/b");
  const std::string tmpdir = root_ + "/b";
  const std::string absent = root_ + "/absent";
  EXPECT_EQ(SpillFolder(root_ + "/a", tmpdir.c_str()).value(), root_ + "/a");
  EXPECT_EQ(SpillFolder("", tmpdir.c_str()).value(), tmpdir);
  EXPECT_EQ(SpillFolder("", absent.c_str()).value(), "/tmp");
  EXPECT_EQ(SpillFolder("", "").value(), "/tmp");
  EXPECT_EQ(SpillFolder("", nullptr).value(), "/tmp");
  const auto refused = SpillFolder(absent, tmpdir.c_str());
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kConfiguration);
  EXPECT_NE(refused.error().text.find("--spill " + absent), std::string::npos);
}

TEST_F(MachineTest, PeakMemoryIsThisProgramsOwn) {
  EXPECT_EQ(ThisProcessUse(root_).peak_bytes, 2 * kMiB);
  const uint64_t before = ThisProcessUse().peak_bytes;
  const std::vector<char> touched(64 * kMiB, 'x');
  EXPECT_GE(ThisProcessUse().peak_bytes, before + 60 * kMiB) << touched.back();
}

TEST_F(MachineTest, CpuTimeOfAChildCountsOnceItWasWaitedFor) {
  const uint64_t before = ChildrenUse().cpu_us;
  const pid_t child = fork();
  if (child == 0) {
    while (ThisProcessUse().cpu_us < 20'000) continue;
    _exit(0);
  }
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_GE(ChildrenUse().cpu_us, before + 15'000);
  EXPECT_GT(ChildrenUse().peak_bytes, 0u);
}

TEST(ParseSize, UnitsArePowersOf1024) {
  EXPECT_EQ(ParseSize("0").value(), 0u);
  EXPECT_EQ(ParseSize("4095").value(), 4095u);
  EXPECT_EQ(ParseSize("4K").value(), 4096u);
  EXPECT_EQ(ParseSize("256m").value(), 256 * kMiB);
  EXPECT_EQ(ParseSize("2G").value(), 2048 * kMiB);
  EXPECT_EQ(ParseSize("1t").value(), uint64_t{1} << 40);
  EXPECT_EQ(ParseSize("8388607T").value(), uint64_t{8388607} << 40);
}

TEST(ParseSize, RefusesAnythingElseAndSaysWhatToWrite) {
  for (const char* text :
       {"", "K", "-1", "+1", "1.5G", "1KB", "12 K", " 1", "1X", "0x10", "1\x0b"}) {
    const auto size = ParseSize(text);
    ASSERT_FALSE(size) << text;
    EXPECT_EQ(size.error().code, ErrorCode::kInvalidArgument);
    EXPECT_NE(size.error().text.find("as in 256M"), std::string::npos);
  }
  for (const char* text : {"8388608T", "99999999999999999999", "18446744073709551615"}) {
    EXPECT_NE(ParseSize(text).error().text.find("too large"), std::string::npos) << text;
  }
}

TEST(SizeText, ReadsBackAsTheSameSize) {
  for (const uint64_t bytes : {uint64_t{0}, uint64_t{1}, uint64_t{1023}, uint64_t{1024}, 3 * kMiB,
                               kMiB + 1, uint64_t{5} << 40, uint64_t{1} << 62}) {
    EXPECT_EQ(ParseSize(SizeText(bytes)).value(), bytes);
  }
  EXPECT_EQ(SizeText(256 * kMiB), "256M");
  EXPECT_EQ(SizeText(1500), "1500");
}

TEST(MegabytesText, IsInMillions) {
  EXPECT_EQ(MegabytesText(282'340'000), "282.3 MB");
  EXPECT_EQ(MegabytesText(0), "0.0 MB");
}

}  // namespace
}  // namespace minke
