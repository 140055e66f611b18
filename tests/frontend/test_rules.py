"""Each operator's rule on small hand-made models: exact against the normalised model, and the expected units."""

import numpy as np
import onnx
import pytest

from hwsv.errors import InputError
from hwsv.frontend import import_model
from hwsv.frontend.execute import Executor, run_onnx, to_tfc
from hwsv.graph import OUTPUT
from tests.frontend.compare import assert_exact, features, lengths, raw_differences
from tests.frontend.handmade import Net


@pytest.fixture
def net():
    return Net(1, 3, 20, 8)


def kinds(imported):
    return [node.unit.kind for node in imported.graph]


def stem(net, scale=0.3, bits=4):
    """Input quantiser, convolution, affine, quantiser: a 5-channel map of the same size."""
    x = net.conv(net.quant("x", 0.11, 5), 3, 5, pad=1)
    return net.quant(net.affine(x, 5), scale, bits)


@pytest.mark.parametrize("kernel, strides", [(1, [1, 1]), (1, [2, 2]), (3, [2, 1]), (5, [1, 3]), (7, [2, 2])])
@pytest.mark.parametrize("padded", [False, True])
def test_convolution_windows(net, tmp_path, kernel, strides, padded):
    x = net.conv(stem(net), 5, 4, kernel, pad=kernel // 2 * padded, strides=strides)
    imported = assert_exact(net.save(tmp_path, x))
    assert kinds(imported).count("sliding_window") == 1 + (kernel > 1 or strides != [1, 1])


def test_asymmetric_pads(net, tmp_path):
    assert_exact(net.save(tmp_path, net.conv(stem(net), 5, 4, 3, pads=[2, 0, 1, 1])))


@pytest.mark.parametrize("bits", [1, 2, 4, 8])
def test_weight_bits(net, tmp_path, bits):
    imported = assert_exact(net.save(tmp_path, net.conv(stem(net), 5, 6, bits=bits)))
    dtype = imported.graph.nodes[-1].unit.weight_dtype
    assert dtype == "BIPOLAR" if bits == 1 else int(dtype.removeprefix("INT")) <= bits


def test_folded_weights_are_recognised(net, tmp_path):
    """Plus-minus one value a channel, or integers, without a quantiser node (as constant folding leaves them)."""
    signs = np.where(net.rng.random((4, 5, 3, 3)) < 0.5, -1, 1) * np.array([0.1, 0.2, 0.4, 0.7]).reshape(4, 1, 1, 1)
    x = net.sign(net.affine(net.conv(stem(net), 5, 4, weights=net.constant(signs)), 4))
    y = net.conv(x, 4, 3, weights=net.constant(net.rng.integers(-3, 4, (3, 4, 3, 3))))
    path = net.save(tmp_path, y)
    imported = assert_exact(path)
    assert imported.graph.node("conv1_mvtu").unit.weight_dtype == "BIPOLAR"
    assert raw_differences(path, imported)[0] == 0


@pytest.mark.parametrize("kind", ["Add", "Sub"])
@pytest.mark.parametrize("ratio, mult", [(1, (1, 1)), (2, (2, 1)), (0.5, (1, 2)), (1.5, (3, 2))])
def test_sum_of_streams(net, tmp_path, kind, ratio, mult):
    x = net.quant("x", 0.11, 5)
    a, b = (net.quant(net.affine(net.conv(x, 3, 4, pad=1), 4), s, 5) for s in (0.25 * ratio, 0.25))
    y = net.conv(net.sign(net.node(kind, [a, b])), 4, 3)
    imported = assert_exact(net.save(tmp_path, y))
    expected = mult if kind == "Add" else (mult[0], -mult[1])
    assert [n.unit.mult for n in imported.graph if n.unit.kind == "add"] == [expected]


def test_sum_of_three_streams_and_reuse(net, tmp_path):
    a = stem(net)
    b = net.quant(net.node("Add", [a, net.quant(net.conv(a, 5, 5, pad=1), 0.3, 5)]), 0.3, 5)
    c = net.node("Add", [b, net.quant(net.conv(b, 5, 5, pad=1), 0.6, 5)])
    assert_exact(net.save(tmp_path, net.node("Add", [a, c])))


def test_saturating_sum_needs_no_unit_of_its_own(net, tmp_path):
    a, b = (net.quant(net.conv(net.quant("x", 0.11, 5) if not i else "t0", 3, 4, pad=1), 0.25, 5) for i in (0, 1))
    y = net.conv(net.quant(net.node("Add", [a, b]), 0.25, 5), 4, 3)
    imported = assert_exact(net.save(tmp_path, y))
    (add,) = (n.unit for n in imported.graph if n.unit.kind == "add")
    assert (add.low, add.high, add.out_dtype) == (-16, 15, "INT5")


@pytest.mark.parametrize("kind", ["Add", "Sub"])
def test_mid_rise_stream_holds_odd_integers(net, tmp_path, kind):
    x = net.quant(net.affine(net.conv(net.quant("x", 0.11, 5), 3, 5, pad=1), 5), 0.5, 4, "FLOOR")
    x = net.node(kind, [x, net.constant(0.25 if kind == "Add" else -0.25)])
    y = net.conv(net.sign(net.affine(x, 5)), 5, 2)
    imported = assert_exact(net.save(tmp_path, net.node("Add", [net.conv(x, 5, 2), y])))
    values = imported.graph.golden(features(imported, 20))
    name = next(
        n.outputs[0]
        for n in imported.graph
        if n.name.startswith("conv0_") and n.unit.kind in ("requantise", "threshold")
    )
    assert (values[name] % 2 == 1).all() and values[name].min() < 0


@pytest.mark.parametrize("signed", [False, True])
def test_concatenation(net, tmp_path, signed):
    a = stem(net)
    b = net.quant(net.node("Relu", [net.conv("t0", 3, 2, pad=1)]), 0.3, 6, signed=signed)
    x = net.node("Concat", [a, b, a], axis=1)
    imported = assert_exact(net.save(tmp_path, net.conv(net.sign(net.affine(x, 12)), 12, 3)))
    assert imported.graph.node("concat0").unit.in_channels == (5, 2, 5)


def test_concatenation_of_signs_stays_bipolar(net, tmp_path):
    a, b = net.sign(net.affine(stem(net), 5)), net.sign(net.affine("t5", 5))
    imported = assert_exact(net.save(tmp_path, net.conv(net.node("Concat", [a, b], axis=1), 10, 3, bits=1)))
    assert imported.graph.nodes[-1].unit.in_dtype == "BIPOLAR"


@pytest.mark.parametrize("source", ["sign", "integers"])
@pytest.mark.parametrize("pads", [[0, 0, 0, 0], [1, 1, 1, 1]])
def test_max_pooling(net, tmp_path, source, pads):
    x = net.sign(net.affine(stem(net), 5)) if source == "sign" else stem(net)
    x = net.node("MaxPool", [x], kernel_shape=[3, 2], strides=[2, 2], pads=pads)
    assert_exact(net.save(tmp_path, net.conv(x, 5, 3)))


@pytest.mark.parametrize("fill", [0.0, -0.7, 0.7])
@pytest.mark.parametrize("reader", ["Conv", "MaxPool", "AveragePool"])
def test_constant_padding_of_signs(net, tmp_path, fill, reader):
    x = net.sign(net.affine(stem(net), 5), 0.7)
    x = net.node("Pad", [x, net.constant([0, 0, 1, 0, 0, 0, 1, 1], dtype=np.int64), net.constant(fill)])
    if reader == "Conv":
        path = net.save(tmp_path, net.conv(x, 5, 3))
    else:
        path = net.save(tmp_path, net.conv(net.node(reader, [x], kernel_shape=[2, 2]), 5, 2))
    imported = assert_exact(path)
    assert raw_differences(path, imported)[0] == 0


def test_average_pooling_counts_its_padding(net, tmp_path):
    x = net.node(
        "AveragePool", [stem(net)], kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1], count_include_pad=1
    )
    path = net.save(tmp_path, net.conv(net.quant(x, 0.2, 5), 5, 3))
    imported = assert_exact(path)
    assert imported.graph.node("pool0").unit.operation == "sum"


