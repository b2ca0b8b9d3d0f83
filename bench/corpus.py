"""The texts that the benchmarks read: byte for byte the same on every machine.

    python3 bench/corpus.py [--data FOLDER] [NAME…]       makes those that are missing

Text is the source of Linux as Debian's package linux-source-6.1 holds it; it comes by
`apt-get download`, which needs no root, or from the file that LINUX_SOURCE_DEB names. Records and
log lines come from seeded generators.
"""

import argparse
import hashlib
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass

import programs

SOURCE_PACKAGE = "linux-source-6.1"
SOURCE_VERSION = "6.1.192-2"
SOURCE_TAR = "./usr/src/linux-source-6.1.tar.xz"

# Printable ASCII and white space stay, any other byte becomes '?'.
TO_ASCII = bytes(b if 32 <= b < 127 or 9 <= b <= 13 else ord("?") for b in range(256))


@dataclass(frozen=True)
class Corpus:
    name: str
    summary: str
    sha256: str
    # Of Linux: which files ("docs" or "all"), every how-manieth, at most how many bytes, how often.
    text: tuple = ()
    # Else: the generator's name in programs.py and its arguments before the file's name.
    generator: tuple = ()

    @property
    def file_name(self):
        return self.name + ".txt"


CORPORA = {corpus.name: corpus for corpus in [
    Corpus("docs-1g", "Linux' Documentation/ 24 times: close to prose",
           "544f566a2c6ac74a7e2ff45da18b091cdfb380336fb60be7c9dffcb4d1cd3862",
           text=("docs", 1, 10**9, 24)),
    Corpus("linux-1g", "Linux, Documentation/ first: 9 M different words",
           "00a3f03cbbcca377c32e61296627afed474dd1fe0e8e594f4e0b1f8bad1473c8",
           text=("all", 1, 10**9, 1)),
    Corpus("linux-200m", "every fifth file of Linux",
           "e64879c7341d5bae7694ba9a1aacf457b1ca5ae94bf01bd85fe637baf037fc10",
           text=("all", 5, 2 * 10**8, 1)),
    Corpus("tera-1g", "10 M records of 100 bytes, 10 of them a random printable key",
           "d21b06387ebf479047be1517952bb441841c38d3d8bf9c980b37efbdc362ba5e",
           generator=("gensort_txt", "10000000")),
    Corpus("logs-1g", "10.6 M lines in the Common Log Format, of a million hosts",
           "ce1e48ed305c75343eb0300a8ba106221439bd8d73f3d5a2247d2c21b4759e5c",
           generator=("log_lines", "1000000000")),
]}


def say(text):
    print(text, file=sys.stderr, flush=True)


def make(names, folder):
    """Makes those of `names` whose file is not in `folder`; returns {name: path}."""
    os.makedirs(folder, exist_ok=True)
    paths = {name: os.path.join(folder, CORPORA[name].file_name) for name in names}
    missing = [CORPORA[name] for name in names if not os.path.exists(paths[name])]
    texts = [corpus for corpus in missing if corpus.text]
    if texts:
        with tempfile.TemporaryDirectory(dir=folder, prefix=".corpus-") as work:
            _make_texts(texts, work, folder)
    for corpus in missing:
        if corpus.generator:
            say(f"make {paths[corpus.name]}: {corpus.summary}")
            generator, *arguments = corpus.generator
            aside = paths[corpus.name] + ".part"
            subprocess.run([programs.path(generator), *arguments, aside], check=True)
            os.rename(aside, paths[corpus.name])
    return paths


def is_as_recorded(name, path):
    """Whether the file holds the bytes that our figures were measured with. Reads all of it."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest() == CORPORA[name].sha256


# ---- Linux -------------------------------------------------------------------------------------


def _make_texts(corpora, work, folder):
    root = _unpack_source(_fetch_package(work), work)
    files = sorted(os.path.join(where, name) for where, _, names in os.walk(root)
                   for name in names if not os.path.islink(os.path.join(where, name)))
    docs_folder = os.path.join(root, "Documentation") + os.sep
    docs = [path for path in files if path.startswith(docs_folder)]
    others = [path for path in files if not path.startswith(docs_folder)]
    for corpus in corpora:
        say(f"make {os.path.join(folder, corpus.file_name)}: {corpus.summary}")
        which, every, limit, times = corpus.text
        chosen = (docs if which == "docs" else docs + others)[::every]
        text = bytes(_joined(chosen, limit))
        aside = os.path.join(work, corpus.file_name)
        with open(aside, "wb") as out:
            for _ in range(times):
                out.write(text)
        os.rename(aside, os.path.join(folder, corpus.file_name))


def _fetch_package(work):
    given = os.environ.get("LINUX_SOURCE_DEB")
    if given:
        return os.path.abspath(given)
    say(f"download Debian's package {SOURCE_PACKAGE}, 140 MB")
    for wanted in (f"{SOURCE_PACKAGE}={SOURCE_VERSION}", SOURCE_PACKAGE):
        if subprocess.run(["apt-get", "download", "-qq", "-o", "APT::Sandbox::User=root", wanted],
                          cwd=work).returncode == 0:
            [name] = [name for name in os.listdir(work) if name.endswith(".deb")]
            return os.path.join(work, name)
    sys.exit(f"bench: apt-get could not download {SOURCE_PACKAGE}; give one that is already here "
             "by LINUX_SOURCE_DEB=FILE")


def _unpack_source(package, work):
    """Unpacks the tree and returns its folder."""
    say("unpack it, 1.3 GB")
    steps = [["dpkg-deb", "--fsys-tarfile", package],
             ["tar", "-xO", "-f", "-", SOURCE_TAR],
             ["xz", "-dc", "-T0"],
             ["tar", "-x", "-C", work]]
    processes, output = [], None
    for step in steps:
        is_last = step is steps[-1]
        processes.append(subprocess.Popen(step, stdin=output,
                                          stdout=None if is_last else subprocess.PIPE))
        if output:
            output.close()
        output = processes[-1].stdout
    codes = [process.wait() for process in processes]
    if any(codes):
        sys.exit(f"bench: {package} could not be unpacked")
    [root] = [name for name in os.listdir(work) if os.path.isdir(os.path.join(work, name))]
    return os.path.join(work, root)


def _joined(paths, limit):
    """The texts among the files, one behind the other, to the last whole line within the limit."""
    text = bytearray()
    for path in paths:
        with open(path, "rb") as file:
            part = file.read()
        if b"\0" in part:
            continue
        text += part.translate(TO_ASCII)
        if part and not part.endswith(b"\n"):
            text += b"\n"
        if len(text) > limit:
            del text[text.rindex(b"\n", 0, limit) + 1:]
            break
    return text


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    programs.add_data_flag(parser)
    parser.add_argument("names", nargs="*", metavar="NAME", choices=[*CORPORA, []],
                        help=f"which: {', '.join(CORPORA)}; all if none is named")
    chosen = parser.parse_args()
    for name, path in make(chosen.names or list(CORPORA), chosen.data).items():
        print(f"{path}  {'as recorded' if is_as_recorded(name, path) else 'differs'}")


if __name__ == "__main__":
    main()
