"""FINN's nodes, executed by FINN, and hwsv's golden models give the same integers; where they mean to differ, how."""

import numpy as np
import pytest

from hwsv import datatypes
from hwsv.bits import PAD
from hwsv.units.add import Add
from hwsv.units.base import Tensor
from hwsv.units.concat import Concat
from hwsv.units.fork import Fork
from hwsv.units.mvtu import Mvtu
from hwsv.units.pool import Pool
from hwsv.units.sliding_window import SlidingWindow
from hwsv.units.threshold import Threshold
from tests.finn.execution import dtype_of, require_finn, run_node

require_finn("finn.custom_op.fpgadataflow")

SEEDS = pytest.mark.parametrize("seed", range(8))


def values(rng: np.random.Generator, dtype: str, *shape: int) -> Tensor:
    """Random integers of a type."""
    low, high = datatypes.limits(dtype)
    return rng.choice(np.array([-1, 1]), shape) if dtype == "BIPOLAR" else rng.integers(low, high + 1, shape)


def random_mvtu(rng: np.random.Generator, in_dtype: str, weight_dtype: str) -> tuple[Mvtu, Tensor]:
    """A unit for vectors of 1 to 40 elements, and its input [T, F, C]."""
    freq, mw, mh = (int(rng.integers(1, n)) for n in (6, 41, 12))
    weights = values(rng, weight_dtype, mh, mw)
    x = values(rng, in_dtype, int(rng.integers(1, 7)), freq, mw)
    return Mvtu(freq, mw, mw, weights, in_dtype, weight_dtype, "INT20"), x


def mvau(unit: Mvtu, x: Tensor, thresholds: Tensor | None = None, out: str = "INT32", bias: int = 0) -> Tensor:
    """The same product by FINN's MVAU, with an activation where `thresholds` [MH, levels] are given."""
    inputs = [x[None], unit.weights.T] + ([] if thresholds is None else [thresholds])
    (result,) = run_node(
        "MVAU", inputs, [(1, *x.shape[:2], unit.out_channels)],
        [unit.in_dtype, unit.weight_dtype] + ([] if thresholds is None else ["INT32"]),
        MW=unit.channels, MH=unit.out_channels, PE=1, SIMD=1, inputDataType=unit.in_dtype,
        weightDataType=unit.weight_dtype, outputDataType=out, noActivation=int(thresholds is None), ActVal=bias,
        numInputVectors=[1, *x.shape[:2]],
    )  # fmt: skip
    return result[0]


@SEEDS
@pytest.mark.parametrize("in_dtype, weight_dtype", [("INT8", "INT4"), ("UINT3", "BIPOLAR"), ("INT2", "BIPOLAR")])
def test_mvau_gives_our_accumulators(seed, in_dtype, weight_dtype):
    unit, x = random_mvtu(np.random.default_rng(seed), in_dtype, weight_dtype)
    assert np.array_equal(mvau(unit, x), unit.golden(x)[0])


@SEEDS
def test_bipolar_mvau_counts_where_ours_sums(seed):
    """FINN's XNOR accumulator is the number p of equal pairs; ours is the dot product 2p - MW."""
    unit, x = random_mvtu(np.random.default_rng(seed), "BIPOLAR", "BIPOLAR")
    assert np.array_equal(2 * mvau(unit, x) - unit.channels, unit.golden(x)[0])


@SEEDS
@pytest.mark.parametrize("out_dtype", ["BIPOLAR", "INT4"])
def test_mvau_with_activation_is_our_mvtu_and_threshold(seed, out_dtype):
    rng = np.random.default_rng(seed)
    unit, x = random_mvtu(rng, "INT4", "BIPOLAR")
    low, high = datatypes.limits(out_dtype)
    sign = out_dtype == "BIPOLAR"
    thresholds = np.sort(rng.integers(-90, 90, (unit.out_channels, 1 if sign else high - low)), axis=1)
    ours = Threshold(
        unit.freq, unit.out_channels, "INT20", out_dtype, thresholds, np.zeros(unit.out_channels, np.int64), low,
        2 if sign else 1,
    )  # fmt: skip
    expected = ours.golden(*unit.golden(x))[0]
    assert np.array_equal(mvau(unit, x, thresholds, out_dtype, 0 if sign else low), expected)


@SEEDS
@pytest.mark.parametrize("rows", ["shared", "each"])
@pytest.mark.parametrize("out_dtype", ["UINT3", "INT4", "BIPOLAR"])
def test_thresholding(seed, rows, out_dtype):
    rng = np.random.default_rng(seed)
    frames, freq, channels = (int(n) for n in rng.integers(1, 9, 3))
    low, high = datatypes.limits(out_dtype)
    sign = out_dtype == "BIPOLAR"
    levels = 1 if sign else high - low
    count = 1 if rows == "shared" else channels
    thresholds = np.sort(rng.integers(-60, 60, (count, levels)), axis=1)
    x = values(rng, "INT7", frames, freq, channels)
    unit = Threshold(freq, channels, "INT7", out_dtype, thresholds, np.zeros(count, np.int64), low, 2 if sign else 1)
    (result,) = run_node(
        "Thresholding", [x[None], thresholds], [x[None].shape], ["INT7", "INT8"], NumChannels=channels, PE=1,
        numSteps=levels, inputDataType="INT7", weightDataType="INT8", outputDataType=out_dtype,
        ActVal=0 if sign else low, numInputVectors=[1, frames, freq],
    )  # fmt: skip
    assert np.array_equal(result[0], unit.golden(x)[0])