def test_average_times_taps_is_a_sum(net, tmp_path):
    x = net.node("AveragePool", [stem(net)], kernel_shape=[2, 2], strides=[2, 2])
    x = net.node("Mul", [x, net.constant(4.0)])
    imported = assert_exact(net.save(tmp_path, net.conv(x, 5, 3)))
    assert kinds(imported) == [
        "sliding_window", "mvtu", kinds(imported)[2], "sliding_window", "pool", "sliding_window", "mvtu",
    ]  # fmt: skip


def test_integer_relu_between_layers(net, tmp_path):
    imported = assert_exact(net.save(tmp_path, net.conv(net.node("Relu", [stem(net)]), 5, 3)))
    assert imported.graph.stream(imported.graph.nodes[-2].inputs[0]).dtype.startswith("UINT")


@pytest.mark.parametrize("activation", ["LeakyRelu", "PRelu", "Clip", "Abs", "kinked"])
def test_activations(net, tmp_path, activation):
    x = net.affine(net.conv(net.quant("x", 0.11, 5), 3, 5, pad=1), 5)
    if activation == "LeakyRelu":
        x = net.node("LeakyRelu", [x], alpha=-0.3)
    elif activation == "PRelu":
        x = net.node("PRelu", [x, net.constant(net.rng.uniform(-1, 1, (5, 1, 1)))])
    elif activation == "Clip":
        x = net.node("Clip", [x, net.constant(-0.6), net.constant(0.9)])
    else:
        x = net.node("Abs", [x])
        if activation == "kinked":  # up, down, up: neither monotone nor two pieces
            x = net.node("Abs", [net.node("Sub", [x, net.constant(0.5)])])
    imported = assert_exact(net.save(tmp_path, net.conv(net.quant(x, 0.13, 5), 5, 3)))
    if activation == "kinked":
        assert "lookup" in kinds(imported)


