"""Board files: ``board_configs/<board>.yaml``, validated. A new board is one new file."""

from pathlib import Path
from typing import Literal

import pydantic

from hwsv import yaml_file
from hwsv.errors import InputError
from hwsv.resources import data_folder


class Resources(pydantic.BaseModel, extra="forbid"):
    """What the device has. `lut_inputs`: 4 or 6; `bram_kbit`: capacity of all block RAM.

    `bram_port_bits`: the widest word that one block reads or writes in a cycle (ECP5 and Gowin 36, AMD's 36 kbit 72).
    """

    lut: pydantic.PositiveInt
    lut_inputs: Literal[4, 6]
    ff: pydantic.PositiveInt
    bram_blocks: pydantic.NonNegativeInt
    bram_block_kbit: pydantic.PositiveInt
    bram_port_bits: Literal[9, 18, 36, 72]
    dsp: pydantic.NonNegativeInt

    @property
    def bram_kbit(self) -> int:
        return self.bram_blocks * self.bram_block_kbit


class Board(pydantic.BaseModel, extra="forbid"):
    """A board: the device on it, the clock that a design is timed for, and the flow that builds for it."""

    name: str = pydantic.Field(pattern=r"^[a-z0-9][a-z0-9-]*$")
    description: str
    device: str = pydantic.Field(pattern=r"^[A-Za-z0-9._-]+$")
    package: str = pydantic.Field(pattern=r"^[A-Za-z0-9._-]+$")
    flow: Literal["nextpnr", "vivado"]
    clock_mhz: float = pydantic.Field(gt=0, le=1000)
    resources: Resources
    sources: list[str] = pydantic.Field(min_length=1)

    @property
    def clock_hz(self) -> float:
        return self.clock_mhz * 1e6


def load_board(name: str) -> Board:
    """The board called `name`, or the board file at that path. Raises InputError."""
    path = Path(name) if name.endswith((".yaml", ".yml")) else data_folder("board_configs") / f"{name}.yaml"
    if not path.is_file():
        raise InputError(f"board {name!r} is not known; boards: {', '.join(board_names())}")
    return yaml_file.load(path, "board file", pydantic.TypeAdapter(Board))


def board_names() -> list[str]:
    """Names of the boards that come with hwsv."""
    return sorted(path.stem for path in data_folder("board_configs").glob("*.yaml"))