def random_window(rng: np.random.Generator, dtype: str, padded: bool) -> tuple[SlidingWindow, Tensor]:
    """A window of more than one frame and frequency (FINN's special one-dimensional case is not compared)."""
    kernel = tuple(int(k) for k in rng.integers(1, 5, 2))
    stride = tuple(int(s) for s in rng.integers(1, 4, 2))
    pads = tuple(int(rng.integers(0, k)) for k in (*kernel, *kernel)) if padded else (0, 0, 0, 0)
    frames, freq, channels = int(rng.integers(5, 12)), int(rng.integers(5, 12)), int(rng.integers(1, 7))
    return SlidingWindow(freq, channels, dtype, kernel, stride, pads), values(rng, dtype, frames, freq, channels)


def finn_window(unit: SlidingWindow, x: Tensor) -> Tensor:
    """FMPadding where the window is padded, then ConvolutionInputGenerator."""
    image = x[None]
    if any(unit.pads):
        t0, f0, t1, f1 = unit.pads
        shape = (1, x.shape[0] + t0 + t1, x.shape[1] + f0 + f1, x.shape[2])
        (image,) = run_node(
            "FMPadding", [image], [shape], [unit.dtype], ImgDim=list(x.shape[:2]), Padding=list(unit.pads),
            NumChannels=unit.channels, SIMD=1, inputDataType=unit.dtype,
        )  # fmt: skip
    shape = (1, unit.out_frames(len(x)), unit.out_freq, unit.taps * unit.channels)
    (result,) = run_node(
        "ConvolutionInputGenerator", [image], [shape], [unit.dtype], ConvKernelDim=list(unit.kernel),
        IFMChannels=unit.channels, IFMDim=list(image.shape[1:3]), OFMDim=list(shape[1:3]), SIMD=1,
        Stride=list(unit.stride), Dilation=[1, 1], inputDataType=unit.dtype, outputDataType=unit.dtype,
    )  # fmt: skip
    return result[0]


@SEEDS
@pytest.mark.parametrize("padded", [False, True])
def test_windows(seed, padded):
    """Our padding marks are FINN's zeros."""
    unit, x = random_window(np.random.default_rng(seed), "INT4", padded)
    ours = unit.golden(x)[0]
    assert np.array_equal(finn_window(unit, x), np.where(ours == PAD, 0, ours))


@SEEDS
def test_windows_of_signs(seed):
    unit, x = random_window(np.random.default_rng(seed), "BIPOLAR", False)
    assert np.array_equal(finn_window(unit, x), unit.golden(x)[0])


def test_finn_cannot_pad_signs():
    """What our padding mark is for: FMPadding puts zeros between -1 and +1, and refuses the type."""
    from onnx import helper
    from qonnx.custom_op.registry import getCustomOp

    node = helper.make_node(
        "FMPadding", ["x"], ["y"], domain="finn.custom_op.fpgadataflow", ImgDim=[4, 4], Padding=[1, 1, 1, 1],
        NumChannels=2, SIMD=1, inputDataType="BIPOLAR",
    )  # fmt: skip
    assert not dtype_of("BIPOLAR").allowed(0)
    with pytest.raises(AssertionError, match="must support zero"):
        getCustomOp(node).get_output_datatype()


@SEEDS
@pytest.mark.parametrize("operation, function, out", [("max", "MaxPool", "INT5"), ("sum", "AccPool", "INT10")])
def test_pooling(seed, operation, function, out):
    rng = np.random.default_rng(seed)
    window, x = random_window(rng, "INT5", False)
    windows = window.golden(x)[0]
    unit = Pool(window.out_freq, window.channels, window.taps, operation, "INT5", out)
    shape = (1, *windows.shape[:2], window.channels)
    (result,) = run_node(
        "Pool", [windows[None]], [shape], ["INT5"], Channels=window.channels, PE=window.channels,
        KernelSize=list(window.kernel), Function=function, OutImgDims=list(windows.shape[:2]), InputDataType="INT5",
        OutputDataType=out,
    )  # fmt: skip
    assert np.array_equal(result[0], unit.golden(windows)[0])


@SEEDS
def test_streams(seed):
    """DuplicateStreams is our fork, StreamingConcat our concat, ElementwiseAdd our add where nothing saturates."""
    rng = np.random.default_rng(seed)
    frames, freq, channels, more = (int(n) for n in rng.integers(1, 9, 4))
    a, b = values(rng, "INT6", frames, freq, channels), values(rng, "INT4", frames, freq, channels)
    c = values(rng, "INT6", frames, freq, more)
    vectors, shape = [1, frames, freq], [1, *a.shape]
    copies = run_node(
        "DuplicateStreams", [a[None]], [(1, *a.shape)] * 3, ["INT6"], NumChannels=channels, PE=1, NumOutputStreams=3,
        inputDataType="INT6", numInputVectors=vectors,
    )  # fmt: skip
    ours = Fork(freq, channels, "INT6", 3).golden(a)
    assert all(np.array_equal(x[0], y) for x, y in zip(copies, ours, strict=True))
    (joined,) = run_node(
        "StreamingConcat", [a[None], c[None]], [(1, frames, freq, channels + more)], ["INT6", "INT6"], SIMD=1,
        ChannelsPerStream=[channels, more], inputDataTypes=["INT6", "INT6"], numInputVectors=vectors,
    )  # fmt: skip
    assert np.array_equal(joined[0], Concat(freq, (channels, more), "INT6").golden(a, c)[0])
    (total,) = run_node(
        "ElementwiseAdd", [a[None], b[None]], [(1, *a.shape)], ["INT6", "INT4"], lhs_dtype="INT6", rhs_dtype="INT4",
        out_dtype="INT7", lhs_shape=shape, rhs_shape=shape, out_shape=shape,
    )  # fmt: skip
    assert np.array_equal(total[0], Add(freq, channels, ("INT6", "INT4"), "INT7", -64, 63).golden(a, b)[0])
