"""Vivado: the stand-ins of `vendor_project`, and those for runs, reports and constraints."""

import re
from pathlib import Path

from tests.flows.vivado import tcl, vendor_ip
from tests.flows.vivado.vendor_project import Projects, VivadoProject
from tests.flows.vivado.vendor_words import expect, found, items, parsed, path_of

UTILISATION = """
| Site Type         | Used  | Fixed | Prohibited | Available | Util% |
| {0} LUTs        | 12345 |     0 |          0 |     53200 | 23.20 |
| {0} Registers   | 23456 |     0 |          0 |    106400 | 22.05 |
| Block RAM Tile    |  42.5 |     0 |          0 |       140 | 30.36 |
| DSPs              |    17 |     0 |          0 |       220 |  7.73 |
"""
"""Rows as `report_utilization` writes them since 2022.1 ({0}: Slice or CLB)."""


class Vivado(Projects):
    """All of it."""

    # runs

    def cmd_get_runs(self, name: str) -> str:
        return found(name in ("synth_1", "impl_1"), f"run:{name}")

    def cmd_launch_runs(self, *words: str) -> tcl.Source | None:
        options, (run,) = parsed(words, {"-to_step": 1, "-jobs": 1})
        expect(int(options["-jobs"]) > 0)
        project = expect(self.project)
        step = options.get("-to_step", run)
        if run == "synth_1":
            self._check_sources(project)
            expect(project.design is None or project.generated, None)
        else:
            expect(("synth_1" if step == "route_design" else "route_design") in project.done, None)
        project.launched[run] = step
        return tcl.Source(str(path) for path in project.files["constrs_1"]) if run == "synth_1" else None

    def cmd_wait_on_run(self, run: str) -> None:
        project = expect(self.project)
        step = project.launched[run]
        if step == "route_design":
            self._check_constraints(project)
        if step == "write_bitstream":
            folder = project.folder / f"{project.name}.runs/{run}"
            folder.mkdir(parents=True)
            (folder / f"{project.properties['fileset']['top']}.bit").write_bytes(b"\0" * 1000)
        project.done.append(step)

    def cmd_open_run(self, run: str) -> None:
        self.opened = expect("route_design" in expect(self.project).done and run == "impl_1")

    def cmd_close_design(self) -> None:
        expect(self.opened)
        self.opened = False

    def cmd_report_utilization(self, option: str, file: str) -> None:
        expect(self.opened and option == "-file")
        slices = "Slice" if expect(self.project).part.startswith("xc7") else "CLB"
        self._path(file).write_text(UTILISATION.format(slices))

    def cmd_report_timing_summary(self, option: str, file: str) -> None:
        expect(self.opened and option == "-file")
        self._path(file).write_text("timing")

    def cmd_get_clocks(self, name: str) -> str:
        return found(name in expect(self.project).clocks, f"clock:{name}")

    # constraints

    def cmd_get_ports(self, pattern: str) -> list[str]:
        known = self._ports()
        found = [
            name
            for word in items(pattern)
            for name in known
            if name == word or (word == "led[*]" and name[:4] == "led[")
        ]
        return [f"port:{name}" for name in expect(found)]

    def cmd_current_design(self) -> str:
        return "current:design"

    def cmd_create_clock(self, *words: str) -> None:
        options, (port,) = parsed(words, {"-name": 1, "-period": 1})
        expect(path_of("port", port) == "clk_pin")
        expect(self.project).clocks[options["-name"]] = float(options["-period"])

    def cmd_get_pins(self, name: str) -> str:
        return found(name == "clock/CLKOUT0" and "MMCME2_BASE" in self._top_text(), f"cellpin:{name}")

    def cmd_create_generated_clock(self, *words: str) -> None:
        options, (pin,) = parsed(words, {"-name": 1})
        path_of("cellpin", pin)
        text, project = self._top_text(), expect(self.project)
        multiply, divide = (float(re.search(rf"{name}\(([\d.]+)\)", text)[1]) for name in ("MULT_F", "DIVIDE_F"))  # type: ignore[index]
        project.clocks[options["-name"]] = next(iter(project.clocks.values())) * divide / multiply

    def cmd_set_false_path(self, *words: str) -> None:
        options, _ = parsed(words, {"-from": 1, "-to": 1})
        for objects in options.values():
            expect(self.project).false_paths |= {path_of("port", item) for item in items(objects)}

    def _top_text(self) -> str:
        project = expect(self.project)
        top = project.properties["fileset"]["top"]
        return next(path for path in project.files["sources_1"] if path.stem == top).read_text()

    def _ports(self) -> list[str]:
        found = vendor_ip.ports(self._top_text(), expect(self.project).properties["fileset"]["top"])
        return [f"{name}[{i}]" if name == "led" else name for name, (_, bits) in found.items() for i in range(bits)]

    def _check_sources(self, project: VivadoProject) -> None:
        """A module for every instance of ours; every memory file by its full path, without comments."""
        paths = project.files["sources_1"]
        text = "\n".join(path.read_text() for path in paths if path.suffix in (".sv", ".v"))
        modules = set(re.findall(r"^module (\w+)", text, re.MULTILINE))
        used = set(re.findall(r"^  (\w+) (?:#\(|\w+ \()", text, re.MULTILINE)) - {"module", "MMCME2_BASE", "BUFGCE"}
        if missing := {name for name in used if name.startswith("hwsv_")} - modules:
            raise ValueError(f"no module {sorted(missing)[0]}")
        for name in re.findall(r"_FILE\(\"([^\"]*)\"\)", text):
            if not Path(name).is_absolute():
                raise ValueError(f"a run of Vivado would not find {name}")
            if "/" in Path(name).read_text():
                raise ValueError(f"{name} has a comment")
            self.checks["memory files"] += 1

    def _check_constraints(self, project: VivadoProject) -> None:
        """Every port has a pin and a standard (UCIO-1, NSTD-1) and, but for the clock, no timing; a clock is there."""
        if project.design:
            ps = self.settings["ps"]
            asked = ps.get("PCW_FPGA0_PERIPHERAL_FREQMHZ") or ps["PSU__CRL_APB__PL0_REF_CTRL__FREQMHZ"]
            name = "clk_fpga_0" if "PCW_FPGA0_PERIPHERAL_FREQMHZ" in ps else "clk_pl_0"
            project.clocks[name] = 1000 / float(asked)
            return
        for port in self._ports():
            if not {"PACKAGE_PIN", "IOSTANDARD"} <= set(project.pins.get(port, {})):
                raise ValueError(f"port {port} has no pin")
            expect((port == "clk_pin") != (port in project.false_paths))
            self.checks["pins"] += 1
        used = [pins["PACKAGE_PIN"] for pins in project.pins.values()]
        expect(len(set(used)) == len(used) and project.clocks)
