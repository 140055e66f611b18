"""Pins of the board for the place and route tools: ``.lpf`` (ECP5) and ``.cst`` (Gowin)."""

from hwsv.boards import Board


def ports(board: Board) -> dict[str, str]:
    """Port of the board's top -> pin."""
    pins = board.pins
    found = {"clk_pin": pins.clock, "rx": pins.uart_rx, "tx": pins.uart_tx, "reset_pin": pins.reset}
    # a vector of one bit has no index in a netlist
    names = ["led"] if len(pins.leds) == 1 else [f"led[{i}]" for i in range(len(pins.leds))]
    return {name: pin for name, pin in found.items() if pin} | dict(zip(names, pins.leds, strict=True))


def lpf(board: Board) -> str:
    """Lattice preference file."""
    lines = []
    for name, pin in ports(board).items():
        pull = ""
        if name == "reset_pin":
            pull = " PULLMODE=UP" if board.pins.reset_active_low else " PULLMODE=DOWN"
        elif name == "rx":
            pull = " PULLMODE=UP"  # an open line is idle
        lines += [f'LOCATE COMP "{name}" SITE "{pin}";', f'IOBUF PORT "{name}" IO_TYPE={board.pins.io_standard}{pull};']
    lines.append(f'FREQUENCY PORT "clk_pin" {board.oscillator_mhz} MHZ;')
    return "\n".join(lines) + "\n"


def cst(board: Board) -> str:
    """Gowin physical constraints."""
    lines = []
    for name, pin in ports(board).items():
        pull = ""
        if name == "reset_pin":
            pull = " PULL_MODE=UP" if board.pins.reset_active_low else " PULL_MODE=DOWN"
        elif name == "rx":
            pull = " PULL_MODE=UP"
        lines += [f'IO_LOC "{name}" {pin};', f'IO_PORT "{name}" IO_TYPE={board.pins.io_standard}{pull};']
    return "\n".join(lines) + "\n"
