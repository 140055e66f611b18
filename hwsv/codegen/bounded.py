"""The bounded C simulation of a generated top: the same text, with FIFO depths and processes made visible to C++.

To a C++ compiler a dataflow region is a sequence of calls and its ``#pragma HLS STREAM`` lines are nothing. Here each
pragma becomes the statement that sets the stand-in's depth and each call a process on a fibre of its own
(``hls_templates/csim/fibres.hpp``), so that what runs is what Vitis would be given, depths included.
"""

import re

from hwsv.errors import InputError

DEFAULT_DEPTH = 2
"""Words of a stream without a pragma: what Vitis gives it."""

_STREAM = re.compile(r'^  hls::stream<.*> (\w+)\("\1"\);$', re.MULTILINE)
_DEPTH = re.compile(r"^#pragma HLS STREAM variable=(\w+) depth=(\d+)$", re.MULTILINE)
_CALL = re.compile(r"^  (?:(distribute_lengths)|hwsv::\w+<config::(\w+)>)\([^;]*\);$", re.MULTILINE)
_REGION = "\n#pragma HLS DATAFLOW\n"


def instrument(top: str) -> str:
    """The C++ of the whole network's top, as fibres over bounded streams. Raises InputError for any other file."""
    head, region, body = top.partition(_REGION)
    if not region or not body.endswith("\n}\n") or not _CALL.search(body):
        raise InputError("the generated top has no dataflow region: compile the design again")
    body = _STREAM.sub(rf"\g<0>\n  \g<1>.bound({DEFAULT_DEPTH});", body)
    body = _DEPTH.sub(r"  \g<1>.bound(\g<2>);", body)
    body = _CALL.sub(lambda call: f'  hls::csim::process("{call[1] or call[2]}", [&] {{\n{call[0]}\n  }});', body)
    return head + region + body.removesuffix("}\n") + "  hls::csim::run();\n}\n"
