"""The channel, proven for ever: no overflow, no loss, order kept, nothing stuck, and its latency (fifo_spec.sv)."""

import os
from pathlib import Path

import pytest

from hwsv.resources import data_folder
from tests.formal.prove import prove

DEPTHS = [int(depth) for depth in os.environ.get("HWSV_FORMAL_DEPTHS", "1 2 3 5 8").split()]
SPEC = Path(__file__).with_name("fifo_spec.sv")


def sources() -> list[Path]:
    return [data_folder("rtl_templates") / name for name in ("fifo.sv", "ram.sv")]


def parameters(depth: int, latency: int) -> dict[str, int]:
    """Block RAM and LUTs in turn, where there is a choice."""
    return {"DEPTH": depth, "LATENCY": latency, "BLOCK": int(latency > 1 and depth % 2)}


@pytest.mark.parametrize("latency", [1, 2, 3])
@pytest.mark.parametrize("depth", DEPTHS)
def test_the_channel_is_what_its_specification_says(depth, latency, tmp_path):
    refuted = prove("fifo_spec", [SPEC, *sources()], tmp_path, parameters(depth, latency))
    assert refuted is None, f"bad in cycle {refuted}"


@pytest.mark.parametrize("depth", [1, 2, 3])
def test_a_word_that_the_producer_holds_is_not_stored_twice(depth, tmp_path):
    refuted = prove("fifo_spec", [SPEC, *sources()], tmp_path, parameters(depth, 1) | {"HELD": 1})
    assert refuted is None, f"bad in cycle {refuted}"


def test_a_producer_that_does_not_hold_its_word_is_found(tmp_path):
    spec = tmp_path / "spec.sv"
    spec.write_text(SPEC.read_text().replace("HELD != 0 && !push ? newest : chosen", "chosen"))
    assert prove("fifo_spec", [spec, *sources()], tmp_path, parameters(1, 1) | {"HELD": 1, "HELP": 0}) is not None


MUTATIONS = {
    "a credit too many": ("credits <= COUNT_BITS'(DEPTH)", "credits <= COUNT_BITS'(DEPTH + 1)", 2, 1),
    "credit back early": ("credit = credits != 0", "credit = credits != 0 || pop", 3, 1),
    "credit lost": ("issue != pop", "issue || pop", 3, 1),
    "word lost": ("arrives != pop", "arrives || pop", 3, 1),
    "visible early": ("arrives = pushed[LATENCY-2]", "arrives = push", 3, 2),
    "wrong wrap": ("write_address == LAST ? '0", "write_address == LAST - 1'b1 ? '0", 5, 1),
    "no wrap": ("next_address = !pop ? read_address : read_address == LAST ? '0 :", "next_address = !pop ?"
                " read_address :", 3, 2),
    "reads the popped word": ("next_address = !pop ? read_address :", "next_address = pop ? read_address :", 3, 2),
    "reset keeps words": ("if (rst) count <= '0;\n    else if", "if", 3, 1),
}  # fmt: skip
"""What is wrong: (text of fifo.sv, what it becomes, depth, latency)."""


@pytest.mark.parametrize("name", MUTATIONS)
def test_a_broken_channel_is_refuted(name, tmp_path):
    old, new, depth, latency = MUTATIONS[name]
    fifo, ram = sources()
    text = fifo.read_text()
    assert text.count(old) == 1, "the mutation fits fifo.sv no longer"
    mutant = tmp_path / "mutant.sv"
    mutant.write_text(text.replace(old, new))
    refuted = prove("fifo_spec", [SPEC, mutant, ram], tmp_path, parameters(depth, latency) | {"HELP": 0})
    assert refuted is not None
