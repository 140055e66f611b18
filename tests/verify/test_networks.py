"""Networks from Brevitas, compiled and verified at every level: sizes and operators that the shipped one lacks."""

import numpy as np
import pytest

from hwsv.compile import compile_model
from hwsv.design import Design
from hwsv.embed import host_post
from hwsv.frontend.execute import executor, from_tfc
from hwsv.frontend.load import load_model
from hwsv.verify import chain, inputs
from tests.verify import mutation

KINDS = ["conv_net", "mlp", "few_bits", "residual"]
BOARD = "ulx3s-85f"


@pytest.fixture(scope="module", params=KINDS)
def network(request, tmp_path_factory) -> Design:
    path = request.getfixturevalue(request.param)
    return compile_model(path, BOARD, tmp_path_factory.mktemp("verify") / request.param, fps=1000)


def test_every_level_is_equal(network):
    utterances = inputs.random_features(network, 3)
    levels = ["qonnx-raw", "qonnx", "golden", "emulator", "csim", "cycle"]
    result = chain.verify(network, levels, utterances)
    assert result.equal, [str(row.first) for row in result.rows if row.first]
    assert all(row.values > 0 for row in result.rows if row.against)


def test_host_steps_end_in_the_output_of_the_model(network):
    """What is compared by cosine is what the model as given puts out, up to float rounding."""
    (utterance,) = inputs.random_features(network, 1)
    (embedding,) = chain.verify(network, ["golden"], [utterance]).embeddings["golden"]
    model = load_model(network.folder / "model.onnx")
    entry, out = model.graph.input[0], model.graph.output[0].name
    rank = len(entry.type.tensor_type.shape.dim)
    x = from_tfc(utterance, rank) * np.float32(network.manifest.input.scale)
    expected = executor(model).run({entry.name: x}, {out})[out].reshape(-1)
    np.testing.assert_allclose(host_post(network, embedding[None])[0], expected, rtol=1e-4, atol=1e-4)


def test_torch_computes_the_same_integers(tmp_path):
    """From the checkpoint to the emulator; a checkpoint with other weights is noticed."""
    torch = pytest.importorskip("torch")
    pytest.importorskip("brevitas")
    from training.export import randomise, save_checkpoint, write_qonnx
    from training.models import SpeakerNet
    from training.recipe import load_recipe

    recipe = load_recipe("nano")
    small = recipe.network.model_copy(update={"channels": 4, "blocks": [1, 1], "embedding": 8})
    recipe = recipe.model_copy(update={"network": small, "name": "tiny"})
    net = SpeakerNet(recipe.network, recipe.features).eval()
    randomise(net, seed=3)
    write_qonnx(net, recipe, tmp_path / "tiny.onnx")
    design = compile_model(tmp_path / "tiny.onnx", BOARD, tmp_path / "tiny", fps=100)
    utterances = inputs.random_features(design, 3)

    def compare():
        save_checkpoint(net, recipe, tmp_path / "tiny.pt")
        options = chain.Options(tmp_path / "tiny.pt")
        return chain.verify(design, ["torch", "qonnx", "golden", "emulator"], utterances, options)

    assert compare().equal
    with torch.no_grad():
        net.fc.weight.neg_()
    changed = compare()
    assert not changed.equal
    qonnx, golden = changed.rows[1:3]
    assert qonnx.against == "torch" and qonnx.mismatches > 0 and golden.mismatches == 0


def test_mutation_is_named_through_the_model_graph(residual, tmp_path):
    """qonnx against cycle, nothing between: the walk still finds the unit."""
    design = compile_model(residual, BOARD, tmp_path / "residual", fps=1000)
    unit = [node for node in design.graph if node.unit.kind == "mvtu"][1].name
    mutation.flip_memory_bit(design.memory_path(design.graph.node(unit), "weights"))
    result = chain.verify(design, ["qonnx", "cycle"], inputs.random_features(design, 2))
    assert not result.equal and result.rows[1].first.unit == unit
