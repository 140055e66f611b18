"""From audio to embeddings of a design: features, the level's integers, and the host steps after the accelerator."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hwsv.design import Design
from hwsv.errors import HwsvError, InputError
from hwsv.graph import OUTPUT
from hwsv.host.features import FeatureSpec, extract_many
from hwsv.units.base import Tensor
from hwsv.verify.level import Options, Progress, level_class

HOST_POST = "host_post.onnx"

Float = NDArray[np.float32]


def feature_spec(design: Design) -> FeatureSpec:
    """How audio becomes the design's input; InputError for a network without audio."""
    spec = design.manifest.input.features
    if spec is None:
        raise InputError(
            f"{design.folder}: this network has no audio front-end (the model's metadata holds no 'hwsv.features'); "
            "give it integer features instead (--features FILE.npy)"
        )
    return spec


def audio_features(
    design: Design, paths: Sequence[Path], cache: Path | None = None, progress: Progress | None = None
) -> list[NDArray[np.int8]]:
    """Features int8 ``[T, F]`` of audio files, each checked to fit the design; an InputError names the file."""
    counted = (lambda done, total: progress("features", done, total)) if progress else None
    features = extract_many(paths, feature_spec(design), cache=cache, progress=counted)
    for path, array in zip(paths, features, strict=True):
        fit(design, array, str(path))
    return features


def load_features(path: Path) -> NDArray[np.integer]:
    """Integer features ``[T, F]`` or ``[T, F, C]`` from a ``.npy`` file. Raises InputError."""
    try:
        # mapped, so that a header that claims more than the file holds allocates nothing
        array = np.load(path, mmap_mode="r", allow_pickle=False)
    except Exception as error:  # numpy parses the header as Python, which has many ways to fail
        raise InputError(f"{path}: cannot be read as a .npy file of integers ({type(error).__name__})") from error
    if not isinstance(array, np.ndarray):
        raise InputError(f"{path}: holds several arrays; save one array as .npy")
    return array


def fit(design: Design, features: NDArray[np.integer], name: str) -> Tensor:
    """The design's input int64 ``[T, F, C]`` for an array of features; an InputError starts with `name`."""
    try:
        values = design.check_features(features)
        design.graph.frames(len(values))
    except HwsvError as error:
        raise type(error)(f"{name}: {error}") from error
    return values


def embed(
    design: Design,
    features: Sequence[Tensor],
    level: str = "emulator",
    options: Options | None = None,
    progress: Progress | None = None,
) -> NDArray[np.int64]:
    """Integer embeddings ``[N, E]`` of inputs as `fit` gives, computed by one level of the chain."""
    rows = []
    for row in level_class(level)(design, options or Options()).embeddings(features):
        rows.append(row)
        if progress:
            progress(level, len(rows), len(features))
    return np.stack(rows) if rows else np.empty((0, design.manifest.outputs), np.int64)


def host_post(design: Design, embeddings: NDArray[np.int64]) -> Float:
    """What the host makes of integer embeddings ``[N, E]`` before it compares them, float32 ``[N, E]``.

    These are the model's element-wise nodes after the last accumulator (scale, batch normalisation): `HOST_POST`.
    Its input is ``[1, n]`` or ``[1, C, T, F]``.
    """
    path = design.folder / HOST_POST
    if not path.is_file():
        return embeddings.astype(np.float32)
    from hwsv.frontend.execute import from_tfc

    session, stream = open_onnx(path), design.graph.stream(OUTPUT)
    entry = session.get_inputs()[0]

    def run(row: NDArray[np.int64]) -> Float:
        values = from_tfc(row.reshape(-1, stream.freq, stream.channels), len(entry.shape))
        return session.run(None, {entry.name: values})[0].reshape(-1)

    return np.stack([run(row) for row in embeddings])


def open_onnx(path: Path):  # type: ignore[no-untyped-def]  # onnxruntime has no types
    """An onnxruntime session on one thread; InputError for anything that is not a model with one input and output."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    options.intra_op_num_threads = 1
    try:
        session = onnxruntime.InferenceSession(path.read_bytes(), options, providers=["CPUExecutionProvider"])
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from error
    except Exception as error:  # onnxruntime raises a dozen own types
        raise InputError(f"{path}: onnxruntime cannot load it as a model ({str(error).splitlines()[0]})") from error
    if len(session.get_inputs()) != 1 or len(session.get_outputs()) != 1:
        raise InputError(f"{path}: expected one input and one output")
    return session


def cosine_matrix(embeddings: NDArray[np.floating]) -> NDArray[np.float64]:
    """Cosine of every pair of rows of ``[N, E]``; 0 where an embedding is all zero."""
    rows = embeddings.astype(np.float64)
    norms = np.linalg.norm(rows, axis=1, keepdims=True)
    unit = rows / np.where(norms > 0, norms, 1.0)
    return unit @ unit.T
