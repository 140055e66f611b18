"""Normalising a model to integers: every sum is one of integers, every scale one float32 multiplication after it.

`ToIntegers` walks the cleaned model once and writes a new one. Of each tensor it knows either a float form, or an
integer form with a scale (float32, one number or one a channel): value = scale * integer. Quantisers are split into
(x / s), a quantiser of scale 1, and the scale, which moves on through layout, pooling, padding, concatenation, sums of
streams and Conv/MatMul, and is multiplied in where an element-wise node needs the float value.
"""

from qonnx.core.modelwrapper import ModelWrapper
from qonnx.transformation.base import Transformation

from hwsv.frontend.rules import HANDLERS
from hwsv.frontend.walk import Scale, Walk


class ToIntegers(Transformation):
    """Rewrite a cleaned QONNX model so that all sums are over integers. See the module's text."""

    def __init__(self) -> None:
        super().__init__()
        self.integers: dict[str, tuple[str, Scale]] = {}
        """After `apply`: integer tensor of the new model -> (tensor of the given one, scale)."""

    def apply(self, model: ModelWrapper) -> tuple[ModelWrapper, bool]:
        walk = Walk(model.model, HANDLERS)
        wrapper = walk.run()
        for value in walk.values.values():
            if value.scale is not None:
                self.integers.setdefault(value.name, (value.raw, value.scale))
        return wrapper, False
