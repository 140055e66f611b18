"""How commands end: exit codes, one line, no traceback."""

import json
import sys

import pytest
import typer

from hwsv import __version__
from hwsv.cli.app import app
from hwsv.errors import CheckFailed, InputError


@pytest.fixture
def ending(run):
    """Run a throw-away command that raises `error`."""

    def call(error):
        @app.command("explode", hidden=True)
        def explode() -> None:
            raise error

        try:
            return run("explode")
        finally:
            app.registered_commands.pop()

    return call


@pytest.mark.parametrize(
    "error, code, line",
    [
        (InputError("bad thing"), 2, "hwsv: error: bad thing\n"),
        (CheckFailed("levels differ"), 1, "hwsv: error: levels differ\n"),
        (InputError("two\nlines and \x1b[31mcolour\x07"), 2, "hwsv: error: two lines and ?[31mcolour?\n"),
        (PermissionError(13, "Permission denied", "/x"), 2, "hwsv: error: /x: Permission denied\n"),
        (KeyboardInterrupt(), 130, ""),
        (typer.Exit(1), 1, ""),
    ],
)
def test_exit_codes(ending, error, code, line):
    result = ending(error)
    assert (result.exit_code, result.stderr) == (code, line)


def test_a_defect_asks_to_be_reported(ending, monkeypatch):
    monkeypatch.delenv("HWSV_DEBUG", raising=False)
    result = ending(ZeroDivisionError("oops"))
    assert result.exit_code == 70
    assert result.stderr.startswith("hwsv: error: internal error, please report it: ZeroDivisionError: oops")
    assert result.stderr.count("\n") == 1
    monkeypatch.setenv("HWSV_DEBUG", "1")
    assert "Traceback" in ending(ZeroDivisionError("oops")).stderr


def test_help_is_light(spawn):
    result = spawn("--help")
    assert result.returncode == 0
    for command in (
        "compile",
        "estimate",
        "simulate",
        "verify",
        "embed",
        "evaluate",
        "train",
        "export",
        "boards",
        "enroll",
        "check",
        "speakers",
        "calibrate",
    ):
        assert f"  {command} " in result.stdout


def test_the_command_line_imports_no_heavy_library():
    import subprocess

    code = "import hwsv.cli, sys; print([m for m in ('torch', 'onnx', 'numba', 'numpy', 'qonnx') if m in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.strip() == "[]"


def test_version_and_bare_call(run):
    assert run("--version").stdout == f"hwsv {__version__}\n"
    bare = run()
    assert bare.exit_code == 0 and "Usage" in bare.stdout


def test_every_command_has_json_and_help():
    for command in typer.main.get_command(app).commands.values():
        assert any("--json" in option.opts for option in command.params), command.name
        assert command.help, command.name


def test_boards(run):
    assert "ulx3s-85f" in run("boards").stdout
    assert json.loads(run("boards", "--json").stdout)["ulx3s-85f"]["flow"] == "nextpnr"
