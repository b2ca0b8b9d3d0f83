// Runs a command and says what it cost: a small process, so that neither its start nor its memory
// counts. (A child's peak memory begins with that of the process it was spawned from.)
//
//   launcher [-n RUNS] [-t MB] [-o FILE] [-e FILE] COMMAND [ARGUMENT…]
//
//   -n RUNS   how often, one after the other (1); an argument's {run} becomes the run's number
//   -t MB     before each run, touch so much memory and give it back: memory that the host took
//   away
//             is there again when the clock starts
//   -o FILE   the command's standard output (/dev/null)
//   -e FILE   its standard error (the launcher's own)
//
// Prints a line per run: wall nanoseconds, CPU microseconds (user and system, of the process and of
// every child it waited for), peak resident set in KiB (of the largest single process among these),
// exit status as in a shell. Ends with 0 if every run did, else with 1.
#define _GNU_SOURCE
#include <fcntl.h>
#include <inttypes.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char** environ;

static void Fail(const char* what) {
  perror(what);
  exit(2);
}

static int64_t NowNs(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

// In a child, as a process that has had the memory would hand its peak on to what it spawns.
static void Touch(size_t bytes) {
  const pid_t child = fork();
  if (child < 0) Fail("fork");
  if (child == 0) {
    char* memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) _exit(1);
    madvise(memory, bytes, MADV_HUGEPAGE);
    for (size_t at = 0; at < bytes; at += 4096) memory[at] = 1;
    _exit(0);
  }
  waitpid(child, NULL, 0);
}

// A copy of `words` with {run} replaced by `run`; never freed: there are few.
static char** WithRun(char** words, long run) {
  size_t count = 0;
  while (words[count]) ++count;
  char** copy = calloc(count + 1, sizeof *copy);
  if (!copy) Fail("calloc");
  for (size_t i = 0; i < count; ++i) {
    const char* mark = strstr(words[i], "{run}");
    copy[i] = words[i];
    if (mark &&
        asprintf(&copy[i], "%.*s%ld%s", (int)(mark - words[i]), words[i], run, mark + 5) < 0)
      Fail("asprintf");
  }
  return copy;
}

// Runs it once and prints its line; returns whether it ended with 0.
static int RunOnce(char** words, const char* out, const char* err) {
  posix_spawn_file_actions_t files;
  posix_spawn_file_actions_init(&files);
  posix_spawn_file_actions_addopen(&files, 0, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_addopen(&files, 1, out, O_WRONLY | O_CREAT | O_TRUNC, 0644);
  if (err) posix_spawn_file_actions_addopen(&files, 2, err, O_WRONLY | O_CREAT | O_TRUNC, 0644);
  const int64_t begin = NowNs();
  pid_t child;
  const int failure = posix_spawnp(&child, words[0], &files, NULL, words, environ);
  if (failure) {
    fprintf(stderr, "%s: %s\n", words[0], strerror(failure));
    exit(2);
  }
  int status;
  struct rusage used;
  if (wait4(child, &status, 0, &used) != child) Fail("wait4");
  const int64_t wall_ns = NowNs() - begin;
  posix_spawn_file_actions_destroy(&files);
  const int64_t cpu_us = (int64_t)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) * 1000000 +
                         used.ru_utime.tv_usec + used.ru_stime.tv_usec;
  const int code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  printf("%" PRId64 " %" PRId64 " %ld %d\n", wall_ns, cpu_us, used.ru_maxrss, code);
  return code == 0;
}

int main(int argc, char** argv) {
  long runs = 1;
  size_t touch_mb = 0;
  const char* out = "/dev/null";
  const char* err = NULL;
  int option;
  while ((option = getopt(argc, argv, "+n:t:o:e:")) != -1) {
    switch (option) {
      case 'n':
        runs = atol(optarg);
        break;
      case 't':
        touch_mb = (size_t)atol(optarg);
        break;
      case 'o':
        out = optarg;
        break;
      case 'e':
        err = optarg;
        break;
      default:
        return 2;
    }
  }
  if (optind == argc) {
    fprintf(stderr, "usage: launcher [-n RUNS] [-t MB] [-o FILE] [-e FILE] COMMAND [ARGUMENT…]\n");
    return 2;
  }
  int all_well = 1;
  for (long run = 0; run < runs; ++run) {
    char** words = WithRun(argv + optind, run);
    if (touch_mb) Touch(touch_mb * 1000000);
    all_well &= RunOnce(words, out, err);
  }
  return all_well ? 0 : 1;
}
