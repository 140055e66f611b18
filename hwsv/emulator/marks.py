"""What depends on an utterance's length alone: masks of padded windows and indices of taps, made once a length."""

from hwsv.emulator import machine

Fields = dict[str, int]
"""Columns of one row of the step table, those that are not 0."""

GEOMETRY = ("freq_in", "freq_out", "kt", "kf", "st", "sf", "t0", "f0")
"""The kernels' geometry of a window."""

_INDEXED = ("rows_in", "rows_out", "pitch", "index_depth", *GEOMETRY)
"""What an index depends on."""

_MASKED = ("rows_in", "rows_out", "pitch", *GEOMETRY, "pad", "words", "slot", "lanes")
"""What a mask depends on, beside the channels."""


class Marks:
    """Rows that make masks and tap indices, one for all steps that need the same."""

    def __init__(self) -> None:
        self.rows: list[Fields] = []
        self.size = 0
        self._known: dict[tuple[int, ...], int] = {}

    def add(self, row: Fields, channels: int) -> None:
        """Put into `row` where its mask and its index lie; channels: of its input."""
        if row["kind"] == machine.BINARY:
            row["mask_at"] = self._place(machine.MASK, row, row["words"] + 1, channels)
        if row.get("index_depth", 0):
            row["index_at"] = self._place(machine.INDEX, row, row["index_depth"])

    def _place(self, kind: int, row: Fields, depth: int, channels: int = 0) -> int:
        read = {name: row.get(name, 0) for name in (_INDEXED if kind == machine.INDEX else _MASKED)}
        key = (kind, channels, *read.values())
        if key not in self._known:
            self._known[key] = self.size
            names = {machine.INDEX: "index_at", machine.MASK: "mask_at"}
            self.rows.append(read | {"kind": kind, "lanes_at": row.get("lanes_at", 0), names[kind]: self.size})
            self.size += depth * row["pitch"]
        return self._known[key]
