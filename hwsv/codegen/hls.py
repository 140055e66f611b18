"""HLS C++ of a design: ``DIR/hls/``, a project for Vitis HLS that `hwsv.csim` compiles as it stands.

::

    <name>_config.hpp    one struct of constants a unit        <name>_weights.hpp   memories as 64-bit limbs
    <name>.hpp, .cpp     top of the whole network              units/<unit>.cpp     top of one unit
    tb.cpp               test bench                            data/                its vectors, where written
    run_hls.tcl          Vitis HLS script                      hls_config.cfg       the same for the unified flow
    include/             the templates of the units
"""

import shutil
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from hwsv import bits, datatypes
from hwsv.boards import Board
from hwsv.codegen import hls_model, pragmas
from hwsv.codegen.hls_model import DEPTH_MARGIN, LENGTH_DEPTH, HlsModel
from hwsv.codegen.identifiers import design_identifier
from hwsv.codegen.templates import templates
from hwsv.graph import INPUT, OUTPUT, UnitGraph
from hwsv.resources import data_folder
from hwsv.units.base import Stream, Tensor

REFERENCE_PART = "xc7z020clg400-1"
"""Part of the reports for boards that Vitis does not know: a small, free one."""

CPP_STANDARD = "-std=c++14"
"""What Vitis HLS compiles by default."""

DEFAULT_MAX_WORD_BITS = 1024
"""Widest ``ap_uint`` without AP_INT_MAX_W."""


def generate(graph: UnitGraph, name: str, folder: Path, board: Board) -> HlsModel:
    """Write the HLS project of the wired `graph` into `folder`.

    Raises InputError for what cannot be generated, PragmaError should a template have a bad pragma.
    """
    model = hls_model.build(graph, design_identifier(name))
    write_sources(model, folder)
    part = board.device if board.flow == "vivado" else REFERENCE_PART
    values = {
        "model": model,
        "board": board,
        "part": part,
        "reference_part": part != board.device,
        "period": f"{1000 / board.clock_mhz:.3f}",
        "cflags": " ".join(compile_flags(model)),
    }
    for file in ("run_hls.tcl", "hls_config.cfg"):
        _write(folder / file, f"{file}.j2", values)
    tops = {f"units/{process.name}.cpp": f"{process.name}_top" for process in model.processes}
    pragmas.check(folder, {f"{model.name}.cpp": model.name, **tops})
    return model


def write_sources(model: HlsModel, folder: Path) -> None:
    """The C++ of a project: everything but the vendor's scripts."""
    shutil.copytree(data_folder("hls_templates") / "include", folder / "include", dirs_exist_ok=True)
    values = {"model": model, "margin": DEPTH_MARGIN, "length_depth": LENGTH_DEPTH}
    for file, template in (
        (f"{model.name}_config.hpp", "config.hpp.j2"),
        (f"{model.name}_weights.hpp", "weights.hpp.j2"),
        (f"{model.name}.hpp", "top.hpp.j2"),
        (f"{model.name}.cpp", "top.cpp.j2"),
        ("tb.cpp", "tb.cpp.j2"),
    ):
        _write(folder / file, template, values)
    for process in model.processes:
        _write(folder / "units" / f"{process.name}.cpp", "unit.cpp.j2", {"model": model, "process": process})


def write_units_bench(model: HlsModel, folder: Path) -> None:
    """A test bench that runs every unit alone: ``units_tb.cpp``, one translation unit with all their tops."""
    _write(folder / "units_tb.cpp", "units_tb.cpp.j2", {"model": model})


def compile_flags(model: HlsModel) -> list[str]:
    """Flags that every compiler of the project needs, Vitis included."""
    wide = -(-model.max_word_bits // DEFAULT_MAX_WORD_BITS) * DEFAULT_MAX_WORD_BITS
    return [CPP_STANDARD, *([f"-DAP_INT_MAX_W={2 * wide}"] if wide > DEFAULT_MAX_WORD_BITS else [])]


def write_vectors(graph: UnitGraph, folder: Path, features: Sequence[Tensor], expected: Sequence[Tensor] = ()) -> None:
    """Inputs of the test bench, and the embeddings it compares with: ``folder`` is the project's ``data/``."""
    folder.mkdir(parents=True, exist_ok=True)
    write_words(folder / "length.bin", Stream(1, 1, "UINT16"), [np.array([len(x)]) for x in features])
    write_words(folder / f"{INPUT}.bin", graph.stream(INPUT), features)
    if expected:
        write_words(folder / f"{OUTPUT}.expected.bin", graph.stream(OUTPUT), expected)


def write_random_vectors(graph: UnitGraph, folder: Path, lengths: Sequence[int]) -> None:
    """Vectors of seeded utterances of `lengths` frames, uniform over the data type, with their golden embeddings."""
    stream, rng = graph.stream(INPUT), np.random.default_rng(0)
    low, high = datatypes.limits(stream.dtype)
    drawn = [rng.integers(low, high + 1, (frames, stream.freq, stream.channels)) for frames in lengths]
    features = [np.where(x >= 0, 1, -1) if stream.dtype == datatypes.BIPOLAR else x for x in drawn]
    write_vectors(graph, folder, features, [graph.golden(x)[OUTPUT] for x in features])


def write_words(path: Path, stream: Stream, tensors: Sequence[Tensor]) -> None:
    """The words of `tensors` on `stream`, one utterance after the other, as little-endian 64-bit limbs."""
    with path.open("wb") as file:
        for tensor in tensors:
            file.write(bits.pack(stream.words(tensor), stream.dtype, stream.pad_mark).astype("<u8").tobytes())


def read_words(path: Path, stream: Stream) -> Tensor:
    """The inverse of `write_words`: elements ``[n, lanes]``."""
    words = np.fromfile(path, dtype="<u8").reshape(-1, bits.limbs(stream.word_bits))
    return bits.unpack(words.astype(np.uint64), stream.lanes, stream.dtype, stream.pad_mark)


def _write(path: Path, template: str, values: dict[str, object]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(templates("hls_templates", "project").get_template(template).render(values))
