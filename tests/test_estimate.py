import numpy as np
import pytest

from hwsv.boards import load_board
from hwsv.estimate import estimate
from hwsv.folding import fold
from hwsv.graph import INPUT, OUTPUT, Channel, Node, UnitGraph
from hwsv.memory_home import block_count, memory_home
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
    # a LUT4 holds 16 bits of a table; a RAM of 16 words of 4 bits takes six LUTs, and 100 words are 7 of them, with a
    # multiplexer of 7 inputs a bit and a decoder
    expected = [32 + 4 * 6 + 4 * 6, 2 * 8 + 7 * 6 + 6 * (2 * 0.85 * 2 / 3 + 5)]
    assert [u.memory_lut for u in found.units] == pytest.approx(expected)
    assert found.bram_kbit == found.bram_blocks == 0
    assert found.lut == round(sum(u.lut + u.memory_lut for u in found.units))
    xilinx = estimate(graph, load_board("pynq-z2"))
    # a LUT6 holds 64 bits of a table; four of them hold 32 words of 6 bits
    expected = [32 + 3 * 4 + 3 * 4, 2 * 8 + 4 * 4 + 3 * (2 * 0.85 / 3 + 2)]
    assert [u.memory_lut for u in xilinx.units] == pytest.approx(expected)


def test_sums_are_the_sums_of_the_rows():
    graph = wire(fold(resnet(16, 8, (1, 1), 16), 40, 20_000))
    found = estimate(graph, load_board("ulx3s-25f"))
    assert [u.node for u in found.units] == [n.name for n in graph]
    memories = [m for u in found.units for m in u.memories]
    assert {m.kind for m in memories} == set(found.memory)
    for kind in found.memory:
        assert found.memory[kind] == sum(m.depth * m.width for m in memories if m.kind == kind)
    assert found.dsp == sum(u.dsp for u in found.units)
    assert found.ff == round(sum(u.ff for u in found.units))
    assert found.bram_blocks == sum(u.bram_blocks for u in found.units)
    assert found.lut == round(sum(u.lut + u.memory_lut for u in found.units))


def test_weights_are_counted_whole_whatever_the_folding():
    for cycles in (2_000, 20_000, 1e9):
        graph = wire(fold(resnet(16, 8, (1, 1), 16), 40, cycles))
        weights = sum(n.unit.memories()["weights"].total_bits for n in graph if n.unit.kind == "mvtu")
        assert estimate(graph, load_board("ulx3s-25f")).memory["weights"] == weights


@pytest.mark.parametrize(
    "depth, width, home, blocks",
    [
        (16, 512, "lut", 0),
        (18, 512, "lut", 0),  # 15 blocks at 3 % otherwise
        (2304, 4, "bram", 1),  # 4k x 4
        (9216, 2, "bram", 1),  # as 1k x 18
        (9216, 4, "bram", 2),  # as 1k x 36
        (512, 36, "bram", 1),
        (512, 37, "bram", 2),
        (4608, 32, "bram", 8),
        (512, 1, "lut", 0),  # 63 LUTs are less of the board than one block
    ],
)
def test_a_memory_lives_where_it_takes_less_of_the_board(depth, width, home, blocks):
    assert memory_home(depth, width, load_board("ulx3s-25f").resources) == (home, blocks)


def test_wide_ports_need_fewer_blocks():
    assert block_count(18, 512, load_board("ulx3s-25f").resources) == 15
    assert block_count(18, 512, load_board("pynq-z2").resources) == 8  # 36 kbit, 72 bits wide
    assert block_count(1024, 36, load_board("pynq-z2").resources) == 1


def test_a_board_without_block_ram_uses_luts():
    resources = load_board("ulx3s-25f").resources.model_copy(update={"bram_blocks": 0})
    assert memory_home(100_000, 36, resources) == ("lut", 0)


def matrix(depth: int, latency: int = 2) -> UnitGraph:
    unit = Mvtu(1, depth, depth, np.ones((1, depth), np.int64), "BIPOLAR", "BIPOLAR", "INT14")
    channels = {INPUT: Channel(8), OUTPUT: Channel(8, latency)}
    return UnitGraph("one", [Node("m", unit, (INPUT,), (OUTPUT,))], channels)


def test_a_fifo_that_answers_after_one_cycle_is_no_block_ram():
    board = load_board("ulx3s-25f")
    deep = matrix(16)
    for latency, home in ((1, "lut"), (2, "bram")):
        deep.channels[OUTPUT] = Channel(8000, latency)
        (fifo,) = [m for m in estimate(deep, board).units[0].memories if m.kind == "fifos"]
        assert fifo.home == home


def test_memories_move_where_there_is_room():
    """8192 weight bits: block RAM by themselves, LUTs where blocks are short, and back where LUTs are short too."""
    board = load_board("ulx3s-25f")

    def home(**resources):
        limited = board.model_copy(update={"resources": board.resources.model_copy(update=resources)})
        (weights,) = [m for m in estimate(matrix(8192), limited).units[0].memories if m.kind == "weights"]
        return weights.home

    assert home() == "bram"
    assert home(bram_blocks=0) == "lut"
    assert home(lut=10**6, bram_blocks=56) == "lut", "cheaper there"
    assert home(lut=1000, bram_blocks=2) == "bram", "one for it, one for the shell"
    # LUTs alone cannot hold it: it takes the block although that is the larger share
    assert home(lut=1210, bram_blocks=2) == "bram"


def test_what_exceeds_a_board_is_said():
    board = load_board("ulx3s-25f")
    graph = matrix(64)
    assert estimate(graph, board).exceeded() == ""
    tiny = board.model_copy(update={"resources": board.resources.model_copy(update={"lut": 50})})
    found = estimate(graph, tiny)
    assert found.exceeded() == f"{found.lut} LUT4 of 50 (80% may be used)"
