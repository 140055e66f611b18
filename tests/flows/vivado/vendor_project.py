"""Stand-ins for Vivado's commands on projects, packaged IPs and block designs: strict, with state, all recorded.

They know what the scripts here use, and refuse the rest. Objects are opaque texts (``pin:dma/axi_resetn``), so that a
script cannot pass a name where the vendor wants an object. Files are read and written as the tools would.
"""

import fnmatch
import json
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from tests.flows.vivado import tcl, vendor_ip
from tests.flows.vivado.vendor_bd import BlockDesign
from tests.flows.vivado.vendor_words import expect, found, items, parsed, path_of


@dataclass
class VivadoProject:
    """sources: files of all sets by set; properties of the project, of its file sets and runs by object."""

    name: str
    folder: Path
    part: str
    files: dict[str, list[Path]] = field(default_factory=lambda: {"sources_1": [], "constrs_1": []})
    properties: dict[str, dict[str, str]] = field(default_factory=dict)
    ips: dict[str, vendor_ip.Ip] = field(default_factory=dict)
    design: BlockDesign | None = None
    generated: bool = False
    done: list[str] = field(default_factory=list)
    launched: dict[str, str] = field(default_factory=dict)
    clocks: dict[str, float] = field(default_factory=dict)
    pins: dict[str, dict[str, str]] = field(default_factory=dict)
    false_paths: set[str] = field(default_factory=set)


