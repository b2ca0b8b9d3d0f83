"""Reads C++ just well enough for the layout test: text without comments and strings, includes,
and where functions begin and end. Works on clang-formatted code."""

import re
from dataclasses import dataclass

RAW_STRING = re.compile(r'(?:u8|[uUL])?R"([^()\\\s]{0,16})\(')
CHARACTER = re.compile(r"'(?:[^'\\\n]|\\.[^'\n]*)'")
STRING = re.compile(r'"(?:[^"\\\n]|\\.)*"')


def blanked(text):
    """The same text, its lines and columns kept, with comments, strings and characters blank."""
    out, at = [], 0
    blank = lambda piece: re.sub(r"[^\n]", " ", piece)
    while at < len(text):
        piece = _skipped_piece(text, at)
        if piece:
            out.append(blank(piece))
            at += len(piece)
        else:
            out.append(text[at])
            at += 1
    return "".join(out)


def _skipped_piece(text, at):
    """The comment or literal that begins at `at`, or None."""
    if text.startswith("//", at):
        end = text.find("\n", at)
        return text[at : len(text) if end < 0 else end]
    if text.startswith("/*", at):
        end = text.find("*/", at + 2)
        return text[at : len(text) if end < 0 else end + 2]
    before = text[at - 1] if at else " "
    raw = None if before.isalnum() or before == "_" else RAW_STRING.match(text, at)
    if raw:
        close = ")" + raw.group(1) + '"'
        end = text.find(close, raw.end())
        return text[at : len(text) if end < 0 else end + len(close)]
    if text[at] == '"':
        found = STRING.match(text, at)
        return found.group() if found else '"'
    if text[at] == "'" and not before.isalnum():  # else it separates digits
        found = CHARACTER.match(text, at)
        return found.group() if found else "'"
    return None


def includes(text):
    """[(line number, header, whether in angle brackets)]"""
    found = []
    for number, line in enumerate(text.split("\n"), 1):
        hit = re.match(r'\s*#\s*include\s*([<"])([^>"]+)[>"]', line)
        if hit:
            found.append((number, hit.group(2), hit.group(1) == "<"))
    return found


@dataclass
class Function:
    name: str
    first: int
    last: int

    @property
    def lines(self):
        return self.last - self.first + 1


def functions(text):
    """Every function with a body, lambdas and local classes counted as a part of theirs."""
    code = re.sub(r"(?m)^[ \t]*#(?:.*\\\n)*.*$", lambda m: re.sub(r"[^\n]", " ", m.group()),
                  blanked(text))
    found, scopes = [], []  # of scopes: (kind, head, line of the head)
    head_begin, line_of = 0, _line_finder(code)
    depth = 0  # of parentheses: a { in them begins no body
    for at, char in enumerate(code):
        if char == "(":
            depth += 1
        elif char == ")":
            depth -= 1
        elif char == "{":
            inside = scopes and scopes[-1][0] in ("function", "braces")
            head = code[head_begin:at]
            kind = "braces" if inside or depth > 0 else _kind_of(head)
            begin = head_begin + len(head) - len(head.lstrip())
            scopes.append((kind, head, line_of(begin), depth, head_begin))
            if kind in ("function", "scope"):
                depth = 0
                head_begin = at + 1
        elif char == "}" and scopes:
            kind, head, first, depth, old_begin = scopes.pop()
            if kind == "function":
                found.append(Function(_name_of(head), first, line_of(at)))
            # Behind an initializer the declaration goes on: a(…) : b_{…} { … }
            head_begin = old_begin if kind == "braces" else at + 1
        elif char == ";" and depth == 0:
            head_begin = at + 1
        elif char == ":" and depth == 0 and re.search(
                r"\b(public|private|protected)\s*$", code[head_begin:at]):
            head_begin = at + 1
    return found


def _kind_of(head):
    """What a { behind `head` opens, at namespace or class scope."""
    head = re.sub(r"\[\[.*?\]\]|\balignas\s*\([^)]*\)|__attribute__\s*\(\(.*?\)\)", " ", head,
                  flags=re.S).strip()
    if not head or re.search(r"\bnamespace\b", head) or re.fullmatch(r"extern\s*", head):
        return "scope"
    bare = _without_template(head)
    if re.match(r"(typedef\s+|static\s+|const\s+)*(class|struct|union|enum)\b", bare) and \
            "(" not in re.sub(r"<[^;{}]*>", "", bare):
        return "scope"
    if "(" not in bare and "operator" not in bare:
        return "braces"
    # In a constructor's list the braces behind a name are an initializer, those behind ) or } not.
    if re.search(r"\)\s*(noexcept\s*)?:(?!:)", bare) and re.search(r"[\w>]\s*$", bare) and \
            not re.search(r"\)\s*(const|noexcept|override|final|mutable)\s*$", bare):
        return "braces"
    if re.search(r"=\s*$", bare) and not re.search(r"operator\s*=\s*$", bare):
        return "braces"
    return "function"


def _without_template(head):
    """`head` without template<…> and requires-clauses in front."""
    head = head.lstrip()
    while head.startswith("template"):
        at, depth = head.find("<"), 0
        for at in range(at, len(head)):
            depth += {"<": 1, ">": -1}.get(head[at], 0)
            if depth == 0:
                break
        head = head[at + 1 :].lstrip()
    return head


def _name_of(head):
    head = _without_template(head.strip())
    test = re.match(r"(TEST\w*|BENCHMARK\w*)\s*\(([^)]*)\)", head)
    if test:
        return ".".join(part.strip() for part in test.group(2).split(","))
    found = re.search(r"(operator\s*(?:\(\)|[^\s(]+)|[~\w:]+)\s*\(", head)
    return found.group(1) if found else head.split("\n")[0][:60]


def _line_finder(text):
    import bisect

    starts = [0] + [hit.end() for hit in re.finditer("\n", text)]
    return lambda at: bisect.bisect_right(starts, at)
