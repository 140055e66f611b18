"""Small hand-made QONNX models: what no exporter writes, and what must be refused."""

from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

QONNX = "qonnx.custom_op.general"


class Net:
    """Grows an ONNX model; every method adds a node and returns its output tensor."""

    def __init__(self, *shape: Any, opset: int = 13, seed: int = 0) -> None:
        self.shape, self.opset = shape, opset
        self.nodes: list[onnx.NodeProto] = []
        self.initialisers: list[onnx.TensorProto] = []
        self.rng = np.random.default_rng(seed)

    def constant(self, array: Any, name: str = "", dtype: Any = np.float32) -> str:
        name = name or f"c{len(self.initialisers)}"
        self.initialisers.append(numpy_helper.from_array(np.asarray(array, dtype), name))
        return name

    def node(self, kind: str, inputs: list[str], name: str = "", domain: str = "", **attributes: Any) -> str:
        name = name or f"{kind}_{len(self.nodes)}"
        out = f"t{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, inputs, [out], name, domain=domain, **attributes))
        return out

    def quant(
        self, x: str, scale: Any = 0.3, bits: int = 4, rounding: str = "ROUND", signed: int = 1, **kw: Any
    ) -> str:
        inputs = [x, self.constant(scale), self.constant(0.0), self.constant(float(bits))]
        return self.node("Quant", inputs, domain=QONNX, signed=signed, narrow=0, rounding_mode=rounding, **kw)

    def sign(self, x: str, scale: float = 1.0, **kw: Any) -> str:
        return self.node("BipolarQuant", [x, self.constant(scale)], domain=QONNX, **kw)

    def weights(self, *shape: int, scale: float = 0.2, bits: int = 3) -> str:
        """Few-bit weights behind their quantiser; one bit: bipolar."""
        values = self.constant(self.rng.normal(size=shape) * scale * 2 ** (bits - 1) / 2)
        return self.sign(values, scale) if bits == 1 else self.quant(values, scale, bits)

    def conv(self, x: str, inputs: int, outputs: int, kernel: int = 3, pad: int = 0, bits: int = 3, **kw: Any) -> str:
        weights = kw.pop("weights", None) or self.weights(outputs, inputs, kernel, kernel, bits=bits)
        return self.node("Conv", [x, weights], kernel_shape=[kernel] * 2, pads=kw.pop("pads", [pad] * 4), **kw)

    def affine(self, x: str, channels: int, rank: int = 4) -> str:
        """A multiplication and an addition a channel: a frozen batch normalisation."""
        shape = (1, channels, 1, 1)[:rank]
        x = self.node("Mul", [x, self.constant(self.rng.uniform(-1, 1, shape))])
        return self.node("Add", [x, self.constant(self.rng.uniform(-1, 1, shape))])

    def model(self, out: str) -> onnx.ModelProto:
        float32 = TensorProto.FLOAT
        graph = helper.make_graph(
            self.nodes, "handmade", [helper.make_tensor_value_info("x", float32, self.shape)],
            [helper.make_tensor_value_info(out, float32, None)], self.initialisers,
        )  # fmt: skip
        opsets = [
            helper.make_opsetid(domain, version) for domain, version in (("", self.opset), (QONNX, 1), ("hwsv", 1))
        ]
        return helper.make_model(graph, opset_imports=opsets, ir_version=8)

    def save(self, folder: Path, out: str) -> Path:
        path = folder / "model.onnx"
        onnx.save(self.model(out), path)
        return path
