"""What a bring-up found, on screen, as JSON and as a page beside the design."""

import json
import re
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

from hwsv import __version__
from hwsv.design import Design
from hwsv.host.speakers import now

Status = Literal["ok", "failed", "skipped", "not run"]

SIMULATED = (
    "SIMULATED: the Verilator model of the board's top behind a pseudo-terminal. Clock, reset, UART, shell and "
    "accelerator are the generated RTL; PLL, baud rate and the speed of the clock are not those of a board."
)


@dataclass(frozen=True)
class StepResult:
    """One step. message: what was found, in one line; tries: what to do about a failure; facts: numbers for programs;
    dump: what the driver remembers of a failure, in lines."""

    name: str
    status: Status
    message: str = ""
    seconds: float = 0.0
    tries: list[str] = field(default_factory=list)
    facts: dict[str, Any] = field(default_factory=dict)
    dump: str = ""


@dataclass
class Report:
    """A bring-up of `design` at `port`."""

    design: Design
    port: str
    simulated: bool
    steps: list[StepResult] = field(default_factory=list)
    date: str = field(default_factory=now)

    @property
    def failed(self) -> StepResult | None:
        return next((step for step in self.steps if step.status == "failed"), None)

    def to_json(self) -> dict[str, Any]:
        """The stable JSON form of ``hwsv bringup``."""
        manifest = self.design.manifest
        return {
            "passed": self.failed is None, "simulated": self.simulated, "date": self.date, "hwsv_version": __version__,
            "design": manifest.name, "design_hash": manifest.hash, "board": manifest.board.name, "port": self.port,
            "steps": [asdict(step) for step in self.steps],
        }  # fmt: skip

    def to_markdown(self) -> str:
        """The page."""
        manifest = self.design.manifest
        lines = [
            f"# Bring-up of {manifest.name} on {manifest.board.name}{' (simulated)' * self.simulated}", "",
            *([SIMULATED, ""] if self.simulated else []),
            f"{self.date}, hwsv {__version__}, port {self.port}, design `{manifest.hash}`.", "",
            "| step | | found | seconds |", "|---|---|---|---|",
            *(f"| {s.name} | {s.status} | {_cell(s.message)} | {s.seconds:.1f} |" for s in self.steps), "",
        ]  # fmt: skip
        for step in self.steps:
            if step.status == "failed":
                lines += [f"## What to try: {step.name}", "", *(f"- {text}" for text in step.tries), ""]
                lines += ["```", step.dump, "```", ""] if step.dump else []
        return "\n".join(lines)

    @property
    def page(self) -> Path:
        """``bringup.md`` in the design's folder; a simulated one has another name, so that it never takes the place of
        one on a board."""
        return self.design.folder / f"bringup{'-simulated' * self.simulated}.md"

    def write(self) -> None:
        """The page, and beside it the same as JSON."""
        self.page.with_suffix(".json").write_text(json.dumps(self.to_json(), indent=2, allow_nan=False) + "\n")
        self.page.write_text(self.to_markdown())


def _cell(text: str) -> str:
    return re.sub(r"\s+", " ", text).replace("|", "\\|")
