"""Matrix-vector unit: XNOR-popcount for bipolar operands, multiply-accumulate for integers; accumulators out."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from hwsv import datatypes
from hwsv.bits import PAD
from hwsv.units.base import Cost, HlsConstant, Memory, Stream, Tensor, Unit, check_divides, require
from hwsv.units.beats import Actor, periodic


@dataclass(frozen=True, eq=False)
class Mvtu(Unit):
    """``out[p, o] = sum_i weights[o, i] * in[p, i]`` for every pixel p; padded taps add 0.

    freq: pixels a frame at the input; channels: elements a pixel (taps * C, tap-major); tap_channels: C, which SIMD
    must divide so that a beat never spans taps; flatten_frames: 0, or the number of frames that one product takes in (a
    Linear after a Flatten: one output pixel for ``flatten_frames`` frames of ``freq * channels`` elements).
    weights: int64 [out_channels, inputs of one product]; weight_dtype, in_dtype, acc_dtype: data types.
    pe: output channels a beat; simd: inputs a beat.
    """

    freq: int
    channels: int
    tap_channels: int
    weights: Tensor
    in_dtype: str
    weight_dtype: str
    acc_dtype: str
    pad_mark: bool = False
    flatten_frames: int = 0
    pe: int = 1
    simd: int = 1

    kind: ClassVar[str] = "mvtu"
    latency: ClassVar[int] = 5
    """Weight RAM read, its output register, XNOR/multiply + two popcount stages, accumulate."""

    def __post_init__(self) -> None:
        require(self.weights.ndim == 2, "mvtu: weights must be a matrix [out_channels, inputs]")
        check_divides("mvtu: simd", self.simd, self.tap_channels, "input channels")
        check_divides("mvtu: pe", self.pe, self.out_channels, "output channels")
        require(self.channels % self.tap_channels == 0, "mvtu: a pixel must hold whole taps")
        require(self.weights.shape[1] == self.synapses, f"mvtu: weights need {self.synapses} columns")
        low, high = datatypes.limits(self.weight_dtype)
        legal = (self.weights >= low) & (self.weights <= high)
        legal &= (self.weights != 0) | (self.weight_dtype != datatypes.BIPOLAR)
        require(bool(legal.all()), f"mvtu: weights exceed {self.weight_dtype}")

    @property
    def out_channels(self) -> int:
        return int(self.weights.shape[0])

    @property
    def synapses(self) -> int:
        """Inputs of one product (the matrix width)."""
        return self.channels * (self.freq * self.flatten_frames if self.flatten_frames else 1)

    @property
    def neuron_folds(self) -> int:
        return self.out_channels // self.pe

    @property
    def synapse_folds(self) -> int:
        return self.synapses // self.simd

    def products(self, frames: int) -> int:
        """Matrix-vector products for an utterance of `frames` input frames."""
        return 1 if self.flatten_frames else frames * self.freq

    def inputs(self) -> tuple[Stream, ...]:
        return (Stream(self.freq, self.channels, self.in_dtype, self.simd, self.pad_mark),)

    def outputs(self) -> tuple[Stream, ...]:
        freq = 1 if self.flatten_frames else self.freq
        return (Stream(freq, self.out_channels, self.acc_dtype, self.pe),)

    def out_frames(self, frames: int) -> int:
        return 1 if self.flatten_frames else frames

    def min_frames(self) -> int:
        return self.flatten_frames or 1

    def golden(self, *tensors: Tensor) -> tuple[Tensor, ...]:
        (x,) = tensors
        require(
            not self.flatten_frames or len(x) == self.flatten_frames,
            f"this network takes utterances of exactly {self.flatten_frames} frames here, not {len(x)}",
        )
        pixels = np.where(x == PAD, 0, x).reshape(-1, self.synapses)
        return ((pixels @ self.weights.T).reshape(self.out_frames(len(x)), -1, self.out_channels),)

    def memories(self) -> dict[str, Memory]:
        """``weights[nf * SF + sf, pe * SIMD + simd]``: one word a beat, in the order of the beats."""
        folded = self.weights.reshape(self.neuron_folds, self.pe, self.synapse_folds, self.simd)
        data = folded.transpose(0, 2, 1, 3).reshape(-1, self.pe * self.simd)
        return {"weights": Memory(data, self.weight_dtype, "weights")}

    def memory_shapes(self) -> dict[str, tuple[str, int, int]]:
        width = self.pe * self.simd * datatypes.bits(self.weight_dtype)
        return {"weights": ("weights", self.neuron_folds * self.synapse_folds, width)}

    def from_words(self, inputs: list[Tensor], memories: dict[str, Tensor]) -> list[Tensor]:
        words = inputs[0].reshape(-1, self.synapse_folds, self.simd)
        # float64 sums of these integers are exact (|acc| < 2^53) and BLAS makes them fast
        lanes = np.where(words == PAD, 0, words).astype(np.float64)
        beats = memories["weights"].reshape(self.neuron_folds, self.synapse_folds, self.pe, self.simd)
        matrix = beats.transpose(1, 3, 0, 2).reshape(self.synapses, -1).astype(np.float64)
        acc = lanes.reshape(len(words), -1) @ matrix
        return [acc.astype(np.int64).reshape(-1, self.pe)]

    def hls_constants(self) -> dict[str, HlsConstant]:
        return {
            "pe": self.pe, "simd": self.simd, "neuron_folds": self.neuron_folds, "synapse_folds": self.synapse_folds,
            "flatten": self.flatten_frames > 0,
        }  # fmt: skip

    def rtl_parameters(self) -> dict[str, int]:
        return {
            "PE": self.pe, "SIMD": self.simd, "NEURON_FOLDS": self.neuron_folds, "SYNAPSE_FOLDS": self.synapse_folds,
            "X_BITS": datatypes.bits(self.in_dtype), "X_KIND": datatypes.rtl_kind(self.in_dtype),
            "PAD_MARK": int(self.pad_mark),
            "W_BITS": datatypes.bits(self.weight_dtype), "W_KIND": datatypes.rtl_kind(self.weight_dtype),
            "ACC_BITS": datatypes.bits(self.acc_dtype), "ACC_KIND": datatypes.rtl_kind(self.acc_dtype),
        }  # fmt: skip

    def actors(self, frames: int) -> tuple[Actor, ...]:
        """Inputs are popped during neuron fold 0, kept, and replayed; each neuron fold ends in a push."""
        folds = self.synapse_folds
        ends = {nf * folds + folds - 1 for nf in range(self.neuron_folds)}
        ops = [(k, int(k < folds), int(k in ends)) for k in sorted(set(range(folds)) | ends)]
        segment = periodic(self.neuron_folds * folds, ops, self.products(frames))
        return (Actor("mac", self.latency, (segment,), (0,), (0,), beats=self.beats(frames)),)

    def beats(self, frames: int) -> int:
        return self.products(frames) * self.neuron_folds * self.synapse_folds

    def cost(self) -> Cost:
        lanes = self.pe * self.simd
        weight, data = datatypes.bits(self.weight_dtype), datatypes.bits(self.in_dtype)
        acc = datatypes.bits(self.acc_dtype)
        # XNOR + compressor tree of a popcount: about 2.2 LUT4 a lane; a w x d multiplier: about w*d LUT4.
        # One and a half a bit for each accumulator's adder and start, and the counters of the beat.
        lane = 2.2 if weight == data == 1 else 1.1 * weight * data + data
        replay = {"input_buffers": (self.synapse_folds, self.inputs()[0].word_bits)} if self.neuron_folds > 1 else {}
        return Cost(
            lut=lanes * lane + 1.5 * self.pe * acc + 35, ff=lanes * lane * 0.5 + 2 * self.pe * acc + 40,
            rams=replay,
        )  # fmt: skip
