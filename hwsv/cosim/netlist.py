"""The synthesised netlist of a design in Verilator: the accelerator without its shell, for boards with an ECP5.

Synthesis is that of the bitstream (`hwsv.flows.synthesis`). Cells get yosys' own models (pyosys: share/lattice), those
that it lacks ours (``rtl_templates/sim/ecp5.sv``). Tens of thousands of instances are hard on Verilator, so yosys turns
LUTs, multiplexers, carries and flip-flops into plain Verilog by these models; memories and multipliers stay instances.

::

    DIR/netlist/<top>.json, .stat.json      the netlist and its cells
    DIR/netlist/<top>.v                     the same for Verilator
    DIR/netlist/build/                      executables
    DIR/netlist/*.log                       what yosys said
"""

import sys
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path

from hwsv.boards import board_names, load_board
from hwsv.codegen import rtl_model
from hwsv.codegen.identifiers import design_identifier
from hwsv.codegen.rtl_model import RtlModel
from hwsv.cosim import bench, verilator
from hwsv.cosim.bench import Stimulus
from hwsv.design import Design
from hwsv.errors import CheckFailed, InputError
from hwsv.flows import tools
from hwsv.flows.build import SCRIPT
from hwsv.flows.synthesis import synthesise
from hwsv.resources import data_folder
from hwsv.simulator.timing import run
from hwsv.units.base import Tensor

FAMILY = "ecp5"

_YOSYS = "import sys; from pyosys import libyosys as ys; ys.Design().run_pass('script ' + sys.argv[1])"


class Netlist:
    """The netlist of a design folder: synthesised and built at first use, once per content of its RTL and memories.

    progress: called with what is being done. Raises InputError for boards of other families and missing tools.
    """

    def __init__(self, design: Design, progress: tools.Progress = lambda what: None) -> None:
        board = design.manifest.board
        if board.family != FAMILY:
            others = ", ".join(name for name in board_names() if load_board(name).family == FAMILY)
            raise InputError(
                f"level netlist has models of the ECP5's cells only, and board {board.name!r} is of family "
                f"{board.family!r}; boards with an ECP5: {others}"
            )
        self._version = tools.require_tools("pyosys")["pyosys"]
        self.design, self.progress = design, progress
        self.folder = (design.folder / "netlist").absolute()

    @cached_property
    def _model(self) -> RtlModel:
        manifest = self.design.manifest
        return rtl_model.build(self.design.graph, design_identifier(manifest.name), manifest.board)

    def compile(self) -> Path:
        """The executable for the RTL as it is in the folder now. Raises InputError where there is none, CheckFailed
        where synthesis fails."""
        models, yosys = data_folder("rtl_templates") / "sim", tools.package_folder("pyosys") / "share" / "lattice"
        try:
            self.folder.mkdir(exist_ok=True)
        except OSError as error:
            raise InputError(f"{self.folder}: the netlist cannot be built here: {error.strerror}") from error
        verilog = self._verilog(self._synthesised(), models / "ecp5_luts.v", yosys)
        self.progress("Verilator")
        sources = [models / "ecp5.sv", yosys / "common_sim.vh", verilog]
        return verilator.build(self.folder / "build", sources, bench.texts([self._model]), "netlist")

    def embeddings(self, features: Sequence[Tensor]) -> list[Tensor]:
        """Integer embeddings ``[E]`` of utterances (int64 [T, F, C] each) back to back. Raises CheckFailed."""
        graph = self.design.graph
        wanted = bench.output_words(graph, features)
        cycles = run(graph, [len(x) for x in features]).cycles
        stimulus = Stimulus(graph, features, {}, 0, 2 * cycles + 10_000)
        found = bench.play(self.compile(), self.folder, [self._model], [stimulus])[0]
        if len(found.outputs) != sum(wanted):
            raise CheckFailed(
                f"the netlist gave {len(found.outputs)} of {sum(wanted)} output words in {found.cycles:,} cycles, the "
                f"simulator needs {cycles:,}"
            )
        return bench.embeddings(graph, found.outputs, wanted)

    def _synthesised(self) -> Path:
        """The netlist as JSON."""
        rtl = self.design.folder / "rtl"
        if not (rtl / "files.f").is_file():
            raise InputError(f"{rtl}: no RTL here; compile the design with --backend both")
        sources = [rtl / name for name in (rtl / "files.f").read_text().split()]
        memories = sorted((self.design.folder / "mem").glob("*.mem"))
        top, netlist = self._model.module, self.folder / f"{self._model.module}.json"

        def make() -> dict[str, float]:
            return {"seconds": synthesise(sources, top, FAMILY, netlist, rtl, self.progress)[1]}

        key = tools.digest(SCRIPT, FAMILY, top, self._version, *sources, *memories)
        tools.once(netlist.with_suffix(".done"), key, [netlist], make)
        return netlist

    def _verilog(self, netlist: Path, luts: Path, yosys: Path) -> Path:
        """The netlist `netlist` for Verilator: LUTs by the map `luts`, other logic by the models in `yosys`."""
        verilog = netlist.with_suffix(".v")
        script = [
            f"read_json {netlist.name}", "delete t:$scopeinfo",
            f'techmap -map "{luts}" -map "{yosys / "ccu2c_sim.vh"}"',
            f'techmap -autoproc -map "{yosys / "common_sim.vh"}" -D NO_INCLUDES t:PFUMX t:L6MUX21 t:TRELLIS_FF',
            "opt_expr", "rename -hide w:* x:* %d", "opt_clean -purge", f"write_verilog -noattr {verilog.name}",
        ]  # fmt: skip

        def make() -> dict[str, float]:
            self.progress("netlist to Verilog")
            path = verilog.with_suffix(".v.ys")
            path.write_text("\n".join(script) + "\n")
            command = [sys.executable, "-c", _YOSYS, path.name]
            return {"seconds": tools.run(command, self.folder, verilog.with_suffix(".v.log"), "yosys")}

        key = tools.digest(*script, self._version, netlist, luts)
        tools.once(verilog.with_suffix(".v.done"), key, [verilog], make)
        return verilog
