"""Pins of the board for the place and route tools: ``.lpf`` (ECP5) and ``.cst`` (Gowin)."""

from hwsv.boards import Board


def ports(board: Board) -> dict[str, str]:
    """Port of the board's top -> pin."""
    pins = board.pins
    found = {"clk_pin": pins.clock, "rx": pins.uart_rx, "tx": pins.uart_tx, "reset_pin": pins.reset}
    return {name: pin for name, pin in found.items() if pin} | _vector("led", pins.leds) | _vector("high", pins.high)


def _vector(name: str, pins: list[str]) -> dict[str, str]:
    # a vector of one bit has no index in a netlist
    names = [name] if len(pins) == 1 else [f"{name}[{i}]" for i in range(len(pins))]
    return dict(zip(names, pins, strict=True))


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
