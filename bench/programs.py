"""The programs that the benchmarks run: where they are, and how each is built when first needed."""

import argparse
import functools
import os
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(HERE)
BUILD = os.environ.get("MINKE_BENCH_BUILD", os.path.join(ROOT, "build"))
WORK = os.path.join(BUILD, "bench")
YARDSTICKS = os.path.join(HERE, "yardsticks")

# As the word count yardstick is built.
RIVALS_COMPILER = ["g++", "-O3", "-march=x86-64-v3", "-std=c++20", "-pthread"]
RIVALS = ("prefixes", "hosts")

DATA = os.environ.get("MINKE_BENCH_DATA", os.path.join(WORK, "corpora"))


def add_data_flag(parser: argparse.ArgumentParser):
    parser.add_argument("--data", default=DATA, metavar="FOLDER",
                        help="where the corpora lie or are made, 4 GB "
                             "(MINKE_BENCH_DATA; %(default)s)")


def path(name):
    """Builds the program if need be, and returns where it is."""
    if name == "minke":
        return os.path.join(BUILD, "bin", "minke")
    if name in ("rg", "true"):
        return name
    return _build(name)


@functools.cache
def _build(name):
    os.makedirs(WORK, exist_ok=True)
    target = os.path.join(WORK, name)
    if name.endswith(".so"):
        return _job_file(name)
    if name == "launcher":
        return _compile(["gcc", "-O2"], [os.path.join(HERE, "launcher.c")], target)
    if name == "log_lines":
        return _compile(["g++", "-O2", "-std=c++20"], [os.path.join(HERE, "log_lines.cc")], target)
    if name in RIVALS:
        sources = [os.path.join(HERE, "rivals", stem + ".cc")
                   for stem in (name, "input", "key_table", "output")]
        return _compile(RIVALS_COMPILER, sources, target)
    yardstick = os.path.join(YARDSTICKS, name + ".cpp")
    if os.path.exists(yardstick):
        return _compile(_line_of(yardstick), [yardstick], target)
    raise KeyError(f"no program is called {name}")


def _line_of(source):
    """The compiler and the flags that a yardstick's own first lines give."""
    with open(source, encoding="utf-8") as file:
        line = next(line for line in file if line.startswith("//   g++ "))
    words = line.split("&&")[0].split()[1:]
    return [word for word in words[:words.index("-o")] if not word.endswith(".cpp")]


def _compile(command, sources, target):
    """Unless it was built by the same command from files that have not changed since."""
    made_by = " ".join([*command, *sources])
    beside = [os.path.join(folder, name) for folder in {os.path.dirname(one) for one in sources}
              for name in os.listdir(folder)]
    newest = max(os.path.getmtime(one) for one in beside)
    note = target + ".made-by"
    if os.path.exists(target) and os.path.exists(note) and os.path.getmtime(note) > newest:
        with open(note, encoding="utf-8") as file:
            if file.read() == made_by:
                return target
    _run([*command, *sources, "-o", target])
    with open(note, "w", encoding="utf-8") as file:
        file.write(made_by)
    return target


def _job_file(name):
    """examples/ and bench/jobs are outside projects: they see an installed minke only."""
    prefix = os.path.join(WORK, "prefix")
    _install(prefix)
    folder = "examples/wordcount" if name == "wordcount.so" else "bench/jobs"
    made_in = os.path.join(WORK, folder)
    _run(["cmake", "-S", os.path.join(ROOT, folder), "-B", made_in, "-G", "Ninja",
          f"-DCMAKE_PREFIX_PATH={prefix}", "-DCMAKE_BUILD_TYPE=Release"])
    _run(["cmake", "--build", made_in, "--target", name.removesuffix(".so") + "_job"])
    return os.path.join(made_in, name)


@functools.cache
def _install(prefix):
    _run(["cmake", "--build", BUILD, "--target", "minke", "minke_main"])
    _run(["cmake", "--install", BUILD, "--prefix", prefix, "--component", "sdk"])


def _run(command):
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if done.returncode != 0:
        sys.exit(f"bench: this ended with {done.returncode}: {' '.join(command)}\n{done.stdout}")