class Projects(tcl.Vendor):
    """version: what ``version -short`` says; slack: setup and hold slack of the routed design, in ns."""

    def __init__(self, folder: Path, version: str = "2023.2", slack: tuple[float, float] = (0.5, 0.05)) -> None:
        super().__init__()
        self.folder, self.version, self.slack = folder, version, slack
        self.project: VivadoProject | None = None
        self.settings: dict[str, dict[str, str]] = {}
        self.cell_kind: dict[str, str] = {}
        self.core: dict[str, str] = {}
        self.core_ip = vendor_ip.Ip()
        self.opened = False
        self.checks: Counter[str] = Counter()

    # projects and files

    def cmd_version(self, option: str) -> str:
        return expect(option == "-short", self.version)

    def cmd_create_project(self, *words: str) -> None:
        options, (name, folder) = parsed(words, {"-part": 1, "-force": 0})
        self.project = VivadoProject(name, self._path(folder), options["-part"])

    def cmd_close_project(self) -> None:
        expect(self.project)
        self.project = None

    def cmd_current_project(self) -> str:
        return f"project:{expect(self.project).name}"

    def cmd_current_fileset(self) -> str:
        return "fileset:sources_1"

    def cmd_add_files(self, *words: str) -> None:
        options, files = parsed(words, {"-norecurse": 0, "-fileset": 1})
        paths = [self._path(path) for name in files for path in items(name)]
        if not paths:
            raise ValueError("no files")
        for path in paths:
            if not path.is_file():
                raise FileNotFoundError(path)
            self.checks["files"] += 1
        expect(self.project).files[options.get("-fileset", "sources_1")] += paths

    def cmd_update_compile_order(self, *words: str) -> None:
        parsed(words, {"-fileset": 1})

    def cmd_get_files(self, name: str) -> str:
        project = expect(self.project)
        if project.design and name == f"{project.design.name}.bd":
            return f"bd:{project.design.name}"
        raise ValueError(f"no file {name}")

    def cmd_set_property(self, *words: str) -> None:
        if words[0] == "-dict":
            pairs, targets = items(words[1]), words[2:]
            settings = dict(zip(pairs[::2], pairs[1::2], strict=True))
        else:
            settings, targets = {words[0]: words[1]}, words[2:]
        objects = [item for target in targets for item in items(target)]
        if not objects:
            raise ValueError(f"no object to set {', '.join(settings)} of")
        for item in objects:
            for name, value in settings.items():
                self._set(item, name, value)

    def _set(self, item: str, name: str, value: str) -> None:
        kind, _, path = item.partition(":")
        project = self.project
        if kind == "cell":
            if not name.startswith("CONFIG."):
                raise ValueError(f"property {name} of a cell")
            settings = self.settings[path] | {name.removeprefix("CONFIG."): value}
            expect(project and project.design).cells[path] = vendor_ip.IPS[self.cell_kind[path]](settings)
            self.settings[path] = settings
            self.checks["IP parameters"] += 1
        elif kind == "port":
            expect(project).pins.setdefault(path, {})[name] = value
        elif kind == "core" and name in ("name", "version", "display_name", "description", "supported_families"):
            self.core[name] = value
        elif kind == "parameter" and name == "value":
            expect(set(value.split(":")) == set(self.core_ip.interfaces))
            self.core[path] = value
        elif kind in ("project", "fileset", "current") and name in ("ip_repo_paths", "top", "CONFIG_VOLTAGE", "CFGBVS"):
            expect(project).properties.setdefault(kind, {})[name] = value
        else:
            raise ValueError(f"property {name} of {item}")

    def cmd_get_property(self, name: str, item: str) -> str:
        project = expect(self.project)
        kind, _, path = item.partition(":")
        if kind == "project" and name == "NAME":
            return project.name
        if kind == "run" and name == "PROGRESS":
            return "100%" if project.launched.get(path) in project.done else "0%"
        if kind == "run" and name == "STATUS":
            return "synth_design ERROR"
        if kind == "run" and name in ("STATS.WNS", "STATS.WHS") and "route_design" in project.done:
            return f"{self.slack[name == 'STATS.WHS']}"
        if kind == "clock" and name == "PERIOD":
            return f"{project.clocks[path]}"
        if kind == "bus" and name == "interface_mode":
            return self.core_ip.interfaces[path].mode
        raise ValueError(f"property {name} of {item}")

    # packaging

    def cmd_ipx__package_project(self, *words: str) -> None:
        options, rest = parsed(
            words, {"-root_dir": 1, "-vendor": 1, "-library": 1, "-taxonomy": 1, "-import_files": 0, "-force": 0}
        )
        project = expect(self.project)
        top = project.properties["fileset"]["top"]
        path = next(path for path in project.files["sources_1"] if path.stem == top)
        if path.suffix != ".v" or rest:
            raise ValueError("the top of a packaged IP is Verilog")
        self._check_sources(project)
        self.core_ip = vendor_ip.packaged(path, top)
        self.core = {"root": options["-root_dir"], "vendor": options["-vendor"], "library": options["-library"]}

    def cmd_ipx__current_core(self) -> str:
        return expect(self.core and "core:")

    def cmd_ipx__get_bus_interfaces(self, name: str, option: str, core: str) -> str:
        expect((option, core) == ("-of_objects", "core:"))
        known = name in self.core_ip.interfaces or self.core_ip.pins.get(name, vendor_ip.Pin("", "")).role == "clock"
        return f"bus:{name}" if known else ""

    def cmd_ipx__get_bus_parameters(self, name: str, option: str, bus: str) -> str:
        expect((name, option, bus) == ("ASSOCIATED_BUSIF", "-of_objects", "bus:aclk"))
        return "parameter:ASSOCIATED_BUSIF" if "ASSOCIATED_BUSIF" in self.core else ""

    def cmd_ipx__add_bus_parameter(self, name: str, bus: str) -> str:
        self.core[name] = expect(bus == "bus:aclk", "")
        return f"parameter:{name}"

    def cmd_ipx__create_xgui_files(self, core: str) -> None:
        expect(core == "core:")

    cmd_ipx__update_checksums = cmd_ipx__check_integrity = cmd_ipx__create_xgui_files

    def cmd_ipx__save_core(self, core: str) -> None:
        vlnv = ":".join([self.core["vendor"], self.core["library"], self.core["name"], self.core["version"]])
        expect(core == "core:" and self.core["supported_families"] and self.core["ASSOCIATED_BUSIF"])
        folder = self._path(self.core["root"])
        folder.mkdir(parents=True)
        (folder / "component.xml").write_text(json.dumps({"vlnv": vlnv, "kind": "packaged"}))

    # block design

    def cmd_update_ip_catalog(self, option: str) -> None:
        expect(option == "-rebuild")
        project = expect(self.project)
        for folder in items(project.properties["project"]["ip_repo_paths"]):
            component = json.loads((Path(folder) / "component.xml").read_text())
            if component["kind"] == "packaged":
                project.ips[component["vlnv"]] = self.core_ip
            else:
                project.ips[component["vlnv"]] = vendor_ip.hls(component["streams"])

    def cmd_get_ipdefs(self, option: str, pattern: str) -> list[str]:
        expect(option == "-all")
        names = [f"xilinx.com:ip:{name}:{v}" for name, versions in vendor_ip.CATALOGUE.items() for v in versions]
        return [name for name in names if fnmatch.fnmatch(name, pattern)]

    def cmd_create_bd_design(self, name: str) -> None:
        expect(self.project).design = BlockDesign(name)

    def cmd_create_bd_cell(self, *words: str) -> str:
        options, (name,) = parsed(words, {"-type": 1, "-vlnv": 1})
        project, design = expect(self.project), self._design()
        vlnv = options["-vlnv"]
        if options["-type"] != "ip" or name in design.cells:
            raise ValueError(f"cell {name}")
        if vlnv.startswith("xilinx.com:ip:"):
            _, _, ip, version = vlnv.split(":")
            expect(version in vendor_ip.CATALOGUE[ip])
            design.cells[name], self.cell_kind[name], self.settings[name] = vendor_ip.IPS[ip]({}), ip, {}
        else:
            design.cells[name] = project.ips[vlnv]
        return f"cell:{name}"

    def cmd_create_bd_intf_port(self, *words: str) -> None:
        options, (name,) = parsed(words, {"-mode": 1, "-vlnv": 1})
        expect(options["-mode"] == "Master" and options["-vlnv"].count(":") == 3)
        self._design().ports.add(name)

    def cmd_get_bd_cells(self, name: str) -> str:
        return found(name in self._design().cells, f"cell:{name}")

    def cmd_get_bd_intf_ports(self, name: str) -> str:
        return found(name in self._design().ports, f"intf_port:{name}")

    def cmd_get_bd_pins(self, path: str) -> str:
        cell, _, pin = path.partition("/")
        return found(pin in self._cell(cell).pins, f"pin:{path}")

    def cmd_get_bd_intf_pins(self, *words: str) -> str:
        options, (path,) = parsed(words, {"-quiet": 0})
        cell, _, name = path.partition("/")
        known = name in self._cell(cell).interfaces
        return f"intf:{path}" if known else found("-quiet" in options, "")

    def cmd_connect_bd_net(self, *pins: str) -> None:
        self._design().connect(*(path_of("pin", pin) for pin in pins))

    def cmd_connect_bd_intf_net(self, first: str, second: str) -> None:
        self._design().link(*(path_of("intf", path_of("intf_port", x, "intf:")) for x in (first, second)))

    def cmd_get_bd_addr_spaces(self, path: str) -> str:
        cell, _, space = path.partition("/")
        return found(space in self._cell(cell).spaces, f"space:{path}")

    def cmd_get_bd_addr_segs(self, *words: str) -> list[str]:
        options, paths = parsed(words, {"-of_objects": 1, "-quiet": 0})
        if "-of_objects" in options:
            cell, _, name = path_of("intf", options["-of_objects"]).partition("/")
            return [f"segment:{cell}/{s}" for s, (owner, _) in self._cell(cell).segments.items() if owner == name]
        cell, _, segment = paths[0].partition("/")
        known = segment in self._cell(cell).segments
        return [f"segment:{paths[0]}"] if known else [*found("-quiet" in options, "")]

    def cmd_assign_bd_address(self, *words: str) -> None:
        options, (segment,) = parsed(words, {"-offset": 1, "-range": 1, "-target_address_space": 1, "-force": 0})
        space = path_of("space", options["-target_address_space"])
        self._design().assign(space, path_of("segment", segment), int(options["-offset"], 0), int(options["-range"], 0))

    def cmd_exclude_bd_addr_seg(self, *words: str) -> None:
        options, (segment,) = parsed(words, {"-target_address_space": 1})
        space = path_of("space", options["-target_address_space"])
        self._design().excluded.add((space, path_of("segment", segment)))

    def cmd_validate_bd_design(self) -> None:
        self._design().validate()
        self.checks += self._design().checks

    def cmd_save_bd_design(self) -> None:
        self._design()

    def cmd_generate_target(self, what: str, design: str) -> None:
        project = expect(self.project)
        expect(what == "all" and design == f"bd:{self._design().name}" and self._design().valid)
        handoff = project.folder / f"{project.name}.gen/sources_1/bd/{self._design().name}/hw_handoff"
        handoff.mkdir(parents=True)
        registers = {s.segment.split("/")[0]: [s.offset, s.size] for s in self._design().assigned["ps/Data"]}
        (handoff / f"{self._design().name}.hwh").write_text(json.dumps(registers))
        project.generated = True

    def cmd_make_wrapper(self, *words: str) -> str:
        options, _ = parsed(words, {"-files": 1, "-top": 0})
        project = expect(self.project)
        path = (
            project.folder
            / f"{project.name}.gen/sources_1/bd/{self._design().name}/hdl/{self._design().name}_wrapper.v"
        )
        path.parent.mkdir(parents=True)
        path.write_text("// wrapper")
        return expect(options["-files"] == f"bd:{self._design().name}", str(path))

    # what commands share

    def _path(self, name: str) -> Path:
        return self.folder / name

    def _design(self) -> BlockDesign:
        return expect(expect(self.project).design)

    def _cell(self, name: str) -> vendor_ip.Ip:
        return self._design().cells[name]
