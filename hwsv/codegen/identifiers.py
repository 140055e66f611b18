"""Names and comments in generated code: identifiers are ours and checked, model text only ever reaches a comment."""

import re

from hwsv.errors import InputError

_IDENTIFIER = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")
_UNSAFE = re.compile(r"[^A-Za-z0-9 _./:,;\[\]()+-]")
MAX_COMMENT = 90

# C++, SystemVerilog and Tcl words that would otherwise be legal identifiers, and the ports of every top.
_RESERVED_WORDS = """
alignas and asm assign auto begin bit bitor bool break buf byte case cell char class cmos compl config const
constexpr continue cover default delete do double else end enum event explicit export extern false final float for
force fork friend function goto if import initial inline inout input int integer interface join local logic long
main module mutable namespace nand new noexcept nor not operator or output package parameter private process program
property protected public pure real reg register release return sequence short signed sizeof static std string
struct switch table task template this throw time true try type typedef typename union unsigned using var virtual
void volatile wait while wire with xnor xor length features embedding hls hwsv
"""
RESERVED = frozenset(_RESERVED_WORDS.split())


def identifier(name: str) -> str:
    """`name`, which must be one of our identifiers (``conv3_mvtu``). Raises InputError otherwise."""
    if len(name) > 80 or not _IDENTIFIER.fullmatch(name) or name in RESERVED:
        raise InputError(f"{name!r} cannot be an identifier in generated code; compile the design again")
    return name


def design_identifier(name: str) -> str:
    """The identifier of a design: ``resnet18-c16`` -> ``resnet18_c16``."""
    made = "_".join(re.findall(r"[a-z0-9]+", name.lower()))[:60].strip("_")
    return identifier(made if made[:1].isalpha() and made not in RESERVED else f"net_{made}".strip("_"))


def comment(text: str) -> str:
    """Untrusted text for a one-line comment in any generated language: one line, no character with a meaning."""
    safe = " ".join(_UNSAFE.sub("_", text).split())
    return safe if len(safe) <= MAX_COMMENT else safe[: MAX_COMMENT - 3] + "..."
