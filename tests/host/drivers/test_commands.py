"""Level board, and --port of embed, enroll and check, on the simulated board."""

import json
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from hwsv.cli import app
from hwsv.errors import InputError
from hwsv.verify.chain import verify
from hwsv.verify.level import Options, level_class, registry
from tests.cli.test_speakers import voice
from tests.host.drivers import tiny


def run(*arguments: object):
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


@pytest.fixture(scope="module")
def wavs(tmp_path_factory) -> list[Path]:
    folder = tmp_path_factory.mktemp("wavs")
    return [voice(folder / f"{i}.wav", 110, i) for i in range(2)]


def test_board_is_the_last_level(bench):
    assert list(registry())[-1] == "board"
    features = [bench.design.check_features(bench.utterance()) for _ in range(3)]
    result = verify(bench.design, ["golden", "board"], features, Options(port=bench.board.port), inside=0)
    assert result.equal and result.rows[1].values == 3 * tiny.OUTPUTS
    with pytest.raises(InputError, match=r"say where it is \(--port"):
        next(iter(level_class("board")(bench.design, Options()).embeddings(features)))


def test_embed_on_the_board(bench, wavs):
    expected = json.loads(run("embed", bench.design.folder, *wavs, "--level", "golden", "--json").stdout)
    found = run("embed", bench.design.folder, *wavs, "--port", bench.board.port, "--json")
    assert found.exit_code == 0, found.stderr
    assert json.loads(found.stdout) == expected | {"level": "board"}


def test_a_speaker_on_the_board(bench, wavs, tmp_path):
    port = ("--port", bench.board.port, "--store", tmp_path / "speakers", "--json")
    enrolled = run("enroll", "anna", *wavs, "--design", bench.design.folder, *port)
    assert enrolled.exit_code == 0 and json.loads(enrolled.stdout)["level"] == "board", enrolled.stderr
    checked = run("check", "anna", wavs[0], "--threshold", 0.5, *port)
    assert checked.exit_code == 0 and json.loads(checked.stdout)["level"] == "board", checked.stderr
    golden = run("check", "anna", wavs[0], "--threshold", 0.5, "--level", "golden", *port[2:])
    assert json.loads(golden.stdout)["score"] == json.loads(checked.stdout)["score"]


def test_verify_on_a_board_that_is_switched_on_for_it(bench):
    """``--port sim:4``: the model is there already, since the bench has built it."""
    features = bench.design.folder / "x.npy"
    np.save(features, bench.utterance())
    found = run(
        "verify",
        bench.design.folder,
        "--levels",
        "golden,board",
        "--port",
        f"sim:{tiny.DIVISOR}",
        "--features",
        features,
    )
    assert found.exit_code == 0, found.stderr


def test_what_goes_wrong_ends_in_one_line_and_its_dump(bench, wavs, tmp_path):
    other = run("embed", bench.other.design.folder, *wavs, "--port", bench.board.port)
    assert other.exit_code == 1
    *dump, line = other.stderr.splitlines()
    assert line.startswith(f"hwsv: error: {bench.board.port}: the board holds design ")
    assert dump[0].startswith("serial port ") and any("answer to INFO" in row for row in dump)
    missing = run("embed", bench.design.folder, *wavs, "--port", tmp_path / "none")
    assert missing.exit_code == 1 and missing.stderr.count("\n") == 1 and "no such port" in missing.stderr
    both = run("embed", bench.design.folder, *wavs, "--port", bench.board.port, "--level", "rtl")
    assert both.exit_code == 2 and "leave one of the two out" in both.stderr
    pynq = run("embed", bench.design.folder, *wavs, "--port", f"pynq:{tmp_path}")
    assert pynq.exit_code == 2 and "overlay.json is missing" in pynq.stderr
