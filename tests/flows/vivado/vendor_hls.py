"""Stand-ins for Vitis HLS's Tcl commands: strict, with state, every call recorded; the core's ports from its C++."""

import json
import re
from pathlib import Path

from tests.flows.vivado import tcl
from tests.flows.vivado.vendor_words import expect, parsed


class Hls(tcl.Vendor):
    """Vitis HLS. renamed: whether it appends _r to the name ``length``, as it does to words of its own."""

    def __init__(self, folder: Path, renamed: bool = True) -> None:
        super().__init__()
        self.folder, self.renamed = folder, renamed
        self.state: dict[str, str] = {}
        self.sources: list[Path] = []
        self.done: list[str] = []

    def cmd_open_project(self, option: str, name: str) -> None:
        self.state["project"] = expect(option == "-reset", name)

    def cmd_set_top(self, name: str) -> None:
        self.state["top"] = name

    def cmd_add_files(self, *words: str) -> None:
        options, (name,) = parsed(words, {"-cflags": 1, "-tb": 0})
        path = self.folder / name
        if not path.is_file():
            raise FileNotFoundError(path)
        for include in re.findall(r'^#include "([^"]+)"', path.read_text(), re.MULTILINE):
            if not (self.folder / include).is_file():
                raise FileNotFoundError(self.folder / include)
        expect("-std=" in options["-cflags"])
        if "-tb" not in options:
            self.sources.append(path)

    def cmd_open_solution(self, *words: str) -> None:
        options, (name,) = parsed(words, {"-reset": 0, "-flow_target": 1})
        self.state["solution"] = expect(options["-flow_target"] == "vivado", name)

    def cmd_set_part(self, part: str) -> None:
        self.state["part"] = part

    def cmd_create_clock(self, *words: str) -> None:
        options, _ = parsed(words, {"-period": 1, "-name": 1})
        self.state["period"] = str(float(options["-period"]))

    def cmd_config_rtl(self, option: str, value: str) -> None:
        expect((option, value) == ("-deadlock_detection", "none"))

    def cmd_csim_design(self, option: str, folder: str) -> None:
        expect(option == "-argv" and (Path(folder) / "length.bin").is_file())

    def cmd_csynth_design(self) -> None:
        expect({"top", "part", "period", "solution"} <= set(self.state))
        text = "".join(path.read_text() for path in self.sources)
        expect(re.search(rf"^void {self.state['top']}\(", text, re.MULTILINE))
        self.done.append("csynth")

    def cmd_export_design(self, option: str, kind: str) -> None:
        expect((option, kind) == ("-format", "ip_catalog") and "csynth" in self.done)
        top, text = self.state["top"], self.sources[0].read_text()
        arguments = re.search(rf"^void {top}\((.*?)\) {{", text, re.MULTILINE | re.DOTALL)[1]  # type: ignore[index]
        streams = {}
        for width, name in re.findall(r"hls::stream<hwsv::(?:word_t<(\d+)>|length_t)>& (\w+)", arguments):
            expect(f"#pragma HLS INTERFACE mode=axis port={name}" in text)
            bits = -(-int(width or 16) // 8) * 8
            shown = "length_r" if name == "length" and self.renamed else name
            streams[shown] = ["master" if name == "embedding" else "slave", bits]
        expect("#pragma HLS INTERFACE mode=ap_ctrl_none port=return" in text)
        ip = self.folder / self.state["project"] / self.state["solution"] / "impl" / "ip"
        ip.mkdir(parents=True)
        vlnv = f"xilinx.com:hls:{top}:1.0"
        (ip / "component.xml").write_text(json.dumps({"vlnv": vlnv, "kind": "hls", "streams": streams}))
