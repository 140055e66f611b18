"""The picture: every unit once, nothing on top of anything else, every channel a wire."""

import itertools

import pytest

from hwsv.graph import INPUT, LENGTH, UnitGraph
from hwsv.report.drawing import draw
from hwsv.report.structure import describe, rows
from hwsv.wiring import wire
from tests.graphs import Builder, resnet


def plain() -> UnitGraph:
    """No residual: a chain longer than a row."""
    builder = Builder(8)
    builder.stem(4)
    for number in range(3):
        acc = builder.convolution(f"plain{number}", builder.tensor, 4, 1, "INT7", "BIPOLAR")
        unit = builder.graph.nodes[-1].unit
        builder.tensor = builder.requantise(f"plain{number}_requantise", acc, unit.freq, 4, unit.acc_dtype, odd=True)
    return builder.head(6)


GRAPHS = {"residual": wire(resnet(freq=16, width=4, blocks=(1, 1, 1))), "plain": wire(plain())}


@pytest.mark.parametrize("name", GRAPHS)
def test_rows_hold_every_unit_once_in_order(name):
    graph = GRAPHS[name]
    shown = [node.name for row in rows(graph) for node in row.nodes]
    assert shown == [node.name for node in graph if node.unit.kind != "length_fork"]
    assert any(row.block for row in rows(graph)) == (name == "residual")


@pytest.mark.parametrize("name", GRAPHS)
def test_nothing_overlaps(name):
    for row in rows(GRAPHS[name]):
        picture = draw(row)
        assert [s.node for s in picture.shapes] == row.nodes
        for a, b in itertools.combinations(picture.shapes, 2):
            apart = a.right <= b.x or b.right <= a.x or a.y + a.height <= b.y or b.y + b.height <= a.y
            assert apart, (a.node.name, b.node.name)
        for shape in picture.shapes:
            assert shape.x >= 0 and shape.y >= 0
            assert shape.right <= picture.width and shape.y + shape.height <= picture.height


@pytest.mark.parametrize("name", GRAPHS)
def test_every_channel_is_a_wire(name):
    graph = GRAPHS[name]
    wires = [wire.tensor for row in rows(graph) for wire in draw(row).wires]
    data = {t for node in graph if node.unit.kind != "length_fork" for t in (*node.inputs, *node.outputs)} - {LENGTH}
    assert set(wires) == data and INPUT in wires


def test_a_block_fits_a_phone():
    """Blocks of the shipped family are drawn side by side of a screen of 390 pixels, text at its full size."""
    for row in rows(GRAPHS["residual"]):
        assert draw(row).width <= 390 - 6, row.title


def test_a_bypass_is_labelled_above_its_block():
    block = next(row for row in rows(GRAPHS["residual"]) if row.block and len(row.nodes) < 9)
    (label,) = [wire.label_at for wire in draw(block).wires if wire.label_at]
    assert label[1] < min(shape.y for shape in draw(block).shapes)


def test_descriptions():
    said = [describe(row) for row in rows(GRAPHS["residual"])]
    assert said[0] == "3×3 convolution, 1 → 4, stride 2, 4-bit"
    assert said[1] == "3×3 convolution, 4 → 4, 1-bit"
    assert said[-1].startswith("matrix, 32 → 128, 4-bit")
