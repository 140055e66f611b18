"""Weights in the order in which the kernels gather windows."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from hwsv.emulator.vectors import GROUP
from hwsv.units.mvtu import Mvtu
from hwsv.units.sliding_window import SlidingWindow


def slot_bits(channels: int) -> int:
    """Bits that a tap takes in a packed window: a power of two that divides 32, or whole words."""
    if channels > 16:
        return -(-channels // 32) * 32
    return 1 << (channels - 1).bit_length()


def pack_channels(values: NDArray[np.int64]) -> NDArray[np.uint32]:
    """+-1 ``[n, C]`` to words ``uint32 [n, ceil(C / 32)]``."""
    n, channels = values.shape
    padded = np.zeros((n, -(-channels // 32) * 32), np.uint8)
    padded[:, :channels] = values > 0
    return np.packbits(padded, axis=1, bitorder="little").view("<u4").astype(np.uint32)


def bit_weights(unit: Mvtu, window: SlidingWindow) -> NDArray[np.uint32]:
    """Weights of a bipolar product in the order of the packed window: ``uint32 [groups, words * GROUP]``."""
    outputs = unit.out_channels
    if unit.flatten_frames:  # one "tap" of P positions; the array is [words of a position, P]
        words = pack_channels(unit.weights.reshape(-1, unit.channels)).reshape(outputs, -1, -(-unit.channels // 32))
        return _groups(words.transpose(0, 2, 1).reshape(outputs, -1))
    slot = slot_bits(window.channels)
    taps = np.full((outputs, window.taps, slot), -1, np.int64)
    taps[:, :, : window.channels] = unit.weights.reshape(outputs, window.taps, window.channels)
    return _groups(pack_channels(taps.reshape(outputs, -1)))


def int_weights(unit: Mvtu) -> NDArray[np.float64]:
    """Weights of an integer product in the order of the gathered window: ``float64 [groups, inputs *
    GROUP]``."""
    weights = unit.weights
    if unit.flatten_frames:  # the array is [C, P]
        weights = weights.reshape(unit.out_channels, -1, unit.channels).transpose(0, 2, 1)
    return _groups(weights.reshape(unit.out_channels, -1).astype(np.float64))


def _groups(weights: NDArray[Any]) -> NDArray[Any]:
    """``[channels, words]`` as ``[groups, words * GROUP]``: neighbouring channels side by side, zeros behind the
    last."""
    channels, words = weights.shape
    padded = np.zeros((-(-channels // GROUP), GROUP, words), weights.dtype)
    padded.reshape(-1, words)[:channels] = weights
    return padded.transpose(0, 2, 1).reshape(len(padded), -1)
