"""A checker of ``#pragma HLS`` lines, which no compiler but Vitis reads: run over every project that is generated.

It knows the directives that our templates use, no more, and how they are formatted: a function ends with a brace in
column 0, a pragma has a line of its own and comes first in its block.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class Directive:
    """options: name -> pattern of its values; those in `optional` may be missing. first: must come first in a block."""

    options: dict[str, str] = field(default_factory=dict)
    optional: frozenset[str] = frozenset()
    first: bool = False


_NAME = r"[A-Za-z_]\w*"
_NUMBER = rf"[1-9]\d*|(?:\w+::)*{_NAME}"  # positive, or a constant
_ARRAY = Directive(
    {"variable": _NAME, "type": "complete|cyclic|block", "dim": r"\d", "factor": _NUMBER}, frozenset({"factor"})
)
DIRECTIVES = {
    "ARRAY_PARTITION": _ARRAY,
    "ARRAY_RESHAPE": _ARRAY,
    "BIND_STORAGE": Directive(
        {"variable": _NAME, "type": "ram_(1p|s2p|t2p)|rom_(1p|2p|np)|fifo", "impl": "lutram|bram|uram|srl"},
        frozenset({"impl"}),
    ),
    "DATAFLOW": Directive(),
    "DEPENDENCE": Directive(
        {
            "variable": _NAME,
            "type": "inter|intra",
            "direction": "RAW|WAR|WAW",
            "distance": _NUMBER,
            "dependent": "true|false",
        },
        frozenset({"direction", "distance"}),
    ),
    "INLINE": Directive(first=True),
    "INTERFACE": Directive({"mode": "axis|ap_ctrl_none", "port": _NAME}, first=True),
    "PIPELINE": Directive({"II": _NUMBER, "style": "flp|frp"}, first=True),
    "STREAM": Directive({"variable": _NAME, "depth": r"[1-9]\d*"}),
    "UNROLL": Directive(first=True),
}

_PRAGMA = re.compile(r"^[ \t]*#[ \t]*pragma\b[ \t]*(.*)$", re.MULTILINE)
_COMMENT = re.compile(r"//.*$", re.MULTILINE)
_STREAM_PARAMETER = re.compile(r"hls::stream<[^&()]*>& (\w+)")
_TYPE_BEFORE = re.compile(r"(?:\w(?<!return)(?<!else)|\S>)&?\s+(?:\(&)?$")
_LOCAL_STREAM = re.compile(r"^ *hls::stream<[^&()]*> (\w+)[(;]", re.MULTILINE)


class PragmaError(RuntimeError):
    """Generated C++ with a bad pragma: an error in our templates."""


def check(folder: Path, tops: Mapping[str, str]) -> None:
    """Check every C++ file below `folder`; tops: file -> its function that is a top. Raises PragmaError."""
    for path in sorted(p for p in folder.rglob("*.[ch]pp") if "build" not in p.relative_to(folder).parts):
        name, source = str(path.relative_to(folder)), path.read_text()
        if name in tops or re.search(r"pragma\s+(?!once\b)", source):
            for problem in problems(source, tops.get(name, "")):
                raise PragmaError(f"{name}: {problem}")


def problems(source: str, top: str = "") -> Iterator[str]:
    """What is wrong with the pragmas of a C++ file, and with its function `top` as a top: one line each."""
    source = _COMMENT.sub("", source)
    for match in _PRAGMA.finditer(source):
        line = " ".join(match[0].split())
        if match[1].strip() != "once":
            for problem in _of_line(line, source[: match.start()]):
                yield f"{problem}: {line}"
    for function in source.split("\n}"):
        if "#pragma HLS DATAFLOW" in function:
            for name in _LOCAL_STREAM.findall(function):
                if not re.search(rf"^#pragma HLS STREAM variable={name} ", function, re.MULTILINE):
                    yield f"stream {name!r} has no depth"
    if top:
        yield from _of_top(top, source)


def _of_line(line: str, before: str) -> Iterator[str]:
    """One pragma; `before`: the file above it."""
    match = re.fullmatch(r"#pragma HLS (\w+)(.*)", line)
    directive = DIRECTIVES.get(match[1]) if match else None
    if match is None or directive is None:
        yield "unknown directive"
        return
    words = match[2].split()
    options = dict(word.partition("=")[::2] for word in words)
    if len(options) < len(words):
        yield "an option twice"
    if unknown := options.keys() - directive.options.keys():
        yield f"unknown option {min(unknown)!r}"
    if lacking := directive.options.keys() - options.keys() - directive.optional:
        yield f"missing option {min(lacking)!r}"
    for key, value in options.items():
        if key in directive.options and not re.fullmatch(directive.options[key], value):
            yield f"unknown value {value!r} of {key!r}"
    function = before[before.rfind("\n}") + 2 :]
    declared = {"variable": function, "port": function.partition("{")[0]}
    for key, text in declared.items():
        if (wanted := options.get(key, "return")) != "return" and not _declares(text, wanted):
            yield f"{key} {wanted!r} is not declared before"
    if directive.first:
        code = [text for text in function.splitlines() if text.strip() and not _PRAGMA.match(text)]
        if not (code and code[-1].endswith("{")):
            yield "not at the beginning of a block"


def _declares(text: str, name: str) -> bool:
    """Whether `text` declares `name`: behind a type comes the name, perhaps as an array, a reference, or both."""
    places = re.finditer(rf"{re.escape(name)}\)?\s*[\[;,)=(]", text)
    return any(_TYPE_BEFORE.search(text, max(0, place.start() - 80), place.start()) for place in places)


def _of_top(top: str, source: str) -> Iterator[str]:
    """A top is free-running and all its streams are AXI streams."""
    found = re.search(rf"^void {top}\(\n(.*?)\) {{\n(.*?)^}}", source, re.MULTILINE | re.DOTALL)
    if not found:
        yield f"no top {top!r}"
        return
    parameters, body = found.groups()
    if "#pragma HLS INTERFACE mode=ap_ctrl_none port=return\n" not in body:
        yield f"top {top!r} is not free-running (ap_ctrl_none)"
    for name in _STREAM_PARAMETER.findall(parameters):
        if f"#pragma HLS INTERFACE mode=axis port={name}\n" not in body:
            yield f"stream port {name!r} of top {top!r} has no axis interface"
