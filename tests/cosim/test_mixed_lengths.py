"""Length is data: twenty utterances of twenty lengths in one stream, in C++, cycle simulator and RTL."""

import numpy as np

from hwsv.cosim import Rtl
from hwsv.csim import Csim
from hwsv.emulator import Emulator
from hwsv.simulator import simulate


def test_twenty_lengths_in_one_stream(design):
    spec = design.manifest.input
    rng = np.random.default_rng(7)
    lengths = spec.frames_min + rng.permutation(20)
    features = [rng.integers(-128, 128, (t, spec.freq, spec.channels)) for t in lengths]
    engine = Emulator(design.folder / "network.packed")
    expected = [engine.run(x).reshape(-1) for x in features]
    assert len({tuple(e) for e in expected}) > 1, "all embeddings are the same"
    levels = {
        "csim": Csim(design).run(features).embeddings,
        "cycle": simulate(design, features).embeddings,
        "rtl": Rtl(design).embeddings(features),
    }
    for level, found in levels.items():
        for t, a, b in zip(lengths, expected, found, strict=True):
            np.testing.assert_array_equal(a, b.reshape(-1), err_msg=f"{level}, {t} frames")
    comparison = Rtl(design).check(features)
    assert comparison.equal and comparison.handshakes > 0, comparison.first
