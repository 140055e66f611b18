"""Board files: ``board_configs/<board>.yaml``, validated. A new board is one new file."""

from pathlib import Path
from typing import Annotated, Literal

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


Pin = Annotated[str, pydantic.Field(pattern=r"^[A-Z]{0,2}[0-9]{1,3}$")]
"""A ball or pin of the package: ``G2``, ``AH18``, ``69``."""


class Pins(pydantic.BaseModel, extra="forbid"):
    """Where the board's parts are connected. `uart_rx` is the FPGA's input; `leds` and `reset` may be missing.

    `high`: outputs that are held at 1, because another part of the board watches them. `io_standard`: of all of them.
    Without `clock`, the clock comes from the processing system (Zynq).
    """

    clock: Pin | None = None
    uart_rx: Pin | None = None
    uart_tx: Pin | None = None
    leds: list[Pin] = pydantic.Field(default=[], max_length=8)
    leds_active_low: bool = False
    reset: Pin | None = None
    reset_active_low: bool = False
    high: list[Pin] = pydantic.Field(default=[], max_length=8)
    io_standard: Literal["LVCMOS33", "LVCMOS18"] = "LVCMOS33"

    @pydantic.model_validator(mode="after")
    def _distinct(self) -> "Pins":
        used = [pin for pin in (self.clock, self.uart_rx, self.uart_tx, self.reset, *self.leds, *self.high) if pin]
        if twice := sorted({pin for pin in used if used.count(pin) > 1}):
            raise ValueError(f"pin {twice[0]} is used twice")
        return self


class Programmer(pydantic.BaseModel, extra="forbid"):
    """What loads a bitstream: openFPGALoader with its name of the `board`, or a PYNQ image on the board itself."""

    tool: Literal["openfpgaloader", "pynq"]
    board: str = pydantic.Field(default="", pattern=r"^[a-z0-9_]*$")


class Board(pydantic.BaseModel, extra="forbid"):
    """A board: the device on it, the clock that a design is timed for, and the flow that builds for it.

    `family`: of the device, as the tools call it (yosys and nextpnr). `oscillator_mhz`: at the pin `clock`; a PLL makes
    `clock_mhz` of it where they differ. `baud`: of the UART.
    """

    name: str = pydantic.Field(pattern=r"^[a-z0-9][a-z0-9-]*$")
    description: str
    device: str = pydantic.Field(pattern=r"^[A-Za-z0-9._/-]+$")
    package: str = pydantic.Field(pattern=r"^[A-Za-z0-9._-]+$")
    family: Literal["", "ecp5", "GW2A-18C", "GW5A-25A", "xc7", "xcup"] = ""
    flow: Literal["nextpnr", "vivado"]
    clock_mhz: float = pydantic.Field(gt=0, le=1000)
    oscillator_mhz: float | None = pydantic.Field(default=None, gt=0, le=1000)
    baud: int = pydantic.Field(default=115200, ge=9600, le=3_000_000)
    pins: Pins = Pins()
    programmer: Programmer | None = None
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
