"""Sliding window: a line buffer between a writer and a reader that turns pixels into windows, padding included."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from hwsv import datatypes
from hwsv.bits import PAD
from hwsv.units.base import Cost, HlsConstant, Stream, Tensor, Unit, check_divides, require
from hwsv.units.beats import Actor, Segment, SharedBuffer

NO_VALUE = -(2**31)
"""`pad_value` of a window whose padded taps are marked instead of holding a constant."""

HLS_RELEASE_BEATS = 4
"""Beats after which the HLS template reuses a freed pixel (``window_release_beats`` there)."""


@dataclass(frozen=True, eq=False)
class SlidingWindow(Unit):
    """Windows of ``kernel`` (time, frequency) at ``stride`` over a frame padded by ``pads`` (t0, f0, t1, f1).

    Output pixel (y, x) holds the taps in order ky, kx, then the channels. Padded taps are marked (they add 0 to a dot
    product, and a maximum ignores them), or hold ``pad_value`` where the network pads with another constant.
    """

    freq: int
    channels: int
    dtype: str
    kernel: tuple[int, int]
    stride: tuple[int, int] = (1, 1)
    pads: tuple[int, int, int, int] = (0, 0, 0, 0)
    pad_value: int = NO_VALUE
    lanes: int = 1

    kind: ClassVar[str] = "sliding_window"
    latency: ClassVar[int] = 1
    frame_aware: ClassVar[bool] = True

    def __post_init__(self) -> None:
        check_divides("sliding_window: lanes", self.lanes, self.channels, "channels")
        t0, f0, t1, f1 = self.pads
        (kt, kf), (st, sf) = self.kernel, self.stride
        require(min(kt, kf, st, sf) >= 1 and min(self.pads) >= 0, "sliding_window: kernel, stride, pads out of range")
        require(max(t0, t1) < kt and max(f0, f1) < kf, "sliding_window: padding must be smaller than the kernel")
        require(self.out_freq >= 1, f"sliding_window: kernel {kf} is wider than the padded frame")
        if self.pad_value != NO_VALUE:
            low, high = datatypes.limits(self.dtype)
            ok = low <= self.pad_value <= high and (self.dtype != datatypes.BIPOLAR or self.pad_value != 0)
            require(ok, f"sliding_window: padding value {self.pad_value} is not a {self.dtype}")

    @property
    def taps(self) -> int:
        return self.kernel[0] * self.kernel[1]

    @property
    def out_freq(self) -> int:
        return (self.freq + self.pads[1] + self.pads[3] - self.kernel[1]) // self.stride[1] + 1

    @property
    def marks(self) -> bool:
        return any(self.pads) and self.pad_value == NO_VALUE

    @property
    def buffer_pixels(self) -> int:
        """Places in the line buffer: ``(K_t + S_t - 2) * W + K_f + S_f``.

        (K-1)*W + K pixels hold a window. A vertical stride S needs S-1 rows more to keep the full rate (without them
        the rows that it skips arrive while the reader waits: nano ran 1.35x slower), a horizontal one the S-1 pixels
        that it may leave over at the end of a row (without them a 1x1 window of stride 2 waits for ever). One more
        covers the cycle until a freed pixel is seen to be free.
        """
        (kt, kf), (st, sf) = self.kernel, self.stride
        return (kt + st - 2) * self.freq + kf + sf

    def out_frames(self, frames: int) -> int:
        return (frames + self.pads[0] + self.pads[2] - self.kernel[0]) // self.stride[0] + 1

    def min_frames(self) -> int:
        return max(1, self.kernel[0] - self.pads[0] - self.pads[2])

    def inputs(self) -> tuple[Stream, ...]:
        return (Stream(self.freq, self.channels, self.dtype, self.lanes),)

    def outputs(self) -> tuple[Stream, ...]:
        return (Stream(self.out_freq, self.taps * self.channels, self.dtype, self.lanes, self.marks),)

    def golden(self, *tensors: Tensor) -> tuple[Tensor, ...]:
        (x,) = tensors
        t0, f0, t1, f1 = self.pads
        fill = PAD if self.pad_value == NO_VALUE else self.pad_value
        padded = np.pad(x, ((t0, t1), (f0, f1), (0, 0)), constant_values=fill)
        windows = np.lib.stride_tricks.sliding_window_view(padded, self.kernel, axis=(0, 1))  # type: ignore[call-overload]
        strided = windows[:: self.stride[0], :: self.stride[1]]  # [T', F', C, kt, kf]
        return (strided.transpose(0, 1, 3, 4, 2).reshape(len(strided), self.out_freq, -1),)

    def hls_constants(self) -> dict[str, HlsConstant]:
        """Places in the ring of pixels are counted up, never divided: where each row and column moves them to."""
        (kt, kf), (st, sf), (t0, f0, t1, _) = self.kernel, self.stride, self.pads
        ring = self.buffer_pixels + -(-HLS_RELEASE_BEATS * self.lanes // self.channels)
        return {
            "kernel_t": kt, "kernel_f": kf, "stride_t": st, "stride_f": sf, "pad_t": t0, "pad_f": f0, "pad_end_t": t1,
            "pad_value": self.pad_value if any(self.pads) and not self.marks else 0,
            "buffer_pixels": ring, "first_slot": (-t0 * self.freq - f0) % ring,
            "row_step": st * self.freq % ring, "col_step": sf % ring,
        }  # fmt: skip

    def rtl_parameters(self) -> dict[str, int]:
        (kt, kf), (st, sf), (t0, f0, t1, _) = self.kernel, self.stride, self.pads
        fill = 0 if self.pad_value == NO_VALUE else self.pad_value
        return {
            "LANES": self.lanes, "BITS": datatypes.bits(self.dtype), "FOLDS": self.channels // self.lanes,
            "FREQ": self.freq, "OUT_FREQ": self.out_freq, "PIXELS": self.buffer_pixels,
            "KERNEL_T": kt, "KERNEL_F": kf, "STRIDE_T": st, "STRIDE_F": sf, "PAD_T": t0, "PAD_F": f0, "PAD_END_T": t1,
            "MARK": int(self.marks), "PAD_CODE": max(fill, 0) if self.dtype == datatypes.BIPOLAR else fill,
        }  # fmt: skip

    def actors(self, frames: int) -> tuple[Actor, ...]:
        buffer = SharedBuffer("lines", self.buffer_pixels, frames * self.freq)
        return self._writer(frames, buffer), self._reader(frames, buffer)

    def beats(self, frames: int) -> int:
        pixels = max(frames * self.freq, self.out_frames(frames) * self.out_freq * self.taps)
        return pixels * self.channels // self.lanes

    def _writer(self, frames: int, buffer: SharedBuffer) -> Actor:
        """One word a beat; a pixel waits for a free place with its first word and counts as written with its last."""
        n = self.channels // self.lanes
        first, last = np.zeros(n, np.int64), np.zeros(n, np.int64)
        first[0] = last[-1] = 1
        ones = np.ones(n, np.int64)
        segment = Segment(ones, ones, 0 * ones, repeats=frames * self.freq, writes=last, space=first)
        return Actor("writer", 0, (segment,), (0,), (), buffer, beats=n * frames * self.freq)

    def _reader(self, frames: int, buffer: SharedBuffer) -> Actor:
        """One word a beat in output order: position y, x, tap ky, kx, channel fold.

        A tap needs its pixel; the very first beat needs the utterance's first pixel even if it is padding, so later
        padded taps need nothing more. The last beat of a position frees all pixels before the first one that the next
        position needs, and must itself have seen them written.
        """
        rows, cols, folds = self.out_frames(frames), self.out_freq, self.channels // self.lanes
        (kt, kf), (st, sf), (t0, f0, _, _) = self.kernel, self.stride, self.pads
        y = (np.arange(rows) * st - t0)[:, None, None, None] + np.arange(kt)[None, None, :, None]
        x = (np.arange(cols) * sf - f0)[None, :, None, None] + np.arange(kf)[None, None, None, :]
        inside = (y >= 0) & (y < frames) & (x >= 0) & (x < self.freq)
        needs = np.where(inside, y * self.freq + x + 1, 0)  # items that must have been written
        # first pixel that a position or any later one needs: a window that begins above the frame frees nothing,
        # since the rows of pixels that it sees are seen again
        first_x = np.maximum(0, np.arange(cols) * sf - f0)[None, :]
        first = np.maximum(0, (np.arange(rows) * st - t0)[:, None] * self.freq + first_x).reshape(-1)
        released = np.append(first[1:], frames * self.freq)
        needs = np.repeat(needs.reshape(rows * cols, self.taps), folds, axis=1)
        frees = np.zeros_like(needs)
        frees[:, -1] = released
        needs[:, -1] = np.maximum(needs[:, -1], released)
        segments = tuple(
            _row_segment(needs[a:b], frees[a:b], repeats, st * self.freq)
            for a, b, repeats in _row_groups(rows, cols, self.kernel[0], st, t0, frames)
        )
        # the frame's length is popped on its first beat
        head, *rest = segments
        segments = (*_with_length(head), *rest)
        return Actor("reader", self.latency, segments, (1,), (0,), buffer, beats=needs.size)

    def cost(self) -> Cost:
        words = self.buffer_pixels * self.channels // self.lanes
        lines = {"line_buffers": (words, self.inputs()[0].word_bits)}
        return Cost(lut=165 + 1.0 * self.outputs()[0].word_bits, ff=80, rams=lines)


def _row_groups(rows: int, cols: int, kernel: int, stride: int, pad: int, frames: int) -> list[tuple[int, int, int]]:
    """Output rows as (first position, one past, repeats): the rows without padding are one repeated table.

    The first interior row serves as the table; the last row is apart, since it frees the whole frame.
    """
    top = min(rows, -(-pad // stride))
    inner = min(rows - 1, (frames + pad - kernel) // stride + 1) - top
    if inner < 2:
        return [(0, rows * cols, 1)]
    groups = [(0, top * cols, 1)] if top else []
    groups.append((top * cols, (top + 1) * cols, inner))
    groups.append(((top + inner) * cols, rows * cols, 1))
    return groups


def _row_segment(needs: Tensor, frees: Tensor, repeats: int, step: int) -> Segment:
    flat_needs, flat_frees = needs.reshape(-1), frees.reshape(-1)
    ones = np.ones(flat_needs.size, np.int64)
    return Segment(
        ones, 0 * ones, ones, repeats, needs=flat_needs, frees=flat_frees,
        needs_step=step if repeats > 1 else 0, frees_step=step if repeats > 1 else 0,
    )  # fmt: skip


def _with_length(segment: Segment) -> list[Segment]:
    """The same beats with the length popped on the very first one, which also waits for the first pixel.

    A repeated table is unrolled once for it.
    """
    pops, first_needs = segment.column("pops").copy(), segment.column("needs").copy()
    pops[0] = 1
    first_needs[0] = max(1, first_needs[0])
    once = Segment(segment.delay, pops, segment.pushes, 1, needs=first_needs, frees=segment.column("frees"))
    if segment.repeats == 1:
        return [once]
    needs = segment.column("needs") + segment.needs_step * (segment.column("needs") > 0)
    frees = segment.column("frees") + segment.frees_step * (segment.column("frees") > 0)
    rest = Segment(
        segment.delay, segment.pops, segment.pushes, segment.repeats - 1, needs=needs, frees=frees,
        needs_step=segment.needs_step, frees_step=segment.frees_step,
    )  # fmt: skip
    return [once, rest]
