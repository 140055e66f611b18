"""The option ``--port``: a board computes."""

from typing import TYPE_CHECKING, Annotated

import typer

from hwsv.errors import InputError

if TYPE_CHECKING:
    from hwsv.verify.level import Options

LEVEL = "emulator"
"""The level that computes where nothing else is asked for."""

BOARD = "board"

Port = Annotated[
    str | None,
    typer.Option(
        metavar="PORT", help="Compute on the board at this serial port; pynq:OVERLAY, or sim: a simulated one."
    ),
]


def computing(level: str, port: str | None) -> "tuple[str, Options]":
    """The level that computes, and its options. Raises InputError for a level that needs no board."""
    from hwsv.verify.level import Options

    if port is None:
        return level, Options()
    if level not in (LEVEL, BOARD):
        raise InputError(f"--port is for level board, not for level {level}: leave one of the two out")
    return BOARD, Options(port=port)
