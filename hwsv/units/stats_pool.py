"""Mean + deviation pooling: sums, sums of squares, and counts of integer inequalities; no division, no root."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from hwsv import datatypes
from hwsv.custom_ops.stats_pool import StatsPoolParams, stats_pool_int
from hwsv.units.base import Cost, HlsConstant, Memory, Stream, Tensor, Unit, check_divides, require
from hwsv.units.beats import Actor, Segment, SharedBuffer

DRAIN_OVERHEAD = 6
"""Beats a drained value takes beside one a threshold: bank read, V = N*S2 - S1^2 (3), compare pipeline."""

MAX_POSITIONS = 2**16
"""Pooled positions that the accumulators are sized for."""

HLS_MIN_DISTANCE = 4
"""Sums that are added to again within this many beats are kept in registers by HLS, not in RAM."""


@dataclass(frozen=True, eq=False)
class StatsPool(Unit):
    """The custom op ``hwsv.StatsPool`` as a unit: one output frame an utterance.

    Over N pooled positions: S1 = sum x, S2 = sum x^2, V = N*S2 - S1^2; the mean is
    ``mean_offset + #{i : mean_mult * S1 >= mean_thresholds[i] * N}``, the deviation
    ``#{i : dev_mult * V >= dev_thresholds[i] * N^2}``. `over_freq`: pool over time and frequency, else over time.
    Output pixels hold the means of all channels, then the deviations. lanes: input lanes; outputs leave one by one.
    """

    freq: int
    channels: int
    in_dtype: str
    out_dtype: str
    over_freq: bool
    mean_mult: int
    mean_thresholds: Tensor
    mean_offset: int
    dev_mult: int
    dev_thresholds: Tensor
    lanes: int = 1

    kind: ClassVar[str] = "stats_pool"
    latency: ClassVar[int] = 4
    frame_aware: ClassVar[bool] = True

    def __post_init__(self) -> None:
        check_divides("stats_pool: lanes", self.lanes, self.channels, "channels")
        for levels in (self.mean_thresholds, self.dev_thresholds):
            ascending = levels.ndim == 1 and bool((np.diff(levels) > 0).all())
            require(ascending, "stats_pool: thresholds must ascend strictly")
        require(self.mean_mult > 0 and self.dev_mult > 0, "stats_pool: multipliers must be positive")
        low, high = datatypes.limits(self.out_dtype)
        top = max(self.mean_offset + len(self.mean_thresholds), len(self.dev_thresholds))
        require(self.out_dtype != datatypes.BIPOLAR, "stats_pool: results are counts, BIPOLAR has no 0")
        require(low <= min(self.mean_offset, 0) and top <= high, f"stats_pool: results exceed {self.out_dtype}")

    @property
    def out_freq(self) -> int:
        return 1 if self.over_freq else self.freq

    def inputs(self) -> tuple[Stream, ...]:
        return (Stream(self.freq, self.channels, self.in_dtype, self.lanes),)

    def outputs(self) -> tuple[Stream, ...]:
        return (Stream(self.out_freq, 2 * self.channels, self.out_dtype, 1),)

    def out_frames(self, frames: int) -> int:
        return 1

    def golden(self, *tensors: Tensor) -> tuple[Tensor, ...]:
        return (self._apply(tensors[0], self.mean_thresholds, self.dev_thresholds),)

    def _apply(self, x: Tensor, mean_thresholds: Tensor, dev_thresholds: Tensor) -> Tensor:
        """The operator's own definition, on [T, F, C] instead of [1, C, T, F]."""
        positions = len(x) * (self.freq if self.over_freq else 1)
        require(
            positions <= MAX_POSITIONS,
            f"stats_pool: {positions} positions exceed the {MAX_POSITIONS} that it is sized for",
        )
        params = StatsPoolParams(
            "time_freq" if self.over_freq else "time", 1.0,
            self.mean_mult, tuple(mean_thresholds.tolist()), self.mean_offset,
            self.dev_mult, tuple(dev_thresholds.tolist()),
        )  # fmt: skip
        return stats_pool_int(x.transpose(2, 0, 1)[None], params)[0].transpose(1, 2, 0)

    def memories(self) -> dict[str, Memory]:
        return {
            name: Memory(levels[:, None], datatypes.smallest(int(levels.min()), int(levels.max())), "thresholds")
            for name, levels in (("mean", self.mean_thresholds), ("dev", self.dev_thresholds))
        }

    def from_words(self, inputs: list[Tensor], memories: dict[str, Tensor]) -> list[Tensor]:
        x = self.inputs()[0].tensor(inputs[0])
        return [self._apply(x, memories["mean"][:, 0], memories["dev"][:, 0]).reshape(-1, 1)]

    def hls_constants(self) -> dict[str, HlsConstant]:
        s1, s2 = self.accumulator_bits()
        n = MAX_POSITIONS.bit_length()
        means, devs = (memory.dtype for memory in self.memories().values())
        wide = max(
            s1 + self.mean_mult.bit_length(), s2 + 1 + n + self.dev_mult.bit_length(),
            datatypes.bits(means) + n, datatypes.bits(devs) + 2 * n,
        )  # fmt: skip
        sums = self.out_freq * self.channels // self.lanes
        return {
            "channels": self.channels, "sum_bits": s1, "square_bits": s2 + 1,
            "wide_bits": wide + 1, "banks": sums if sums <= HLS_MIN_DISTANCE else 1,
            "mean_mult": self.mean_mult, "mean_offset": self.mean_offset, "dev_mult": self.dev_mult,
        }  # fmt: skip

    def rtl_parameters(self) -> dict[str, int]:
        s1, s2 = self.accumulator_bits()
        means, devs = (memory.dtype for memory in self.memories().values())
        return {
            "LANES": self.lanes, "FOLDS": self.channels // self.lanes, "FREQ": self.freq,
            "OVER_FREQ": int(self.over_freq), "OVERHEAD": DRAIN_OVERHEAD,
            "IN_BITS": datatypes.bits(self.in_dtype), "IN_KIND": datatypes.rtl_kind(self.in_dtype),
            "OUT_BITS": datatypes.bits(self.out_dtype),
            "SUM_BITS": s1, "SQUARE_BITS": s2, "POSITION_BITS": datatypes.signed_bits(MAX_POSITIONS),
            "MEAN_MULT": self.mean_mult, "MEAN_MULT_BITS": datatypes.signed_bits(self.mean_mult),
            "MEAN_OFFSET": self.mean_offset, "MEAN_KIND": datatypes.rtl_kind(means),
            "DEV_MULT": self.dev_mult, "DEV_MULT_BITS": datatypes.signed_bits(self.dev_mult),
            "DEV_KIND": datatypes.rtl_kind(devs),
        }  # fmt: skip

    def actors(self, frames: int) -> tuple[Actor, ...]:
        """Accumulate fills a bank an utterance; drain empties it, so that the next utterance need not wait."""
        banks = SharedBuffer("banks", 2, 1)
        words = frames * self.inputs()[0].words_per_frame
        pops, ones = np.ones(words, np.int64), np.ones(words, np.int64)
        pops[0] = 3  # the length comes with the first word
        writes, space = np.zeros(words, np.int64), np.zeros(words, np.int64)
        writes[-1] = space[0] = 1
        fill = Segment(ones, pops, 0 * ones, writes=writes, space=space)
        values = self.out_freq * 2 * self.channels
        period = self.drain_beats_per_value
        delay, needs, frees = np.full(values, period), np.zeros(values, np.int64), np.zeros(values, np.int64)
        needs[0] = frees[-1] = 1
        # the bank is claimed on a beat of its own, before the first value's beats
        start = Segment(np.ones(1, np.int64), np.zeros(1, np.int64), np.zeros(1, np.int64), needs=np.ones(1, np.int64))
        drain = Segment(delay, 0 * delay, np.ones(values, np.int64), needs=needs, frees=frees)
        return (
            Actor("accumulate", 0, (fill,), (0, 1), (), banks, beats=words),
            Actor("drain", self.latency, (start, drain), (), (0,), banks, beats=1 + period * values),
        )

    @property
    def drain_beats_per_value(self) -> int:
        return max(len(self.mean_thresholds), len(self.dev_thresholds)) + DRAIN_OVERHEAD

    def accumulator_bits(self) -> tuple[int, int]:
        """Bits of S1 and S2 for MAX_POSITIONS positions."""
        low, high = datatypes.limits(self.in_dtype)
        largest = max(abs(low), abs(high))
        return (largest * MAX_POSITIONS).bit_length() + 1, (largest * largest * MAX_POSITIONS).bit_length()

    def cost(self) -> Cost:
        s1, s2 = self.accumulator_bits()
        words = self.channels * (1 if self.over_freq else self.freq)
        return Cost(
            lut=(2 * self.lanes + 16) * (s1 + s2), ff=(2 * self.lanes + 27) * (s1 + s2), dsp=self.lanes + 10,
            rams={"accumulators": (words // self.lanes, self.lanes * (s1 + s2))}, banks={"accumulators": 2},
        )  # fmt: skip
