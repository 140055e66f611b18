"""Comparison of the unit graph's golden model with the normalised ONNX, tensor by tensor."""

from pathlib import Path

import numpy as np

from hwsv import datatypes
from hwsv.frontend import Imported, import_model
from hwsv.frontend.execute import run_onnx, run_raw, to_tfc
from hwsv.frontend.load import load_model
from hwsv.graph import OUTPUT


def features(imported: Imported, frames: int, seed: int = 0) -> np.ndarray:
    """Random integers of the input's type, [frames, F, C]."""
    rng = np.random.default_rng(seed)
    spec = imported.input
    shape = (frames, spec.freq, spec.channels)
    if spec.dtype == datatypes.BIPOLAR:
        return rng.choice(np.array([-1, 1]), shape)
    low, high = datatypes.limits(spec.dtype)
    return rng.integers(low, high + 1, shape)


def lengths(imported: Imported) -> list[int]:
    """Several T that the network takes."""
    spec = imported.input
    return [spec.frames_fixed] if spec.frames_fixed else [spec.frames_min, spec.frames_min + 1, 23, 40]


def differing_tensors(imported: Imported, x: np.ndarray) -> list[str]:
    """Unit tensors that differ from the normalised model's; every mapped tensor is compared."""
    golden = imported.graph.golden(x)
    reference = run_onnx(imported.normalised, x)
    assert imported.tensor_map[OUTPUT] in reference
    return [t for t, name in imported.tensor_map.items() if not np.array_equal(golden[t], to_tfc(reference[name]))]


def assert_exact(path: Path) -> Imported:
    """Import, and compare all mapped tensors for several lengths; streams hold what their data types say."""
    imported = import_model(path)
    for frames in lengths(imported):
        x = features(imported, frames, frames)
        assert differing_tensors(imported, x) == []
        for tensor, values in imported.graph.golden(x).items():
            stream = imported.graph.stream(tensor)
            low, high = datatypes.limits(stream.dtype)
            held = values[values != np.iinfo(np.int64).min]
            assert held.size == 0 or (low <= held.min() and held.max() <= high), tensor
            assert stream.dtype != datatypes.BIPOLAR or (np.abs(held) == 1).all(), tensor
            assert values.shape[1:] == (stream.freq, stream.channels), tensor
    return imported


def raw_differences(path: Path, imported: Imported) -> tuple[int, int]:
    """(differing, all) last accumulators of the model as given."""
    raw = load_model(path)
    wrong = total = 0
    for frames in lengths(imported):
        x = features(imported, frames, frames)
        expected = imported.graph.golden(x)[OUTPUT]
        given = run_raw(raw, imported.normalised, x, imported.input.scale)
        wrong += int((given != expected).sum())
        total += expected.size
    return wrong, total
