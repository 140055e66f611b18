"""A large network's units as several translation units, so that all cores compile: for the C simulation only.

A unit is a function template, and the top instantiates all of them. Declared ``extern``, they are instantiated where a
shard says so; what is computed stays the same.
"""

import os

from hwsv.codegen.hls_model import HlsModel, Process

PROCESSES = 30
"""Fewest units of a shard: parsing the headers once more costs as much as compiling a dozen."""


def split(model: HlsModel, top: str) -> dict[str, str]:
    """C++ files by name, the top of text `top` first; that alone where the network is small."""
    count = min(os.cpu_count() or 1, len(model.processes) // PROCESSES)
    name = f"{model.name}.cpp"
    if count < 2:
        return {name: top}
    include = f'#include "{model.name}_config.hpp"\n'
    lines = [_instantiation(model, process) for process in model.processes]
    shards = {f"{model.name}_units{i}.cpp": include + "".join(lines[i::count]) for i in range(count)}
    return {name: include + "".join(f"extern {line}" for line in lines) + f'#line 1 "{name}"\n{top}', **shards}


def _instantiation(model: HlsModel, process: Process) -> str:
    memories = [f"const uint64_t (&)[{rom.limbs.shape[0]}][{rom.limbs.shape[1]}]" for rom in process.roms]
    streams = [f"hls::stream<hwsv::word_t<{bits}>>&" for _, bits in process.streams]
    parameters = ", ".join(["hls::stream<hwsv::length_t>&", *memories, *streams])
    return f"template void hwsv::{process.kind}<{model.name}_config::{process.name}>({parameters});\n"
