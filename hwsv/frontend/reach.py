"""Which integers can occur on a tensor: an interval a channel, and the step that they keep."""

from dataclasses import dataclass
from math import gcd

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Reach:
    """Channel c holds only ``low[c] + k * step`` up to ``high[c]``; all channels are congruent modulo `step`."""

    low: Ints
    high: Ints
    step: int = 1

    @property
    def ends(self) -> tuple[int, int]:
        """Smallest and largest integer over all channels."""
        return int(self.low.min()), int(self.high.max())

    def grid(self) -> Ints:
        """Every integer that can occur on some channel."""
        low, high = self.ends
        return np.arange(low, high + 1, self.step, dtype=np.int64)

    def mask(self) -> NDArray[np.bool_]:
        """[C, grid]: which of `grid` can occur on which channel."""
        grid = self.grid()
        return (grid >= self.low[:, None]) & (grid <= self.high[:, None])

    def with_zero(self) -> "Reach":
        """Zeros may stand in for a value (padding)."""
        return self.including(0)

    def including(self, value: int) -> "Reach":
        """`value` may occur as well."""
        step = gcd(self.step, int(self.low[0]) - value)
        return Reach(np.minimum(self.low, value), np.maximum(self.high, value), step or self.step)


def of_values(values: Ints, mask: NDArray[np.bool_]) -> Reach:
    """The reach of a table [C, n] where `mask` holds."""
    low = np.where(mask, values, np.iinfo(np.int64).max).min(axis=1)
    high = np.where(mask, values, np.iinfo(np.int64).min).max(axis=1)
    return Reach(low, high, _step(values[mask] - low[0]))


def of_product(x: Reach, weights: Ints) -> Reach:
    """Sums of weights [O, C, taps] times a tap of channel C, padded taps included in `x` where there are any."""
    low = (weights * np.where(weights > 0, x.low[:, None], x.high[:, None])).sum(axis=(1, 2))
    high = (weights * np.where(weights > 0, x.high[:, None], x.low[:, None])).sum(axis=(1, 2))
    step = x.step * int(np.gcd.reduce(weights, axis=None))
    return Reach(low, high, gcd(step, _step(low - low[0]) if len(low) > 1 else 0) or 1)


def partial_sums(x: Reach, weights: Ints) -> tuple[int, int]:
    """Ends of every partial sum of the products, in whatever order they are added."""
    products = weights * x.low[:, None], weights * x.high[:, None]
    low, high = np.minimum(*products).clip(max=0), np.maximum(*products).clip(min=0)
    return int(low.sum(axis=(1, 2)).min()), int(high.sum(axis=(1, 2)).max())


def of_sum(a: Reach, b: Reach, mult: tuple[int, int]) -> Reach:
    """mult[0] * a + mult[1] * b of two independent tensors."""
    parts = [(r.low * m, r.high * m) if m >= 0 else (r.high * m, r.low * m) for r, m in zip((a, b), mult, strict=True)]
    low, high = parts[0][0] + parts[1][0], parts[0][1] + parts[1][1]
    step = gcd(a.step * mult[0], b.step * mult[1])
    return Reach(low, high, gcd(step, _step(low - low[0])) or 1)


def of_concat(parts: list[Reach]) -> Reach:
    """Channels one after the other."""
    low = np.concatenate([r.low for r in parts])
    step = gcd(*(r.step for r in parts), _step(low - low[0]))
    return Reach(low, np.concatenate([r.high for r in parts]), step)


def _step(differences: Ints) -> int:
    """Greatest common divisor; 1 where all are 0."""
    return int(np.gcd.reduce(differences, axis=None, initial=0)) or 1
