"""What a board that holds a design says of itself: put into the shells, expected by the drivers."""

from hwsv import __version__
from hwsv.design import Design
from hwsv.graph import INPUT, OUTPUT, UnitGraph
from hwsv.host.uart_protocol import PROTOCOL_VERSION, Info


def board_info(design: Design, protocol: int = PROTOCOL_VERSION) -> Info:
    """INFO of `design`, made by this hwsv at the board file's clock."""
    manifest, spec = design.manifest, design.manifest.input
    low, high = (spec.frames_fixed,) * 2 if spec.frames_fixed else (spec.frames_min, spec.frames_max)
    clock_hz = round(manifest.board.clock_hz)
    return graph_info(design.graph, low, high, manifest.outputs, clock_hz, manifest.hash, protocol)


def graph_info(
    graph: UnitGraph, low: int, high: int, outputs: int, clock_hz: int, design_hash: str, protocol: int
) -> Info:
    """INFO of a wired graph that takes `low` … `high` frames and gives `outputs` integers."""
    features, embedding = graph.stream(INPUT), graph.stream(OUTPUT)
    return Info(
        feature_bytes=-(-features.word_bits // 8),
        frame_words=features.words_per_frame,
        frames_min=low,
        frames_max=high,
        result_bytes=-(-embedding.word_bits // 8),
        result_words=outputs // embedding.lanes,
        clock_hz=clock_hz,
        design_hash=design_hash,
        hwsv_version=__version__,
        protocol=protocol,
    )
