"""A small checker of ``#pragma HLS`` lines, which nothing but Vitis reads."""

import re
from collections.abc import Iterator

OPTIONS: dict[str, set[str]] = {
    "ARRAY_PARTITION": {"variable", "type", "dim", "factor"},
    "ARRAY_RESHAPE": {"variable", "type", "dim", "factor"},
    "BIND_STORAGE": {"variable", "type", "impl"},
    "DATAFLOW": set(),
    "DEPENDENCE": {"variable", "type", "direction", "distance", "dependent"},
    "INLINE": set(),
    "INTERFACE": {"mode", "port"},
    "PIPELINE": {"II", "style"},
    "STREAM": {"variable", "depth"},
    "UNROLL": set(),
}
VALUES = {
    ("ARRAY_PARTITION", "type"): {"complete", "cyclic", "block"},
    ("ARRAY_RESHAPE", "type"): {"complete", "cyclic", "block"},
    ("BIND_STORAGE", "type"): {"ram_s2p", "ram_1p", "rom_1p", "rom_2p", "rom_np"},
    ("DEPENDENCE", "type"): {"inter", "intra"},
    ("INTERFACE", "mode"): {"axis", "ap_ctrl_none"},
    ("PIPELINE", "II"): {"1"},
    ("PIPELINE", "style"): {"flp", "frp"},
}
REQUIRED = {
    "ARRAY_PARTITION": {"variable", "type", "dim"},
    "ARRAY_RESHAPE": {"variable", "type", "dim"},
    "BIND_STORAGE": {"variable", "type"},
    "DEPENDENCE": {"variable"},
    "INTERFACE": {"mode", "port"},
    "PIPELINE": {"II", "style"},
    "STREAM": {"variable", "depth"},
}
PRAGMA = re.compile(r"^[ \t]*#pragma HLS (\w+)(.*)$", re.MULTILINE)
STREAM_PARAMETER = re.compile(r"hls::stream<[^&()]*>& (\w+)")


def problems(source: str) -> Iterator[str]:
    """What is wrong with the pragmas of a C++ file, one line each."""
    for match in PRAGMA.finditer(source):
        directive, words = match[1], match[2].split()
        line = match[0].strip()
        if directive not in OPTIONS:
            yield f"unknown directive: {line}"
            continue
        options = dict(word.partition("=")[::2] for word in words)
        if unknown := set(options) - OPTIONS[directive]:
            yield f"unknown option {sorted(unknown)}: {line}"
        if missing := REQUIRED.get(directive, set()) - set(options):
            yield f"missing option {sorted(missing)}: {line}"
        for key, value in options.items():
            if value not in VALUES.get((directive, key), {value}):
                yield f"unknown value {value!r}: {line}"
        names = {options.get("variable"), options.get("port")} - {None, "return"}
        before = _function_before(source, match.start())
        for name in names:
            if not re.search(rf"[&>\w\])] ?\(?&?{name}\b", before):
                yield f"{name!r} is not declared before: {line}"
    yield from _stream_ports(source)


def _function_before(source: str, position: int) -> str:
    """The enclosing function up to `position`; functions end with a brace in column 0."""
    return source[source.rfind("\n}", 0, position) + 2 : position]


def _stream_ports(source: str) -> Iterator[str]:
    """Every stream of a top (a function with a block-level protocol) is an AXI stream."""
    for function in source.split("\n}"):
        if "mode=ap_ctrl_none port=return" not in function:
            continue
        parameters = function[: function.index(") {")].rpartition("void ")[2]
        for name in STREAM_PARAMETER.findall(parameters):
            if f"#pragma HLS INTERFACE mode=axis port={name}\n" not in function:
                yield f"stream port {name!r} has no axis interface"
