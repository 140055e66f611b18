"""Random configurations for co-simulation: single units in all their types and foldings, and whole networks."""

from random import Random

from hwsv import datatypes
from hwsv.cosim import Case
from hwsv.graph import INPUT, LENGTH, OUTPUT, Channel, Node, UnitGraph
from hwsv.units.add import Add
from hwsv.units.base import Tensor, Unit
from hwsv.units.concat import Concat
from hwsv.units.fork import Fork
from hwsv.units.mvtu import Mvtu
from hwsv.units.pool import Pool
from tests.rtl import alone
from tests.simulator import networks
from tests.units import catalogue


def random_case(r: Random) -> Case:
    """A unit alone, a unit behind a window, a join behind a fork, or a network."""
    return r.choice([single_unit, single_unit, windowed, join, network, network])(r)


def single_unit(r: Random) -> Case:
    """A unit of one input and one output."""
    makers = [catalogue.lookup, catalogue.mvtu, catalogue.pool, catalogue.requantise, catalogue.sliding_window,
              catalogue.stats_pool, catalogue.threshold, catalogue.width_converter]  # fmt: skip
    return alone.random_case(r, r.choice(makers)(r), r.randint(1, 4))


def windowed(r: Random) -> Case:
    """A window and the pooling or the product that takes its words, padding marks included."""
    window = catalogue.sliding_window(r)
    stream = window.outputs()[0]
    after: Unit
    if r.random() < 0.5:
        low, high = (bound * window.taps for bound in datatypes.limits(stream.dtype))
        operation = r.choice(["max", "sum"])
        out = stream.dtype if operation == "max" else datatypes.smallest(min(low, 0), high)
        after = Pool(
            stream.freq, window.channels, window.taps, operation, stream.dtype, out, stream.pad_mark, stream.lanes
        )  # fmt: skip
    else:
        outputs = r.choice(catalogue.CHANNELS)
        weight = r.choice(["BIPOLAR", "INT2", "INT4"])
        weights = catalogue.values(r, weight, (outputs, stream.channels))
        bound = stream.channels * max(map(abs, datatypes.limits(stream.dtype))) * 8
        after = Mvtu(
            stream.freq, stream.channels, window.channels, weights, stream.dtype, weight,
            datatypes.smallest(-bound, bound), stream.pad_mark, 0, catalogue.lanes(r, outputs), stream.lanes,
        )  # fmt: skip
    nodes = [Node("window", window, (INPUT,), ("words",), LENGTH), Node("unit", after, ("words",), (OUTPUT,))]
    return _case(r, nodes)


def join(r: Random) -> Case:
    """A fork, and all its copies together again."""
    fork = catalogue.fork(r)
    copies = tuple(f"copy{i}" for i in range(fork.copies))
    unit: Unit
    if r.random() < 0.5:
        unit = Concat(fork.freq, (fork.channels,) * fork.copies, fork.dtype, fork.lanes)
        return _case(r, [Node("fork", fork, (INPUT,), copies), Node("unit", unit, copies, (OUTPUT,))])
    fork = Fork(fork.freq, fork.channels, fork.dtype, 2, fork.lanes)
    low, high = sorted((r.randint(-64, 63), r.randint(-64, 63)))
    mult = r.choice([1, 2, 4]), r.choice([-1, 1, 3])
    unit = Add(fork.freq, fork.channels, (fork.dtype,) * 2, "INT7", low, high, mult, fork.lanes)
    return _case(r, [Node("fork", fork, (INPUT,), copies[:2]), Node("unit", unit, copies[:2], (OUTPUT,))])


def network(r: Random) -> Case:
    """A wired network with random latencies; some FIFOs of half of them are too shallow, and a few hang."""
    graph = networks.random_wired(r)
    while any(node.unit.kind == "paced" for node in graph):  # a unit of the simulator's tests
        graph = networks.random_wired(r)
    graph.channels = networks.random_channels(r, graph, shallow=r.choice([0, 0.3]))
    return Case(graph, features(r, graph, networks.random_frames(r, graph)), networks.random_stalls(r))


def features(r: Random, graph: UnitGraph, frames: list[int]) -> list[Tensor]:
    """Random utterances: int64 [T, F, C] each, the type's limits included."""
    stream = graph.stream(INPUT)
    return [catalogue.values(r, stream.dtype, (t, stream.freq, stream.channels)) for t in frames]


def _case(r: Random, nodes: list[Node]) -> Case:
    graph = UnitGraph("random", nodes)
    tensors = {t for node in nodes for t in (*node.all_inputs, *node.outputs)}
    graph.channels = {t: Channel(r.choice([1, 2, 3, 4, 5, 8, 17]), r.choice([1, 1, 2, 3])) for t in sorted(tensors)}
    unit = nodes[0].unit
    frames = [catalogue.legal_frames(r, unit) for _ in range(r.randint(1, 4))]
    return Case(graph, features(r, graph, frames), networks.random_stalls(r))
