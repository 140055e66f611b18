"""Co-simulation: RTL in Verilator against the cycle simulator, every push and pop of every channel, word and cycle.

For a unit's tests: wire one or many small graphs around it (``features`` in, ``embedding`` out), and ::

    from hwsv.cosim import Case, cosimulate

    graph = wire(fold(unfolded, frames, cycles))                 # or make nodes and graph.channels by hand
    x = [np.random.default_rng(0).integers(-8, 8, (t, freq, channels)) for t in (7, 4)]
    results = cosimulate([Case(graph, x), Case(graph, x, {"sink": np.array([True, False, False])})], tmp_path)
    for result in results:
        assert result.equal and result.handshakes > 0, result.first

All cases of a call are one Verilator build (half a second of processor time a small network, kept by content in the
folder), so few calls with many cases are quickest. ``result.first`` names unit, channel, number, cycles and words of
the first difference.
"""

from hwsv.cosim.compare import Comparison, Difference
from hwsv.cosim.run import Case, Rtl, cosimulate

__all__ = ["Case", "Comparison", "Difference", "Rtl", "cosimulate"]
