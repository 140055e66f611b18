"""The emulator: the network's integers, bit-packed and fast enough for an EER over thousands of utterances."""

import os
import threading
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hwsv.emulator.execute import Executor, Place
from hwsv.emulator.lower import Array, Step, lower
from hwsv.emulator.packed import check_streams, read_packed, write_packed
from hwsv.errors import InputError
from hwsv.graph import INPUT, UnitGraph
from hwsv.units.base import Tensor

__all__ = ["Emulator", "read_packed", "write_packed"]

_NO_MEMORY = np.zeros(0, np.int32)
"""What a thread starts with."""


class Emulator:
    """A network ready to run on any number of frames; safe to use from several threads."""

    def __init__(self, network: Path | str | UnitGraph) -> None:
        """network: a packed file or a unit graph. Raises InputError for what cannot be run."""
        self.graph = network if isinstance(network, UnitGraph) else read_packed(network)
        check_streams(self.graph)
        self.stream = self.graph.stream(INPUT)
        self._fused = Executor(lower(self.graph), self.stream.dtype)
        self._local = threading.local()

    def run(self, features: NDArray[np.integer]) -> NDArray[np.int64]:
        """The embedding int64 ``[E]`` of integer features ``[T, F, C]`` (or ``[T, F]`` where C is 1)."""
        memory = getattr(self._local, "memory", _NO_MEMORY)
        layout, memory = self._fused.run(self._checked(features), memory)
        self._local.memory = memory
        return _rows(memory, layout.places[self._fused.plan.output]).T.reshape(-1).astype(np.int64)

    def run_many(
        self,
        utterances: Sequence[NDArray[np.integer]],
        progress: Callable[[Iterable[NDArray[np.int64]]], Iterable[NDArray[np.int64]]] | None = None,
        threads: int | None = None,
    ) -> NDArray[np.int64]:
        """Embeddings int64 ``[n, E]`` of many utterances, in order. threads: as many as there are cores unless told.

        progress: wraps the iterator of results, such as ``partial(rich.progress.track, total=n)``.
        """
        with ThreadPoolExecutor(threads or os.cpu_count()) as pool:
            results = pool.map(self.run, utterances)
            rows = list(progress(results) if progress else results)
        if not rows:
            raise InputError("there are no utterances to embed")
        if len({row.size for row in rows}) > 1:
            raise InputError("this network's output grows with the utterance: give utterances of one length")
        return np.stack(rows)

    def tensors(self, features: NDArray[np.integer]) -> dict[str, Tensor]:
        """Every tensor of the graph, int64 ``[T, F, C]``, each unit by its own kernel call (no fusion).

        The keys are those of `UnitGraph.golden`; window tensors are copies of what their units read, padding marked.
        """
        layout, memory = self._separate.run(self._checked(features), _NO_MEMORY)
        plan = self._separate.plan
        arrays = {t: _as_tensor(memory, place, plan.arrays[t]) for t, place in layout.places.items()}
        windows = {t: unit.golden(arrays[source])[0] for t, (source, unit) in plan.windows.items()}
        return {name: windows[t] if t in windows else arrays[t] for name, t in plan.alias.items()}

    @property
    def steps(self) -> list[Step]:
        """The fused plan: one kernel call a step."""
        return self._fused.plan.steps

    @cached_property
    def _separate(self) -> Executor:
        return Executor(lower(self.graph, fuse=False), self.stream.dtype, keep=True)

    def _checked(self, features: NDArray[np.integer]) -> NDArray[np.int64]:
        """``[T, F, C]``, or InputError; the values are checked where they are used."""
        freq, channels = self.stream.freq, self.stream.channels
        features = np.asarray(features)
        if features.dtype.kind not in "iu":
            raise InputError(f"features must be integers, not {features.dtype}")
        if features.ndim == 2 and channels == 1:
            features = features[:, :, None]
        if features.ndim != 3 or features.shape[1:] != (freq, channels) or len(features) < 1:
            raise InputError(f"features must be [T, {freq}, {channels}] with T >= 1, not {list(features.shape)}")
        if features.dtype == np.uint64:
            features = np.minimum(features, np.iinfo(np.int64).max)
        return features.astype(np.int64, copy=False)


def _rows(memory: NDArray[np.int32], place: Place) -> NDArray[np.int32]:
    """The array ``[depth, T * F]`` at a place in the emulator's memory."""
    at, depth, pitch, positions, _ = place
    return memory[at : at + depth * pitch].reshape(depth, pitch)[:, :positions]


def _as_tensor(memory: NDArray[np.int32], place: Place, kept: Array) -> Tensor:
    """An array in the emulator's memory as int64 ``[T, F, C]``."""
    pixels = np.ascontiguousarray(_rows(memory, place).T)
    if kept.packed:
        planes = np.unpackbits(pixels.view(np.uint8), axis=1, bitorder="little")
        pixels = 2 * planes[:, : kept.channels].astype(np.int32) - 1
    return pixels.astype(np.int64).reshape(place.frames, kept.freq, kept.channels)
