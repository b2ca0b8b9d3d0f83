"""What each job's output must be, computed the slow and plain way.

An oracle returns the output in global order, as [(key, bytes of all its lines)].
"""

import re
from collections import Counter, defaultdict


def lines_of(data):
    """Lines end at LF, one CR before it is dropped, the last may lack it."""
    pieces = data.split(b"\n")
    last = pieces.pop()
    found = [piece[:-1] if piece.endswith(b"\r") else piece for piece in pieces]
    return found + [last] if last else found


def line(key, value=b""):
    """A record as text: an empty key or value goes without the tab."""
    return (key + b"\t" + value if key and value else key or value) + b"\n"


def counted(keys):
    counts = Counter(keys)
    return [(key, line(key, b"%d" % counts[key])) for key in sorted(counts)]


def wordcount(files):
    return counted(word for _, data in files for word in data.split())


def distinct(files):
    return [(key, line(key)) for key in sorted({l for _, data in files for l in lines_of(data)})]


def grep(files, matches):
    return [(None, l + b"\n") for _, data in files for l in lines_of(data) if matches(l)]


LOG_LINE = re.compile(
    rb'[^ ]+ [^ ]+ [^ ]+ \[[^\]]*\] "((?:[^"\\]|\\.)*)" [0-9]{3} (?:-|[0-9]+)(?: .*)?', re.S)
REQUEST = re.compile(rb"[^ ]+ ([^ ]+)(?: [^ ]+)?")


def log_target(text):
    """The request target of a log line, or None where it is malformed."""
    found = LOG_LINE.fullmatch(text)
    request = REQUEST.fullmatch(found.group(1)) if found else None
    return request.group(1) if request else None


def url_frequency(files):
    targets = [log_target(l) for _, data in files for l in lines_of(data)]
    return counted(target for target in targets if target is not None)


def listed(pairs):
    """For (key, item): the key with its items, sorted, each once."""
    items = defaultdict(set)
    for key, item in pairs:
        items[key].add(item)
    return [(key, line(key, b" ".join(sorted(items[key])))) for key in sorted(items)]


def reverse_links(files):
    pairs = []
    for _, data in files:
        for words in (l.split() for l in lines_of(data)):
            pairs += [(target, words[0]) for target in words[1:]]
    return listed(pairs)


def inverted_index(files):
    return listed((word, path.encode()) for path, data in files for word in data.split())


def host_of(url):
    rest = url.split(b"://", 1)[-1]
    authority = re.split(rb"[/?#]", rest, maxsplit=1)[0]
    return authority.rsplit(b"@", 1)[-1].split(b":")[0]


def term_vector(files, top=10):
    counts = defaultdict(Counter)
    for _, data in files:
        for text in lines_of(data):
            url, tab, page = text.partition(b"\t")
            if tab:
                counts[host_of(url)].update(page.split())
    found = []
    for host in sorted(counts):
        best = sorted(counts[host].items(), key=lambda one: (-one[1], one[0]))[:top]
        if best:
            found.append((host, line(host, b" ".join(b"%s:%d" % one for one in best))))
    return found


def sort_lines(files, field=0):
    def key_of(text):
        words = text.split()
        return text if field == 0 else words[field - 1] if len(words) >= field else b""

    all_lines = [l for _, data in files for l in lines_of(data)]
    return [(None, l + b"\n") for l in sorted(all_lines, key=key_of)]


def sort_records(files, record_bytes, key_bytes):
    data = b"".join(data for _, data in files)
    records = [data[at : at + record_bytes] for at in range(0, len(data), record_bytes)]
    return [(None, record) for record in sorted(records, key=lambda record: record[:key_bytes])]


def join(left_files, right_files):
    sides = []
    for files in (left_files, right_files):
        values = defaultdict(list)
        for _, data in files:
            for text in lines_of(data):
                key, _, value = text.partition(b"\t")
                values[key].append(value)
        sides.append(values)
    left, right = sides
    return [(key, b"".join(line(key, l + b"\t" + r) for l in left[key] for r in right[key]))
            for key in sorted(left.keys() & right.keys())]


def top_k(files, k=10):
    sums = Counter()
    for _, data in files:
        for text in lines_of(data):
            key, tab, number = text.partition(b"\t")
            if tab and re.fullmatch(rb"-?[0-9]+", number) and -(2**63) <= int(number) < 2**63:
                sums[key] += int(number)
    best = sorted(sums.items(), key=lambda one: (-one[1], one[0]))[:k]
    return [(None, line(key, b"%d" % total)) for key, total in best]
