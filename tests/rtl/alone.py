"""One unit between a source and a sink, for its tests against the cycle simulator."""

from random import Random

from hwsv.boards import Board, load_board
from hwsv.cosim import Case
from hwsv.graph import INPUT, LENGTH, OUTPUT, Channel, Node, UnitGraph
from hwsv.units.base import Unit
from tests.simulator.networks import random_stalls
from tests.units import catalogue


def alone(unit: Unit, depth: int = 8, latency: int = 1) -> UnitGraph:
    """The graph of a unit with one input and one output, all channels alike."""
    node = Node("unit", unit, (INPUT,), (OUTPUT,), LENGTH if unit.frame_aware else "")
    return UnitGraph("alone", [node], dict.fromkeys((*node.all_inputs, OUTPUT), Channel(depth, latency)))


def random_case(r: Random, unit: Unit, utterances: int = 3) -> Case:
    """Utterances of different lengths through channels of random depths and latencies, with random stalls."""
    graph = alone(unit)
    graph.channels = {tensor: Channel(r.choice([1, 2, 3, 5, 8, 16]), r.choice([1, 2, 3])) for tensor in graph.channels}
    frames = [catalogue.legal_frames(r, unit) for _ in range(utterances)]
    return Case(graph, [catalogue.inputs(r, unit, t)[0] for t in frames], random_stalls(r))


def all_block_ram() -> Board:
    """A board on which every memory that may be block RAM is."""
    board = load_board("ulx3s-85f")
    plenty = board.resources.model_copy(update={"bram_blocks": 10**9})
    return board.model_copy(update={"resources": plenty})
