"""Names and comments in generated code: identifiers are ours and checked, model text only ever reaches a comment."""

import re

from hwsv.errors import InputError

_IDENTIFIER = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")
_UNSAFE = re.compile(r"[^A-Za-z0-9 _./:,;\[\]()+-]")
MAX_COMMENT = 90

# C++, SystemVerilog and Tcl words that would otherwise be legal identifiers, and the ports of every top.
_RESERVED_WORDS = """
accept_on alias alignas always always_comb always_ff always_latch and asm assert assign assume auto automatic before
begin bind bins binsof bit bitor bool break buf bufif0 bufif1 byte case casex casez cell chandle char checker class
clocking cmos compl config const constexpr constraint context continue cover covergroup coverpoint cross deassign
default defparam delete design disable dist do double edge else embedding end endcase endchecker endclass endclocking
endconfig endfunction endgenerate endgroup endinterface endmodule endpackage endprimitive endprogram endproperty
endsequence endspecify endtable endtask enum event eventually expect explicit export extends extern false features final
first_match float for force foreach forever fork forkjoin friend function generate genvar global goto highz0 highz1 hls
hwsv if iff ifnone ignore_bins illegal_bins implements implies import incdir include initial inline inout input inside
instance int integer interconnect interface intersect join join_any join_none large length let liblist library local
localparam logic long longint macromodule main matches medium modport module mutable namespace nand negedge nettype new
nexttime nmos noexcept nor noshowcancelled not notif0 notif1 null operator or output package packed parameter pmos
posedge primitive priority private process program property protected public pull0 pull1 pulldown pullup
pulsestyle_ondetect pulsestyle_onevent pure rand randc randcase randsequence rcmos real realtime ref reg register
reject_on release repeat restrict return rnmos rpmos rtran rtranif0 rtranif1 scalared sequence short shortint shortreal
showcancelled signed sizeof small soft solve specify specparam static std string strong strong0 strong1 struct super
supply0 supply1 switch sync_accept_on sync_reject_on table tagged task template this throughout throw time timeprecision
timeunit tran tranif0 tranif1 tri tri0 tri1 triand trior trireg true try type typedef typename union unique unique0
unsigned until until_with untyped use using uwire var vectored virtual void volatile wait wait_order wand weak weak0
weak1 while wildcard wire with within wor xnor xor
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
