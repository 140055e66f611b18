"""The simulated board, switched on for as long as the driver is open: ``--port sim``."""

from hwsv.boards import Board
from hwsv.design import Design
from hwsv.errors import InputError
from hwsv.host.drivers.uart import UartDriver

LEAST_DIVISOR = 4
"""Cycles a bit that the shell's receiver needs."""


class SimulatedDriver(UartDriver):
    """The UART driver on a Verilator model of the board (`hwsv.cosim.board`), built at first use.

    `address`: nothing, or the clock cycles a bit of the UART (``sim:16``): fewer are faster.
    """

    scheme = "sim"

    def __init__(self, address: str, board: Board, design: Design, timeout_s: float) -> None:
        from hwsv.cosim.board import DIVISOR, TIMEOUT_S, SimulatedBoard

        if address and (not address.isdecimal() or int(address) < LEAST_DIVISOR):
            raise InputError(f"sim:{address}: cycles a bit are a number from {LEAST_DIVISOR} on")
        self._board = SimulatedBoard(design, int(address or DIVISOR))
        self._board.start()
        try:
            super().__init__(self._board.port, board, design, max(timeout_s, TIMEOUT_S))
        except BaseException:
            self._board.unplug()
            raise

    def close(self) -> None:
        super().close()
        self._board.unplug()
