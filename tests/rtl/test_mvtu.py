"""mvtu.sv against the cycle simulator: every push and pop, word and cycle."""

from random import Random

import numpy as np

from hwsv import bits, datatypes
from hwsv.cosim import Case, cosimulate
from hwsv.units.mvtu import Mvtu
from tests.rtl.alone import all_block_ram, alone, random_case
from tests.units import catalogue

PACK = bits.pack
WEIGHTS = ["BIPOLAR", *(f"{u}INT{n}" for u in ("", "U") for n in range(1, 9))]


def mvtu(r: Random, dtype: str, weight: str, **fields) -> Mvtu:
    """A random shape for these types; the accumulators are as narrow as the results allow."""
    taps, tap_channels, outputs = r.choice([1, 2, 9]), r.choice([1, 2, 3, 6]), r.choice([1, 2, 4, 6])
    freq, flatten = r.randint(1, 2), r.choice([0, 0, 0, 2])
    synapses = taps * tap_channels * (flatten * freq if flatten else 1)
    weights = catalogue.values(r, weight, (outputs, synapses))
    ends = np.array([weights * bound for bound in datatypes.limits(dtype)])
    marked = r.random() < 0.6 and not flatten
    acc = datatypes.smallest(int(ends.min(0).sum(1).min()), int(ends.max(0).sum(1).max()))
    unit = Mvtu(freq, taps * tap_channels, tap_channels, weights, dtype, weight, acc, marked, flatten)
    return unit.with_lanes(pe=catalogue.lanes(r, outputs), simd=catalogue.lanes(r, tap_channels))


def check(cases, folder, board=None) -> None:
    for case, result in zip(cases, cosimulate(cases, folder, board), strict=True):
        assert result.equal and result.handshakes > 0, (result.first, case.graph.nodes[0].unit, case.graph.channels)


def pack_noisily(elements, dtype, pad_mark=False):
    """`hwsv.bits.pack`, but the lanes of a marked word are not 0: a unit must not look at them."""
    words = PACK(elements, dtype, pad_mark)
    if pad_mark:
        lanes = elements.shape[1] * datatypes.bits(dtype)
        words[(elements == bits.PAD).any(axis=1), 0] |= np.uint64(0xB6DB6DB6DB6DB6DB & ((1 << lanes) - 1))
    return words


def test_every_pair_of_types(tmp_path, monkeypatch):
    """Inputs of all kinds, weights of 1 to 8 bits, random foldings, channels and stalls."""
    monkeypatch.setattr(bits, "pack", pack_noisily)
    r = Random(1)
    inputs = ["BIPOLAR", "INT1", "INT3", "INT8", "UINT1", "UINT4", "UINT8"]
    pairs = [("BIPOLAR", "BIPOLAR")] * 10 + [(r.choice(inputs), weight) for weight in WEIGHTS * 2]
    check([random_case(r, mvtu(r, *pair)) for pair in pairs], tmp_path)


def test_foldings_at_full_speed_and_wide_words(tmp_path):
    """A word is replayed after so many beats; popcounts of one and of several groups of lanes; block RAM."""
    r = Random(2)
    cases = []
    for neurons in (1, 2, 3):
        for synapses in (1, 2, 3, 4):
            weights = catalogue.values(r, "BIPOLAR", (2 * neurons, 3 * synapses))
            unit = Mvtu(2, 3 * synapses, 3, weights, "BIPOLAR", "BIPOLAR", "INT5", True, pe=2, simd=3)
            cases.append(Case(alone(unit, 16), [catalogue.inputs(r, unit, t)[0] for t in (3, 1)]))
    for simd, dtype, weight, acc in [
        (7, "BIPOLAR", "BIPOLAR", "INT4"), (65, "BIPOLAR", "BIPOLAR", "INT9"), (260, "BIPOLAR", "BIPOLAR", "INT12"),
        (33, "INT8", "INT8", "INT21"), (33, "UINT8", "UINT8", "UINT22"), (33, "INT4", "BIPOLAR", "INT10"),
        (33, "BIPOLAR", "UINT8", "INT15"), (2, "INT32", "INT8", "INT41"), (2, "UINT40", "UINT3", "UINT44"),
    ]:  # fmt: skip
        weights = catalogue.values(r, weight, (2, 2 * simd))
        unit = Mvtu(1, 2 * simd, simd, weights, dtype, weight, acc, simd > 2, pe=1, simd=simd)
        x = catalogue.inputs(r, unit, 4)[0]
        weights[0], x[0] = datatypes.limits(weight)[0], datatypes.limits(dtype)[0]
        weights[1], x[1] = datatypes.limits(weight)[1], datatypes.limits(dtype)[1]
        cases.append(Case(alone(unit), [x]))
    one = Mvtu(1, 1, 1, np.array([[1], [-1]]), "BIPOLAR", "BIPOLAR", "BIPOLAR")
    cases.append(Case(alone(one), [catalogue.inputs(r, one, 9)[0]]))
    check(cases, tmp_path, all_block_ram())