def test_equal_tables_share_one_row(net, tmp_path):
    x = net.node("AveragePool", [stem(net)], kernel_shape=[2, 2], strides=[2, 2])
    imported = assert_exact(net.save(tmp_path, net.conv(net.quant(x, 0.3, 4, "FLOOR"), 5, 3)))
    (unit,) = (n.unit for n in imported.graph if n.name.startswith("pool0_") and n.unit.kind != "sliding_window")
    assert unit.shared


@pytest.mark.parametrize("rounding", ["ROUND", "FLOOR", "CEIL", "DOWN", "UP", "HALF_UP", "HALF_DOWN"])
def test_rounding_modes(net, tmp_path, rounding):
    x = net.affine(net.conv(net.quant("x", 0.11, 5), 3, 5, pad=1), 5)
    assert_exact(net.save(tmp_path, net.conv(net.quant(x, 0.25, 4, rounding), 5, 3)))


def test_flatten_permutes_weights(tmp_path):
    net = Net(1, 2, 6, 5)
    x = net.sign(net.conv(net.quant("x", 0.1, 4), 2, 3, pad=1))
    x = net.node("Reshape", [x, net.constant([1, -1], dtype=np.int64)])
    x = net.sign(net.node("MatMul", [x, net.weights(90, 8, bits=1)]))
    y = net.node("MatMul", [x, net.weights(8, 4, bits=2)])
    imported = assert_exact(net.save(tmp_path, y))
    assert imported.input.frames_fixed == 6 and imported.graph.node("fc0_mvtu").unit.flatten_frames == 6


def test_flatten_by_a_computed_shape(tmp_path):
    """``x.view(x.size(0), -1)`` as torch exports it."""
    net = Net(1, 2, 6, 5)
    x = net.sign(net.conv(net.quant("x", 0.1, 4), 2, 3, pad=1))
    batch = net.node("Gather", [net.node("Shape", [x]), net.constant(0, dtype=np.int64)], axis=0)
    batch = net.node("Unsqueeze", [batch, net.constant([0], dtype=np.int64)])
    shape = net.node("Concat", [batch, net.constant([-1], dtype=np.int64)], axis=0)
    y = net.node("MatMul", [net.node("Reshape", [x, shape]), net.weights(90, 4, bits=2)])
    imported = assert_exact(net.save(tmp_path, y))
    assert imported.input.frames_fixed == 6


def test_flatten_before_the_quantiser(tmp_path):
    net = Net(1, 2, 4, 3)
    x = net.sign(net.node("Flatten", ["x"], axis=1), 0.2)
    imported = assert_exact(net.save(tmp_path, net.node("MatMul", [x, net.weights(24, 5, bits=1)])))
    assert kinds(imported) == ["mvtu"] and imported.input.freq == 3


def test_gemm_with_bias_and_alpha(tmp_path):
    net = Net(1, 12)
    weights = net.weights(7, 12, bits=4)
    x = net.node("Gemm", [net.quant("x", 0.2, 4), weights, net.constant(net.rng.normal(size=7))], transB=1, alpha=0.5)
    y = net.node("Gemm", [net.sign(x), net.weights(7, 3, bits=2), net.constant(net.rng.normal(size=3))])
    path = net.save(tmp_path, y)
    imported = assert_exact(path)
    assert raw_differences(path, imported)[0] == 0


def test_batch_normalisation_and_dropout(net, tmp_path):
    x = net.conv(net.quant("x", 0.11, 5), 3, 5, pad=1)
    x = net.node("BatchNormalization", [x, *(net.constant(net.rng.uniform(0.5, 2, 5)) for _ in range(4))])
    x = net.node("Dropout", [net.sign(x)])
    assert_exact(net.save(tmp_path, net.conv(x, 5, 3)))


