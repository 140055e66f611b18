"""Producer's and consumer's side of a channel, proven for ever: a unit of each kind between free surroundings."""

from pathlib import Path
from random import Random

import pytest

from hwsv.boards import load_board
from hwsv.codegen import rtl, rtl_model
from hwsv.codegen.memory_files import write_memories
from hwsv.graph import LENGTH, Channel, Node, UnitGraph
from hwsv.units.base import Unit
from tests.formal.prove import prove
from tests.units import catalogue

SPEC = """
// {kind}: pops only visible words, issues only with a credit, and pushes exactly {latency} cycles after each issue.
module handshake_spec (
    input  logic                 clk,
    input  logic                 reset,
    input  logic [{ni}-1:0]      in_valid,
    input  logic [{in_bits}-1:0] in_data,
    input  logic                 length_valid,
    input  logic [15:0]          length_data,
    input  logic [{no}-1:0]      out_credit,
    output logic                 bad
);
  logic started = 1'b0, rst, length_pop;
  always_ff @(posedge clk) started <= 1'b1;
  assign rst = reset || !started;

  logic [{ni}-1:0] in_pop;
  logic [{no}-1:0] out_issue, out_push, issued[{latency}];
  hwsv_{kind} #({parameters}) dut (
      .clk, .rst, .in_valid, .in_data, .in_pop, .out_credit, .out_issue, .out_push, .out_data(){length}
  );
  always_ff @(posedge clk)
    for (int i = 0; i < {latency}; i++) issued[i] <= rst ? '0 : i == 0 ? out_issue : issued[i-1];

  assign bad = !rst && ((in_pop & ~in_valid) != '0 || (out_issue & ~out_credit) != '0
      || out_push != issued[{latency}-1]{length_rule});
endmodule
"""


def emit(unit: Unit, folder: Path) -> list[Path]:
    """The specification around `unit`, its modules and memories in `folder`; the sources."""
    inputs = tuple(f"in{i}" for i in range(len(unit.inputs())))
    outputs = tuple(f"out{i}" for i in range(len(unit.outputs())))
    node = Node("unit", unit, inputs, outputs, LENGTH if unit.frame_aware else "")
    graph = UnitGraph("alone", [node], dict.fromkeys((*node.all_inputs, *outputs), Channel(2)))
    (made,) = rtl_model.build(graph, "alone", load_board("ulx3s-85f")).units
    rtl.write_modules(folder / "rtl", [unit.kind])
    write_memories(graph, folder / "mem")
    ports = ", .length_valid, .length_data, .length_pop" if unit.frame_aware else ""
    text = SPEC.format(
        kind=unit.kind, latency=unit.latency, ni=len(inputs), no=len(outputs),
        in_bits=sum(stream.word_bits for stream in unit.inputs()), length=ports,
        parameters=", ".join(f".{name}({value})" for name, value in made.parameters),
        length_rule=" || (length_pop && !length_valid)" if unit.frame_aware else "",
    )  # fmt: skip
    (folder / "rtl" / "spec.sv").write_text(text)
    return sorted((folder / "rtl").glob("*.sv"))


@pytest.mark.parametrize("kind", sorted(catalogue.MAKERS))
def test_every_unit_keeps_the_handshake(kind, tmp_path):
    r = Random(kind)
    for number in range(2):
        folder = tmp_path / str(number)
        sources = emit(catalogue.MAKERS[kind](r), folder)
        refuted = prove("handshake_spec", sources, folder / "rtl")
        assert refuted is None, f"bad in cycle {refuted}"


MUTATIONS = [
    ("add", "issue = &in_valid && out_credit[0]", "issue = &in_valid"),
    ("add", "issue = &in_valid &&", "issue = in_valid[0] &&"),
    ("pool", "issue = in_valid[0] && (!last_tap || out_credit[0])", "issue = in_valid[0]"),
    ("stats_pool", "(length_valid && banks != 2'd2)", "(banks != 2'd2)"),
    ("stats_pool", "hwsv_delay #(.CYCLES(4)) pushes", "hwsv_delay #(.CYCLES(3)) pushes"),
]
"""(kind, text of its file, what it becomes)."""


@pytest.mark.parametrize("kind, old, new", MUTATIONS)
def test_a_broken_handshake_is_refuted(kind, old, new, tmp_path):
    sources = emit(catalogue.MAKERS[kind](Random(2)), tmp_path)
    path = tmp_path / "rtl" / f"hwsv_{kind}.sv"
    text = path.read_text()
    assert text.count(old) == 1, f"the mutation fits {kind}.sv no longer"
    path.write_text(text.replace(old, new))
    assert prove("handshake_spec", sources, tmp_path / "rtl") is not None
