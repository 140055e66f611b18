import numpy as np

from hwsv import bits
from hwsv.codegen.memory_files import write_memories
from hwsv.graph import INPUT, OUTPUT, Node, UnitGraph
from hwsv.units.mvtu import Mvtu


def test_files_hold_the_memories(tmp_path):
    weights = np.random.default_rng(0).choice([-1, 1], (6, 30)).astype(np.int64)
    unit = Mvtu(4, 30, 10, weights, "BIPOLAR", "BIPOLAR", "INT6", pe=3, simd=10)
    write_memories(UnitGraph("g", [Node("fc_mvtu", unit, (INPUT,), (OUTPUT,))]), tmp_path / "mem")
    assert [path.name for path in (tmp_path / "mem").iterdir()] == ["fc_mvtu_weights.mem"]
    comment, *lines = (tmp_path / "mem" / "fc_mvtu_weights.mem").read_text().splitlines()
    assert comment.startswith("// ")
    memory = unit.memories()["weights"]
    assert {len(line) for line in lines} == {-(-memory.word_bits // 4)}
    np.testing.assert_array_equal(bits.unpack(bits.from_hex(lines, 30), 30, "BIPOLAR"), memory.data)
