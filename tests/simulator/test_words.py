"""Words from memories against the golden model, on every channel."""

from random import Random

import numpy as np
import pytest

from hwsv import bits
from hwsv.folding import fold
from hwsv.graph import INPUT, Node
from hwsv.simulator.words import move
from hwsv.units.base import Memory, Tensor, read_words
from hwsv.wiring import wire
from tests.graphs import resnet
from tests.simulator import networks
from tests.units.catalogue import values


def as_emitted(memory: Memory, flip: int | None = None) -> Tensor:
    """A memory by way of its hexadecimal file; `flip`: one of its bits is inverted there."""
    lines = bits.to_hex(bits.pack(memory.data, memory.dtype), memory.word_bits)
    if flip is not None:
        address, bit = divmod(flip, memory.word_bits)
        lines[address] = f"{int(lines[address], 16) ^ 1 << bit:0{len(lines[address])}x}"
    return read_words(memory, bits.from_hex(lines, memory.word_bits))


def emitted(node: Node) -> dict[str, Tensor]:
    return {name: as_emitted(memory) for name, memory in node.unit.memories().items()}


@pytest.mark.parametrize("seed", range(16))
def test_words_are_the_golden_model_s_on_every_channel(seed):
    r = Random(seed)
    graph = networks.random_wired(r)
    stream = graph.stream(INPUT)
    x = values(r, stream.dtype, (networks.random_frames(r, graph)[0], stream.freq, stream.channels))
    words, golden = move(graph, x, emitted), graph.golden(x)
    assert set(words) == set(golden) == {t for t in graph.streams() if graph.stream(t).dtype != "UINT16"}
    for tensor, folded in words.items():
        assert folded.shape[1] == graph.stream(tensor).lanes
        np.testing.assert_array_equal(folded, graph.stream(tensor).words(golden[tensor]), err_msg=tensor)


@pytest.mark.parametrize(
    "node, memory", [("s0c0_mvtu", "weights"), ("s0c0_sign", "thresholds"), ("fc_mvtu", "weights")]
)
def test_a_flipped_bit_changes_the_words_behind_it(node, memory):
    graph = wire(fold(resnet(8, 4, (1,), 6), 12, 3000))
    content = graph.node(node).unit.memories()[memory]
    x = np.random.default_rng(0).integers(-128, 128, (12, 8, 1))
    right = move(graph, x, emitted)
    bits_of_element = content.word_bits // content.data.shape[1]
    for flip in (bits_of_element - 1, content.total_bits - 1):  # sign of the first element, sign of the last
        wrong = move(
            graph, x, lambda n, f=flip: emitted(n) | ({memory: as_emitted(content, f)} if n.name == node else {})
        )
        changed = [t for t in right if not np.array_equal(right[t], wrong[t])]
        assert changed and changed[0] == graph.node(node).outputs[0]
