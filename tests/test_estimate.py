import numpy as np
import pytest

from hwsv.boards import load_board
from hwsv.estimate import LUT_ROM_DEPTH, estimate
from hwsv.folding import fold
from hwsv.graph import INPUT, OUTPUT, Channel, Node, UnitGraph
from hwsv.units.mvtu import Mvtu
from hwsv.units.threshold import Threshold
from hwsv.wiring import wire
from tests.graphs import resnet


def test_a_small_example_by_hand():
    """64 inputs, 8 outputs, PE 2, SIMD 16: 16 words of 32 bits; then 8 thresholds of 8 bits, 1 lane."""
    mvtu = Mvtu(1, 64, 64, np.ones((8, 64), np.int64), "BIPOLAR", "BIPOLAR", "INT8", pe=2, simd=16)
    sign = Threshold(1, 8, "INT8", "BIPOLAR", np.zeros((8, 1), np.int64), np.zeros(8, np.int64), -1, 2, lanes=2)
    graph = UnitGraph("two", [Node("m", mvtu, (INPUT,), ("acc",)), Node("t", sign, ("acc",), (OUTPUT,))])
    graph.channels = {INPUT: Channel(8), "acc": Channel(8), OUTPUT: Channel(100, 2)}
    found = estimate(graph, load_board("ulx3s-25f"))
    assert found.memory == {
        "weights": 8 * 64,
        "input_buffers": 64,  # kept for the replay of the neuron folds
        "thresholds": 8 * 8,
        "fifos": 8 * 2 * 8 + 100 * 2,  # the input FIFO belongs to whoever feeds it
    }
    assert found.memory_bits == sum(found.memory.values())
    assert [u.folding for u in found.units] == ["pe=2 simd=16", "lanes=2"]
    # a ROM of 16 words and LUT RAM FIFOs are LUTs; the deep FIFO is block RAM
    assert [u.lut_memory_bits for u in found.units] == [512 + 8 * 2 * 8, 64]
    assert found.bram_kbit == (64 + 200) / 1024
    assert found.lut == round(sum(u.lut + u.lut_memory_bits / 16 for u in found.units))
    xilinx = estimate(graph, load_board("pynq-z2"))
    assert xilinx.lut == round(sum(u.lut + u.lut_memory_bits / 64 for u in xilinx.units))


def test_sums_are_the_sums_of_the_rows():
    graph = wire(fold(resnet(16, 8, (1, 1), 16), 40, 20_000))
    found = estimate(graph, load_board("ulx3s-25f"))
    assert [u.node for u in found.units] == [n.name for n in graph]
    kinds = {kind for u in found.units for kind in u.memory}
    assert kinds == set(found.memory)
    for kind in kinds:
        assert found.memory[kind] == sum(u.memory.get(kind, 0) for u in found.units)
    assert found.dsp == sum(u.dsp for u in found.units)
    assert found.ff == round(sum(u.ff for u in found.units))
    assert 0 < found.bram_kbit < found.memory_bits / 1024


def test_weights_are_counted_whole_whatever_the_folding():
    for cycles in (2_000, 20_000, 1e9):
        graph = wire(fold(resnet(16, 8, (1, 1), 16), 40, cycles))
        weights = sum(n.unit.memories()["weights"].total_bits for n in graph if n.unit.kind == "mvtu")
        assert estimate(graph, load_board("ulx3s-25f")).memory["weights"] == weights


@pytest.mark.parametrize("depth, in_lut", [(LUT_ROM_DEPTH, True), (LUT_ROM_DEPTH * 2, False)])
def test_deep_memories_are_block_ram(depth, in_lut):
    weights = np.ones((1, depth), np.int64)
    unit = Mvtu(1, depth, depth, weights, "BIPOLAR", "BIPOLAR", "INT9")
    graph = UnitGraph("one", [Node("m", unit, (INPUT,), (OUTPUT,))], {INPUT: Channel(8), OUTPUT: Channel(8, 2)})
    (row,) = estimate(graph, load_board("ulx3s-25f")).units
    assert row.lut_memory_bits == (depth if in_lut else 0)
