"""Training learns, resumes to the same weights, and its export computes what torch computes."""

import json
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from qonnx.core import onnx_exec
from qonnx.core.modelwrapper import ModelWrapper

from hwsv.custom_ops import DOMAIN
from hwsv.errors import InputError
from hwsv.host.features import FeatureSpec, extract
from tests.training.conftest import recipe_values, write_recipe
from training.export import export, load_checkpoint
from training.reference import load_torch
from training.run import train


@pytest.fixture(scope="module")
def trained(corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tiny")
    return train(write_recipe(folder, recipe_values()), corpus, folder / "out")


def _log(checkpoint: Path, stage: str) -> list[dict]:
    rows = [json.loads(line) for line in checkpoint.with_name("tiny.log.jsonl").read_text().splitlines()]
    return [row for row in rows if row["stage"] == stage]


@pytest.mark.parametrize("stage", ["float_twin", "binary"])
def test_loss_falls(trained: Path, stage: str) -> None:
    rows = _log(trained, stage)
    assert [row["step"] for row in rows] == [8, 16, 24]
    assert rows[-1]["loss"] < 0.8 * rows[0]["loss"]
    assert 0 <= rows[-1]["heldout_eer"] <= 1 and 0 <= rows[-1]["heldout_noisy_eer"] <= 1


def test_killed_run_resumes_to_the_same_weights(
    trained: Path, corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import training.run as run

    steps = 0
    original = run._train_step

    def dies(*args: object) -> float:
        nonlocal steps
        steps += 1
        if steps == 24 + 13:  # in the binary stage, between two checkpoints
            raise KeyboardInterrupt
        return original(*args)

    recipe = write_recipe(tmp_path, recipe_values())
    monkeypatch.setattr(run, "_train_step", dies)
    with pytest.raises(KeyboardInterrupt):
        train(recipe, corpus, tmp_path / "out")
    monkeypatch.setattr(run, "_train_step", original)
    resumed = train(recipe, corpus, tmp_path / "out")
    expected, got = (torch.load(path, weights_only=True)["net"] for path in (trained, resumed))
    assert all(torch.equal(expected[name], got[name]) for name in expected)
    assert [row["loss"] for row in _log(resumed, "binary")] == [row["loss"] for row in _log(trained, "binary")]


def test_export_equals_torch(trained: Path, corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # qonnx writes the newest IR version, which onnxruntime need not know yet.
    monkeypatch.setattr(onnx_exec, "qonnx_make_model", lambda graph: onnx.helper.make_model(graph, ir_version=8))
    model = ModelWrapper(str(export(trained, tmp_path / "tiny.onnx")))
    metadata = {entry.key: entry.value for entry in model.model.metadata_props}
    spec = FeatureSpec.model_validate_json(metadata["hwsv.features"])
    assert metadata["hwsv.recipe"] == "tiny"
    assert [node.domain for node in model.get_nodes_by_op_type("StatsPool")] == [DOMAIN]
    assert not model.get_nodes_by_op_type("Reshape")

    features = np.tile(extract(corpus / "audio/s0/0.wav", spec), (2, 1))[:200]
    reference = load_torch(trained)
    sums = reference.accumulators(features)
    assert sums.dtype == np.int64 and sums.any()
    x = features.astype(np.float32)[None, None] * np.float32(spec.scale)
    context = onnx_exec.execute_onnx(model, {"features": x}, return_full_exec_context=True)
    (fc,) = [n for n in model.graph.node if n.op_type in ("MatMul", "Gemm")]
    assert np.array_equal(context[fc.output[0]][0] / reference.net.fc_scale, sums)
    np.testing.assert_allclose(context["embedding"][0], reference.embedding(features), rtol=1e-5, atol=1e-5)


def test_float_twin_export_equals_torch(trained: Path, tmp_path: Path) -> None:
    import onnxruntime

    checkpoint = trained.with_name("tiny_float.pt")
    session = onnxruntime.InferenceSession(export(checkpoint, tmp_path / "float.onnx"))
    net, _ = load_checkpoint(checkpoint)
    for frames in (50, 200, 201):
        x = torch.randn(1, 1, frames, 40, generator=torch.Generator().manual_seed(frames))
        (got,) = session.run(None, {"features": x.numpy()})
        with torch.no_grad():
            np.testing.assert_allclose(got, net(x).numpy(), rtol=1e-3, atol=1e-4)
    with pytest.raises(InputError, match="float twin"):
        load_torch(checkpoint)


def test_any_length(trained: Path) -> None:
    reference = load_torch(trained)
    rng = np.random.default_rng(0)
    for frames in (1, 2, 7, 333):
        assert reference.accumulators(rng.integers(-128, 128, (frames, 40), dtype=np.int8)).shape == (8,)


def test_missing_data_is_one_line(tmp_path: Path) -> None:
    recipe = write_recipe(tmp_path, recipe_values())
    with pytest.raises(InputError, match="no such data folder"):
        train(recipe, tmp_path / "nowhere", tmp_path / "out")
    with pytest.raises(InputError, match=r"all\.utt2spk"):
        train(recipe, tmp_path, tmp_path / "out")


def test_bad_checkpoint_is_one_line(tmp_path: Path) -> None:
    bad = tmp_path / "bad.pt"
    bad.write_bytes(b"not a checkpoint")
    for name in (bad, tmp_path / "missing.pt", "no-such-name"):
        with pytest.raises(InputError) as caught:
            export(name, tmp_path / "out.onnx")
        assert "\n" not in str(caught.value)
