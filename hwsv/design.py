"""A compiled design: the folder that `hwsv compile` writes and every other command reads.

::

    DIR/design.json              manifest (this file's `Manifest`)
    DIR/unit_graph.onnx          the folded and wired unit graph (hwsv.graph_onnx)
    DIR/stages/*.onnx            what the front-end made on the way, for Netron; normalised.onnx is the level ``qonnx``
    DIR/model.onnx               the model as given: the level ``qonnx-raw``
    DIR/host_post.onnx           element-wise nodes after the last accumulator, where there are any
    DIR/calibration.json         threshold of `hwsv check` (hwsv.host.calibration), where there is one
    DIR/network.packed           what the emulator loads (hwsv.emulator.packed)
    DIR/mem/<unit>_<memory>.mem  memories in ``$readmemh`` form, read by RTL and by the cycle simulator
    DIR/hls/                     HLS project
    DIR/rtl/                     SystemVerilog (hwsv.codegen.rtl)
"""

import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Annotated

import numpy as np
import pydantic

from hwsv import datatypes, graph_onnx
from hwsv.boards import Board
from hwsv.codegen import memory_files
from hwsv.errors import InputError
from hwsv.graph import Node, UnitGraph
from hwsv.host.features import FeatureSpec
from hwsv.units.base import Tensor

MANIFEST = "design.json"


Frames = Annotated[int, pydantic.Field(ge=1, lt=2**16)]


class InputSpec(pydantic.BaseModel, extra="forbid"):
    """What enters the hardware: ``[T, freq, channels]`` integers of `dtype`; the network's float input is scale * int.

    `frames_fixed`: the only T that the network takes, or None; else any T in [frames_min, frames_max].
    Longer audio is cropped to its first frames_max frames, for every level alike. `frames_example`: T for estimates.
    `features`: how audio becomes the input, None for a network without audio.
    """

    freq: pydantic.PositiveInt
    channels: pydantic.PositiveInt
    dtype: str
    scale: pydantic.PositiveFloat
    frames_fixed: Frames | None = None
    frames_min: Frames = 1
    frames_max: Frames = 2**16 - 1
    frames_example: Frames
    features: FeatureSpec | None = None
    onnx_shape: list[int] = []
    """Shape of the model's input: [1, C, T, F] or [1, n]."""


class Manifest(pydantic.BaseModel, extra="forbid"):
    """design.json."""

    name: str
    hwsv_version: str
    hash: str
    """SHA-256 over the unit graph: what the hardware computes and how it is folded."""
    model_sha256: str = ""
    """SHA-256 of the model file as it was given (without external data): the same for every folding and board."""
    board: Board
    target_fps: float
    """Utterances of `input.frames_example` frames a second that the folding was chosen for."""
    limit: str = ""
    """Of a design made with ``--fps max``: why it is not faster."""
    input: InputSpec
    outputs: int
    """Integers of an embedding."""
    tensor_map: dict[str, str] = {}
    """Unit-graph tensor -> tensor of stages/normalised.onnx that holds the same integers, where one does."""


@dataclass(frozen=True)
class Design:
    """A design folder, opened. Use `Design.open`."""

    folder: Path
    manifest: Manifest

    @classmethod
    def open(cls, folder: Path | str) -> "Design":
        """Raises InputError when `folder` is not a design."""
        folder = Path(folder)
        try:
            manifest = Manifest.model_validate(json.loads((folder / MANIFEST).read_text()))
        except FileNotFoundError as error:
            raise InputError(f"{folder}: not a design (no {MANIFEST}); make one with 'hwsv compile'") from error
        except (ValueError, OSError, RecursionError) as error:
            raise InputError(f"{folder / MANIFEST}: damaged ({type(error).__name__}); compile again") from error
        return cls(folder, manifest)

    @cached_property
    def graph(self) -> UnitGraph:
        """The folded and wired unit graph."""
        return graph_onnx.load(self.folder / "unit_graph.onnx")

    def memory_path(self, node: Node, name: str) -> Path:
        """File of memory `name` of unit `node`."""
        return memory_files.memory_path(self.folder / "mem", node, name)

    def memories(self, node: Node) -> dict[str, Tensor]:
        """What the emitted memory files of `node` hold, decoded: `Memory.data` as written. Raises InputError."""
        return memory_files.read_memories(self.folder / "mem", node)

    def check_features(self, features: np.ndarray) -> Tensor:
        """int64 ``[T, F, C]`` from ``[T, F]`` or ``[T, F, C]`` integers, cropped; InputError for anything else."""
        spec = self.manifest.input
        if not np.issubdtype(features.dtype, np.integer):
            raise InputError(f"features must be integers, not {features.dtype}")
        if features.ndim == 2 and spec.channels == 1:
            features = features[:, :, None]
        if features.ndim != 3 or features.shape[1:] != (spec.freq, spec.channels):
            raise InputError(f"features must be [T, {spec.freq}, {spec.channels}], not {list(features.shape)}")
        low, high = datatypes.limits(spec.dtype)
        if features.size and (features.min() < low or features.max() > high):
            raise InputError(f"features exceed {spec.dtype} [{low}, {high}]")
        values = features.astype(np.int64)
        if spec.dtype == datatypes.BIPOLAR and not values.all():
            raise InputError("features must be -1 or +1")
        if spec.frames_fixed is not None:
            if len(values) < spec.frames_fixed:
                raise InputError(f"this network takes {spec.frames_fixed} frames, the features have {len(values)}")
            return values[: spec.frames_fixed]
        if len(values) < spec.frames_min:
            raise InputError(f"{len(values)} frames are too few: this network needs {spec.frames_min}")
        return values[: spec.frames_max]