@pytest.mark.parametrize("at_the_end", [False, True])
def test_what_does_nothing_is_removed_and_nothing_else_is(net, tmp_path, at_the_end):
    """A bias of 1e-6 decides the sign of a sum of 0: it must survive the removal of its neighbour, the Identity."""
    x = net.node("Identity", [net.conv(net.quant("x", 1.0, 5), 3, 4, weights=net.weights(4, 3, 3, 3, scale=1.0))])
    x = net.node("Dropout", [net.node("Add", [x, net.constant(-1e-6)]), net.constant(0.5)])
    x = net.conv(net.sign(net.node("Mul", [x, net.constant(1.000001)])), 4, 3)
    path = net.save(tmp_path, net.node("Dropout", [x]) if at_the_end else x)
    imported = assert_exact(path)
    assert raw_differences(path, imported)[0] == 0
    zero = np.zeros((20, 8, 3), np.int64)
    sums, signs = (imported.graph.golden(zero)[n.outputs[0]] for n in imported.graph.nodes[1:3])
    assert (sums == 0).all() and (signs == -1).all()


@pytest.mark.parametrize("training, word", [(True, "training mode"), (False, "")])
def test_dropout_in_training_mode_is_refused(net, tmp_path, training, word):
    flag = net.constant(training, dtype=np.bool_)
    x = net.node("Dropout", [stem(net), net.constant(0.5), flag], name="Bad")
    path = net.save(tmp_path, net.conv(x, 5, 3))
    if not training:
        assert_exact(path)
        return
    with pytest.raises(InputError, match=word):
        import_model(path)


def test_host_scales_before_the_first_quantiser(tmp_path):
    net = Net(1, 1, 20, 8)
    x = net.node("Div", [net.node("Mul", ["x", net.constant(0.5)]), net.constant(4.0)])
    path = net.save(tmp_path, net.conv(net.quant(x, 0.25, 4), 1, 3))
    imported = assert_exact(path)
    assert imported.input.scale == 2.0 and raw_differences(path, imported)[0] == 0


def test_open_time_axis(tmp_path):
    net = Net(1, 3, "frames", 8)
    imported = assert_exact(net.save(tmp_path, net.conv(stem(net), 5, 4)))
    assert imported.input.frames_example == 200 and imported.input.frames_min == 3


def test_sums_beyond_float32_are_computed_in_int64(tmp_path):
    net = Net(1, 1200)
    weights = net.constant(np.full((1200, 2), 127) - np.arange(2))
    path = net.save(tmp_path, net.node("MatMul", [net.quant("x", 1.0, 8), weights]))
    imported = import_model(path)
    x = np.full((1, 1, 1200), 127)
    x[..., 0] = 126
    golden = imported.graph.golden(x)[OUTPUT]
    assert imported.references == {"fc0_mvtu": "int64"} and golden.max() > 2**24 and (golden % 2).any()
    reference = run_onnx(imported.normalised, x)[imported.tensor_map[OUTPUT]]
    assert np.array_equal(to_tfc(reference), golden)


@pytest.mark.parametrize("value, expected", [(0.0, 1), (-0.0, 1), (-1e-30, -1)])
def test_sign_of_zero_is_plus_one(tmp_path, value, expected):
    """At the model's own sign, at the normalised model's, and in the hardware's table."""
    net = Net(1, 1, 4, 4)
    x = net.node("Add", [net.node("Mul", [net.quant("x", 1.0, 3), net.constant(0.0)]), net.constant(value)])
    y = net.conv(net.sign(x), 1, 1, 1, weights=net.constant(np.ones((1, 1, 1, 1))))
    path = net.save(tmp_path, y)
    imported = assert_exact(path)
    assert (imported.graph.golden(features(imported, 4))[OUTPUT] == expected).all()
    model = onnx.load(path)
    out = Executor(model).run({"x": np.zeros((1, 1, 4, 4), np.float32)})[y]
    assert (out == expected).all()


@pytest.mark.parametrize("over", ["time", "time_freq"])
@pytest.mark.parametrize("scale", [0.25, 0.125])
def test_stats_pool(net, tmp_path, over, scale):
    """Also where the operator's step is a fraction of the stream's: its parameters are scaled to integer units."""
    x = net.node(
        "StatsPool", [stem(net, 0.25)], domain="hwsv", over=over, scale=scale, mean_mult=2, mean_offset=-2,
        mean_thresholds=[-5, -1, 3, 7], dev_mult=4, dev_thresholds=[1, 9, 40],
    )  # fmt: skip
    # QONNX asks the operator for its shape before it knows the input's
    x = net.node("Flatten", [x], axis=1)
    y = net.node("MatMul", [x, net.weights(10 * (8 if over == "time" else 1), 4, bits=3)])
    model = net.model(y)
    model.graph.value_info.append(onnx.helper.make_tensor_value_info("t5", onnx.TensorProto.FLOAT, [1, 5, 20, 8]))
    onnx.save(model, tmp_path / "model.onnx")
    imported = assert_exact(tmp_path / "model.onnx")
    assert imported.input.frames_fixed is None and len(lengths(imported)) > 1
