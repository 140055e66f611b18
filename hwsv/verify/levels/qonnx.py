"""Levels ``qonnx-raw`` and ``qonnx``: the model as given, and the normalised one, executed node by node."""

from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from hwsv.errors import InputError
from hwsv.units.base import Tensor
from hwsv.verify.level import Level

if TYPE_CHECKING:
    import onnx


class QonnxRawLevel(Level):
    """The file as given. Its float sums may round differently: differences are shown, not required to be 0."""

    name = "qonnx-raw"
    place = 20
    binding = False

    @cached_property
    def _models(self) -> "tuple[onnx.ModelProto, onnx.ModelProto]":
        from hwsv.frontend.load import load_model

        return load_model(self.design.folder / "model.onnx"), _load(self.design.folder / "stages" / "normalised.onnx")

    def embeddings(self, features: Sequence[Tensor]) -> Iterator[Tensor]:
        from hwsv.frontend.execute import run_raw

        for utterance in features:
            yield run_raw(*self._models, utterance, self.design.manifest.input.scale).reshape(-1)


class QonnxLevel(Level):
    """The normalised file: integer accumulators times one float32 scale."""

    name = "qonnx"
    place = 30

    @cached_property
    def _model(self) -> "onnx.ModelProto":
        return _load(self.design.folder / "stages" / "normalised.onnx")

    def embeddings(self, features: Sequence[Tensor]) -> Iterator[Tensor]:
        from hwsv.frontend.execute import last_accumulator, run_onnx, to_tfc

        last = last_accumulator(self._model)
        for utterance in features:
            yield to_tfc(run_onnx(self._model, utterance, {last})[last]).reshape(-1)

    def tensors(self, features: Tensor) -> dict[str, Tensor]:
        from hwsv.frontend.execute import run_onnx, to_tfc

        names = self.design.manifest.tensor_map
        found = run_onnx(self._model, features, set(names.values()))
        return {ours: to_tfc(found[theirs]) for ours, theirs in names.items() if theirs in found}


def _load(path: Path) -> "onnx.ModelProto":
    import onnx

    from hwsv.frontend.execute import last_accumulator

    try:
        model = onnx.load(str(path))
        last_accumulator(model)
    except Exception as error:  # protobuf has its own ways to fail
        raise InputError(f"{path}: not a normalised model ({type(error).__name__}); compile again") from error
    return model
