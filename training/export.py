"""From a checkpoint to files: QONNX for the toolchain, plain ONNX for the float twin."""

from __future__ import annotations

import tempfile
from pathlib import Path

import onnx
import torch
from brevitas.export import export_qonnx
from qonnx.core.modelwrapper import ModelWrapper
from qonnx.transformation.infer_shapes import InferShapes
from torch import Tensor, nn

from hwsv.errors import InputError
from hwsv.host.features import FeatureSpec
from training.layers import BrevitasLayers
from training.models import BinaryUnit, FloatNet, SpeakerNet
from training.recipe import Recipe, load_recipe

ZOO = Path(__file__).parent / "zoo"

EXAMPLE_FRAMES = 200
"""T in the exported file; nothing but the shape of the input and of the activations depends on it."""

_OPSET = 13


class Affine(nn.Module):
    """Batch normalisation in evaluation, as one float32 multiplication and one addition per channel.

    The two roundings are IEEE's, so every executor of the exported file agrees with torch; a fused
    BatchNormalization node may be evaluated in several ways.
    """

    gain: Tensor
    offset: Tensor

    def __init__(self, norm: nn.BatchNorm1d | nn.BatchNorm2d) -> None:
        super().__init__()
        shape = (1, -1, 1, 1) if isinstance(norm, nn.BatchNorm2d) else (1, -1)
        mean, variance = norm.get_buffer("running_mean").double(), norm.get_buffer("running_var").double()
        gain = norm.weight.double() / (variance + norm.eps).sqrt()
        offset = norm.bias.double() - mean * gain
        self.register_buffer("gain", gain.detach().float().reshape(shape))
        self.register_buffer("offset", offset.detach().float().reshape(shape))

    def forward(self, x: Tensor) -> Tensor:
        return x * self.gain + self.offset


def freeze(module: nn.Module) -> nn.Module:
    """Replace every batch normalisation by its `Affine`, in place; returns the module in evaluation mode."""
    for name, child in module.named_children():
        if isinstance(child, nn.BatchNorm1d | nn.BatchNorm2d):
            setattr(module, name, Affine(child))
        else:
            freeze(child)
    return module.eval()


def to_brevitas(net: SpeakerNet, recipe: Recipe) -> SpeakerNet:
    """The same network with Brevitas layers, frozen."""
    twin = SpeakerNet(recipe.network, recipe.features, BrevitasLayers())
    twin.load_state_dict(net.state_dict())
    freeze(twin)
    return twin


def randomise(net: nn.Module, seed: int) -> None:
    """Plausible values for everything that training would set: statistics, gains and shifts included."""
    generator = torch.Generator().manual_seed(seed)
    for module in net.modules():
        if isinstance(module, nn.BatchNorm2d | nn.BatchNorm1d):
            for tensor, low, high in (
                (module.weight.data, 0.5, 1.5),
                (module.bias.data, -0.5, 0.5),
                (module.get_buffer("running_mean"), -4.0, 4.0),
                (module.get_buffer("running_var"), 50.0, 300.0),
            ):
                tensor.uniform_(low, high, generator=generator)
        if isinstance(module, BinaryUnit):
            module.shift.data.uniform_(-1, 1, generator=generator)


def write_qonnx(net: SpeakerNet, recipe: Recipe, out_path: Path) -> None:
    """Export with Brevitas to one QONNX file with the feature spec in its metadata."""
    frozen = to_brevitas(net, recipe)
    example = torch.zeros(1, 1, EXAMPLE_FRAMES, recipe.features.n_mels)
    out_path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        raw = Path(folder) / "model.onnx"
        export_qonnx(
            frozen,
            args=example,
            export_path=str(raw),
            dynamo=False,
            opset_version=_OPSET,
            custom_opsets={"hwsv": 1},
            keep_initializers_as_inputs=False,
            input_names=["features"],
            output_names=["embedding"],
        )
        wrapper = ModelWrapper(str(raw))
    # InferShapes asks every custom op for its shape first: tell it what the pooling sees, the rest follows.
    with torch.no_grad():
        pooled = frozen.features_map(example)
    (pool,) = wrapper.get_nodes_by_op_type("StatsPool")
    wrapper.set_tensor_shape(pool.input[0], list(pooled.shape))
    wrapper = wrapper.transform(InferShapes())
    _add_metadata(wrapper.model, recipe.features, recipe.name)
    onnx.save(wrapper.model, out_path)


def write_float(net: FloatNet, recipe: Recipe, out_path: Path) -> None:
    """Export the float twin as plain ONNX with a dynamic number of frames."""
    out_path.parent.mkdir(parents=True, exist_ok=True)
    torch.onnx.export(
        net.eval(),
        (torch.zeros(1, 1, EXAMPLE_FRAMES, recipe.features.n_mels),),
        str(out_path),
        dynamo=False,
        opset_version=_OPSET,
        input_names=["features"],
        output_names=["embedding"],
        dynamic_axes={"features": {2: "frames"}},
    )
    model = onnx.load(out_path)
    _add_metadata(model, recipe.features, f"{recipe.name}_float")
    onnx.save(model, out_path)


def _add_metadata(model: onnx.ModelProto, features: FeatureSpec, name: str) -> None:
    onnx.helper.set_model_props(model, {"hwsv.features": features.model_dump_json(), "hwsv.recipe": name})


def export(name_or_checkpoint: str | Path, out_path: str | Path, random: bool = False) -> Path:
    """Write a network: a recipe's name (its shipped checkpoint) or a checkpoint file.

    A binary network becomes QONNX, a float twin plain ONNX. With ``random`` the first argument is a recipe, and its
    untrained binary network is written with seeded random values.
    """
    out_path = Path(out_path)
    if random:
        recipe = load_recipe(name_or_checkpoint)
        torch.manual_seed(recipe.seed)
        net: nn.Module = SpeakerNet(recipe.network, recipe.features)
        randomise(net, recipe.seed)
    else:
        net, recipe = load_checkpoint(name_or_checkpoint)
    if isinstance(net, SpeakerNet):
        write_qonnx(net, recipe, out_path)
    elif isinstance(net, FloatNet):
        write_float(net, recipe, out_path)
    return out_path


def save_checkpoint(net: SpeakerNet | FloatNet, recipe: Recipe, path: Path) -> None:
    """What evaluation and export need, readable without running code from the file."""
    kind = "binary" if isinstance(net, SpeakerNet) else "float"
    torch.save({"kind": kind, "recipe": recipe.model_dump_json(), "net": net.state_dict()}, path)


def load_checkpoint(name_or_checkpoint: str | Path) -> tuple[SpeakerNet | FloatNet, Recipe]:
    """The network of a slim checkpoint in evaluation mode, by path or by the name of a shipped one."""
    path = Path(name_or_checkpoint)
    if not path.suffix and not path.exists():
        path = ZOO / f"{name_or_checkpoint}.pt"
    if not path.is_file():
        raise InputError(f"{name_or_checkpoint}: no such checkpoint; train it first (hwsv train)")
    try:
        stored = torch.load(path, weights_only=True)
        recipe = Recipe.model_validate_json(stored["recipe"])
        kind = SpeakerNet if stored["kind"] == "binary" else FloatNet
        net = kind(recipe.network, recipe.features)
        net.load_state_dict(stored["net"])
    except Exception as error:  # torch.load raises anything on a foreign file
        raise InputError(f"{path}: not a checkpoint of this project ({type(error).__name__})") from error
    return net.eval(), recipe
