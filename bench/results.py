"""What was measured, as lines and as bench/RESULTS.md; and whether it is good enough."""

import datetime
import os
import platform
import re
import subprocess

import programs

KINDS = {
    "wall": ("wall, ÷ yardstick", "ratio"),
    "cpu": ("CPU seconds, ÷ yardstick", "cpu_ratio"),
    "peak": ("peak memory, ÷ yardstick", "peak_ratio"),
    "peak_mb": ("peak memory, MB", "peak_mb"),
    "engine_ms": ("start to exit, ms", "engine_s"),
    "value": ("", "value"),  # the row's own summary says what
}


def fields_of(row, measured, commit):
    """What a row's line holds, in order."""
    walls, cpus = measured.ratios("wall_s"), measured.ratios("cpu_s")
    digits = 3 if row.repeat == 1 else 5
    return {
        "bench": row.name,
        "ratio": f"{measured.ratio('wall_s'):.3f}",
        "cpu_ratio": f"{measured.ratio('cpu_s'):.3f}",
        "engine_s": f"{measured.median('engine', 'wall_s'):.{digits}f}",
        "yardstick_s": f"{measured.median('yardstick', 'wall_s'):.{digits}f}",
        "peak_mb": f"{measured.most('engine', 'peak_mb'):.1f}",
        "yardstick_peak_mb": f"{measured.most('yardstick', 'peak_mb'):.1f}",
        "peak_ratio": f"{measured.ratio('peak_mb'):.3f}",
        "ratios": f"{min(walls):.3f}..{max(walls):.3f}",
        "cpu_ratios": f"{min(cpus):.3f}..{max(cpus):.3f}",
        "engine_cpu_s": f"{measured.median('engine', 'cpu_s'):.{digits}f}",
        "yardstick_cpu_s": f"{measured.median('yardstick', 'cpu_s'):.{digits}f}",
        "pairs": str(len(measured.pairs)),
        "commit": commit,
    }


def line_of(fields):
    return " ".join(f"{name}={value}" for name, value in fields.items())


def figures_of(row, fields):
    """(what, must, aim, measured, verdict) of each limit of the row."""
    figures = []
    for kind, (must, aim) in row.limits.items():
        what, field = KINDS[kind]
        what = what or row.summary
        measured = float(fields[field]) * (1000 if kind == "engine_ms" else 1)
        verdict = "aim" if measured <= aim else "must" if measured <= must else "**missed**"
        figures.append((what, must, aim, measured, verdict))
    return figures


def missed(row, fields):
    return [f"{row.name}: {what} is {measured:.3f}, must be at most {must}"
            for what, must, _, measured, verdict in figures_of(row, fields)
            if verdict == "**missed**"]


# ---- RESULTS.md --------------------------------------------------------------------------------


ENGINE = ("Written by `./dev bench`: the engine divided by hand-tuned programs for one workload "
          "each, in\nalternating pairs; medians of the pairs' ratios. README.md says how.")
CLUSTER = ("Written by `./dev bench --cluster`: jobs on a real Kafka and a real Cassandra on this "
           "machine, divided\nby the same on one machine without them, in alternating pairs; and "
           "what they cost. README.md says how.")


def write(path, rows, measured, about=ENGINE):
    """Writes the file. Rows not measured now keep what it said, if that was on this machine."""
    machine = machine_text()
    known = {**_known(path, machine), **measured}
    lines = ["# Results", "", about, "",
             f"Machine: {machine}", "",
             f"Date: {datetime.datetime.now(datetime.UTC):%Y-%m-%d %H:%M} UTC", "",
             "| workload | figure | must | aim | measured | met | commit |",
             "| --- | --- | --- | --- | --- | --- | --- |"]
    for row in rows:
        fields = known.get(row.name)
        if fields is None:
            lines.append(f"| {row.name} | not measured | | | | | |")
            continue
        for what, must, aim, value, verdict in figures_of(row, fields):
            lines.append(f"| {row.name} | {what} | {must:g} | {aim:g} | {value:.2f} | {verdict} "
                         f"| {fields['commit']} |")
    lines += ["", "```text",
              *(line_of(known[row.name]) for row in rows if row.name in known), "```", ""]
    with open(path, "w", encoding="utf-8") as file:
        file.write("\n".join(lines))


def _known(path, machine):
    """The lines that an earlier run on this machine left: {row's name: fields}."""
    if not os.path.exists(path):
        return {}
    with open(path, encoding="utf-8") as file:
        text = file.read()
    if f"Machine: {machine}\n" not in text:
        return {}
    lines = re.findall(r"^bench=.*$", text, re.MULTILINE)
    found = [dict(word.split("=", 1) for word in line.split()) for line in lines]
    return {fields["bench"]: fields for fields in found}


def machine_text():
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        model = next((line.split(":", 1)[1].strip() for line in file
                      if line.startswith("model name")), platform.machine())
    memory_gb = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9
    compiler = _first_line(["g++", "--version"])
    return (f"{model}, {os.cpu_count()} CPUs, {memory_gb:.0f} GB, Linux {platform.release()}, "
            f"{compiler}")


def commit_text():
    """The commit measured, with a + if the tree differs from it."""
    commit = _first_line(["git", "-C", programs.ROOT, "rev-parse", "--short=10", "HEAD"])
    changed = _first_line(["git", "-C", programs.ROOT, "status", "--porcelain",
                           "--untracked-files=no", "--", ":!bench/RESULTS.md"])
    return (commit or "unknown") + ("+" if changed else "")


def _first_line(command):
    try:
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    except FileNotFoundError:
        return ""
    return done.stdout.partition("\n")[0]
