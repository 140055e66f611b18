"""Level ``board``: the hardware itself, through its driver."""

from collections.abc import Iterator, Sequence

from hwsv.errors import InputError
from hwsv.units.base import Tensor
from hwsv.verify.level import Level


class BoardLevel(Level):
    """The bitstream on the board at `Options.port`. Nothing between the units can be seen there; level rtl tells
    where a difference starts."""

    name = "board"
    place = 100

    def embeddings(self, features: Sequence[Tensor]) -> Iterator[Tensor]:
        from hwsv.host.drivers.driver import open_driver

        if not self.options.port:
            raise InputError(
                "level board computes on a board: say where it is (--port /dev/ttyUSB0; --port sim simulates one)"
            )
        with open_driver(self.options.port, self.design.manifest.board, self.design) as driver:
            for utterance in features:
                yield driver.run(utterance).embedding
