"""Any network of the supported kind, in any folding: all levels compute the same integers.

HWSV_SOAK=N draws N networks, others every time, instead of the few fixed ones (``make soak``).
"""

import os
import tempfile
from pathlib import Path
from random import Random

import onnx
import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hwsv.compile import compile_model
from hwsv.folding import unit_cycles
from hwsv.frontend import import_model
from hwsv.verify import chain, inputs
from tests.properties.networks import models, random_folding

SOAK = int(os.environ.get("HWSV_SOAK", 0))
LEVELS = ["qonnx", "golden", "emulator", "cycle"]
slow = settings(
    deadline=None, derandomize=not SOAK, database=None, print_blob=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much],
)  # fmt: skip


def check(model: onnx.ModelProto, random: Random, seed: int, levels: list[str]) -> None:
    """Compile with a random folding and compare `levels` on three utterances, of mixed lengths where T is free."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        onnx.save(model, folder / "model.onnx")
        overrides = random_folding(import_model(folder / "model.onnx").graph, random)
        (folder / "folding.yaml").write_text(yaml.safe_dump(overrides))
        design = compile_model(
            folder / "model.onnx", "ulx3s-85f", folder / "design", fps=1, folding=folder / "folding.yaml"
        )
        assert {n: getattr(design.graph.node(n).unit, k) for n, f in overrides.items() for k in f} == {
            n: f[k] for n, f in overrides.items() for k in f
        }
        result = chain.verify(design, levels, inputs.random_features(design, 3, seed))
        assert result.equal, [f"{row.name}: {row.first}" for row in result.rows if row.mismatches]
        assert all(row.values > 0 for row in result.rows if row.against)
        assert max(unit_cycles(design.graph, design.manifest.input.frames_example).values()) > 0


@settings(slow, max_examples=SOAK or 30)
@given(models(), st.randoms(use_true_random=False), st.integers(0, 2**16))
def test_levels_are_equal(model, random, seed):
    check(model, random, seed, LEVELS)


@settings(slow, max_examples=SOAK // 20 or 2)
@given(models(), st.randoms(use_true_random=False), st.integers(0, 2**16))
def test_csim_is_equal(model, random, seed):
    check(model, random, seed, ["golden", "csim"])


@pytest.mark.parametrize("kind", ["conv_net", "few_bits", "residual"])
def test_brevitas_networks_in_random_foldings(kind, request):
    """The same on what Brevitas exports itself: the hand-made files are no different kind of thing."""
    check(onnx.load(request.getfixturevalue(kind)), Random(kind), 0, LEVELS)
