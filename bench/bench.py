"""Measures minke against hand-tuned programs for one workload each.

Per workload: the input is read once, both programs run once and their answers are compared, then
they run in turn. Prints a line per workload to standard output, writes RESULTS.md, and ends with 1
if a *must* is missed or an answer is wrong.
"""

import argparse
import os
import sys
import tempfile

import cluster
import corpus
import measure
import programs
import results
from rows import ROWS

EXAMPLES = """examples:
  ./dev bench                            everything; half an hour
  ./dev bench --list                     what there is, and its limits
  ./dev bench sort wordcount-linux       rows whose names begin so
  ./dev bench --pairs 9 grep-linux-1g    more pairs, where the machine is noisy
  ./dev bench --cluster                  jobs on Kafka and Cassandra, five minutes
"""


def say(text):
    print(text, file=sys.stderr, flush=True)


def parse(words):
    parser = argparse.ArgumentParser(prog="./dev bench", description=__doc__, epilog=EXAMPLES,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME",
                        help="a workload or how its name begins; all if none is named")
    parser.add_argument("--list", action="store_true", help="print the workloads and their limits")
    parser.add_argument("--cluster", action="store_true",
                        help="measure jobs on a real Kafka and Cassandra; writes CLUSTER.md")
    parser.add_argument("--pairs", type=int, default=5, metavar="N",
                        help="pairs per workload, at least 5 (%(default)s)")
    parser.add_argument("--results", metavar="FILE",
                        help="where to write the table (bench/RESULTS.md, bench/CLUSTER.md)")
    parser.add_argument("--scratch", default="/dev/shm", metavar="FOLDER",
                        help="where outputs go, a tmpfs (%(default)s)")
    parser.add_argument("--touch", type=int, default=2000, metavar="MB",
                        help="memory to touch before the first runs; later ones touch what these "
                             "needed (%(default)s)")
    programs.add_data_flag(parser)
    chosen = parser.parse_args(words)
    if chosen.pairs < 5:
        parser.error("fewer than 5 pairs say nothing")
    if chosen.results is None:
        name = "CLUSTER.md" if chosen.cluster else "RESULTS.md"
        chosen.results = os.path.join(programs.HERE, name)
    return parser, chosen


def choose(parser, rows, names):
    for name in names:
        if not any(row.name.startswith(name) for row in rows):
            parser.error(f"no workload's name begins with '{name}'; --list prints them")
    return [row for row in rows if not names or row.name.startswith(tuple(names))]


def print_list(rows):
    for row in rows:
        limits = ", ".join(f"{results.KINDS[kind][0]} must {must:g} aim {aim:g}"
                           for kind, (must, aim) in row.limits.items())
        print(f"{row.name:26} {row.summary}\n{'':26} {limits}")


def use_two_cpus():
    """Both programs of a pair get the same two, whatever the machine has."""
    cpus = sorted(os.sched_getaffinity(0))
    if len(cpus) < 2:
        say("warning: there is one CPU only; the limits are for two")
    os.sched_setaffinity(0, cpus[:2])


def inputs_of(rows, folder, scratch):
    """{corpus: path}, read once, so that they lie in the page cache."""
    names = list(dict.fromkeys(row.corpus for row in rows if row.corpus))
    paths = corpus.make(names, folder)
    for name, path in paths.items():
        say(f"read {path}")
        if not corpus.is_as_recorded(name, path):
            say(f"warning: {path} differs from what the recorded figures were measured with")
    paths[""] = os.path.join(scratch, "empty")
    with open(paths[""], "wb"):
        return paths


def run(rows, chosen):
    """Measures the rows and writes the table; returns what is not good enough."""
    faults, measured = [], {}
    commit = results.commit_text()
    with tempfile.TemporaryDirectory(dir=chosen.scratch, prefix="minke-bench-") as scratch:
        inputs = inputs_of(rows, chosen.data, scratch)
        for row in rows:
            try:
                found = measure.measure(row, inputs[row.corpus], scratch, chosen, say)
            except measure.WrongAnswer as wrong:
                faults.append(f"{row.name}: {wrong}")
                continue
            fields = results.fields_of(row, found, commit)
            measured[row.name] = fields
            print(results.line_of(fields), flush=True)
            faults += results.missed(row, fields)
    return measured, faults


def run_cluster(chosen):
    """The same for what is measured on a cluster; also says which rows there are."""
    paths = corpus.make(["docs-1g", "linux-1g"], chosen.data)
    with cluster.cluster_with(paths, say) as one:
        rows = cluster.word_counts(one.flags)
        measured, faults = run(rows, chosen)
        counted = cluster.measure_counted(one)
    for row in cluster.COUNTED:
        faults += results.missed(row, counted[row.name])
    return rows + cluster.COUNTED, {**measured, **counted}, faults


def main(words, rows):
    parser, chosen = parse(words)
    if chosen.cluster:
        use_two_cpus()
        rows, measured, faults = run_cluster(chosen)
        return end(chosen, rows, measured, faults, results.CLUSTER)
    picked = choose(parser, rows, chosen.names)
    if chosen.list:
        print_list(picked)
        return 0
    use_two_cpus()
    measured, faults = run(picked, chosen)
    return end(chosen, rows, measured, faults, results.ENGINE)


def end(chosen, rows, measured, faults, about):
    results.write(chosen.results, rows, measured, about)
    say(f"wrote {chosen.results}")
    for fault in faults:
        say(f"missed: {fault}")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], ROWS))
