"""Generates, builds, plays and compares: whole batches of graphs, or a design folder."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hwsv.boards import Board, load_board
from hwsv.codegen import rtl, rtl_model
from hwsv.codegen.identifiers import design_identifier
from hwsv.codegen.memory_files import read_memories, write_memories
from hwsv.codegen.rtl_model import RtlModel
from hwsv.cosim import bench, verilator
from hwsv.cosim.bench import Recording, Stimulus
from hwsv.cosim.compare import Comparison, compare
from hwsv.cosim.expected import Expected, expect
from hwsv.cosim.verilator import Mode
from hwsv.design import Design
from hwsv.errors import CheckFailed, InputError
from hwsv.graph import UnitGraph
from hwsv.simulator.timing import run
from hwsv.units.base import Tensor

BOARD = "ulx3s-85f"
"""Decides which memories are block RAM, where the caller does not."""

QUICK_CYCLES = 100_000
"""Runs up to so long do not repay an optimising compiler."""


@dataclass(frozen=True)
class Case:
    """A wired graph and its utterances (int64 [T, F, C] each). enables: stalls, as for `hwsv.simulator.timing.run`."""

    graph: UnitGraph
    features: Sequence[Tensor]
    enables: Mapping[str, NDArray[np.bool_]] = field(default_factory=dict)


def cosimulate(cases: Sequence[Case], folder: Path, board: Board | None = None) -> list[Comparison]:
    """Emit the graphs into `folder`, build them side by side, and compare every handshake of each with the simulator.

    Raises InputError for units without RTL and where Verilator is missing.
    """
    graphs = [_renamed(case.graph, number) for number, case in enumerate(cases)]
    board = board or load_board(BOARD)
    models = [rtl_model.build(graph, f"case{number}", board) for number, graph in enumerate(graphs)]
    rtl.write_modules(folder / "rtl", [unit.kind for model in models for unit in model.units])
    for graph, model in zip(graphs, models, strict=True):
        rtl.write_top(folder / "rtl" / f"{model.module}.sv", model)
        write_memories(graph, folder / "mem")
    sources = [*sorted((folder / "rtl").glob("hwsv_*.sv")), *(folder / "rtl" / f"{m.module}.sv" for m in models)]
    executable = verilator.build(folder / "build", sources, bench.texts(models), "quick")
    expected = [
        expect(graph, case.features, case.enables, lambda node: read_memories(folder / "mem", node))
        for graph, case in zip(graphs, cases, strict=True)
    ]
    stimuli = [_stimulus(case, e) for case, e in zip(cases, expected, strict=True)]
    recordings = bench.play(executable, folder / "rtl", models, stimuli)
    return [
        compare(case.graph, e, found, sum(bench.output_words(case.graph, case.features)))
        for case, e, found in zip(cases, expected, recordings, strict=True)
    ]


class Rtl:
    """The RTL of a design folder in Verilator: built at first use, once per content of ``DIR/rtl``."""

    def __init__(self, design: Design) -> None:
        self.design = design

    @cached_property
    def _model(self) -> RtlModel:
        manifest = self.design.manifest
        return rtl_model.build(self.design.graph, design_identifier(manifest.name), manifest.board)

    def compile(self, mode: Mode) -> Path:
        """The executable for the RTL as it is in the folder now. Raises InputError when it cannot be built."""
        folder = self.design.folder / "rtl"
        if not (folder / "files.f").is_file():
            raise InputError(f"{folder}: no RTL here; compile the design with --backend both")
        sources = [folder / name for name in (folder / "files.f").read_text().split()]
        return verilator.build(folder / "build", sources, bench.texts([self._model]), mode)

    def embeddings(self, features: Sequence[Tensor]) -> list[Tensor]:
        """Integer embeddings ``[E]`` of utterances (int64 [T, F, C] each) back to back, without probes.

        Raises CheckFailed when the RTL hangs.
        """
        graph = self.design.graph
        # the simulator's time is only a limit: a hang is not waited for longer than that
        cycles = run(graph, [len(x) for x in features]).cycles
        found = self._play("fast", Stimulus(graph, features, {}, 0, _limit(cycles)))
        wanted = bench.output_words(graph, features)
        if len(found.outputs) != sum(wanted):
            raise CheckFailed(
                f"the RTL gave {len(found.outputs)} of {sum(wanted)} output words in {found.cycles:,} cycles, the "
                f"simulator needs {cycles:,}; first difference: {self.check(features).first}"
            )
        return bench.embeddings(graph, found.outputs, wanted)

    def tensors(self, features: Tensor) -> dict[str, Tensor]:
        """What every data channel carried for one utterance: int64 [T, F, C] by tensor. Raises CheckFailed."""
        _, found = self._record([features], {})
        tensors = {}
        for tensor, stream in self.design.graph.streams().items():
            words = bench.unpack(stream, found.channels[tensor].words)
            whole = len(words) // stream.words_per_frame * stream.words_per_frame
            tensors[tensor] = stream.tensor(words[:whole])
        return tensors

    def check(self, features: Sequence[Tensor], enables: Mapping[str, NDArray[np.bool_]] | None = None) -> Comparison:
        """Compare every handshake of utterances back to back with the simulator. enables: as of `Case`."""
        expected, found = self._record(features, enables or {})
        return compare(self.design.graph, expected, found, sum(bench.output_words(self.design.graph, features)))

    def _record(
        self, features: Sequence[Tensor], enables: Mapping[str, NDArray[np.bool_]]
    ) -> tuple[Expected, Recording]:
        case = Case(self.design.graph, features, enables)
        expected = expect(case.graph, features, enables, self.design.memories)
        mode: Mode = "probed" if expected.cycles > QUICK_CYCLES else "quick"
        return expected, self._play(mode, _stimulus(case, expected))

    def _play(self, mode: Mode, stimulus: Stimulus) -> Recording:
        return bench.play(self.compile(mode), self.design.folder / "rtl", [self._model], [stimulus])[0]


def _renamed(graph: UnitGraph, number: int) -> UnitGraph:
    """The graph with unit names (and so memory files) that no other case of a batch has."""
    return UnitGraph(graph.name, [replace(n, name=f"c{number}_{n.name}") for n in graph], graph.channels)


def _stimulus(case: Case, expected: Expected) -> Stimulus:
    return Stimulus(case.graph, case.features, case.enables, expected.quiet, _limit(expected.cycles) + expected.quiet)


def _limit(cycles: int) -> int:
    """Cycles after which a run of `cycles` in the simulator is given up."""
    return 2 * cycles + 10_000
