"""Tcl scripts in a real interpreter, with a Python object in the place of the vendor's commands.

Only the commands that the object has exist; any other is Tcl's own error. `exec` is taken away. The interpreter is
``tclsh``, or the one inside Python's tkinter.
"""

import importlib.util
import shutil
import subprocess
import tempfile
from pathlib import Path

AVAILABLE = shutil.which("tclsh") is not None or importlib.util.find_spec("_tkinter") is not None

# Every argument crosses as x<hex>, so that nothing of it can be taken for the protocol. A reply is a code (0: value,
# 1: error, 2: file to source) and a text.
_PRELUDE = """
proc vendor_call {args} {
  set words {}
  foreach word $args {
    binary scan [encoding convertto utf-8 $word] H* hex
    lappend words x$hex
  }
  lassign [vendor_exchange [join $words " "]] code hex
  set text [encoding convertfrom utf-8 [binary format H* [string range $hex 1 end]]]
  switch $code {
    0 {return $text}
    1 {error $text}
    2 {foreach file $text {uplevel #0 [list source $file]}}
  }
}
rename puts tcl_puts
proc puts {args} {
  if {[llength $args] == 1} {
    vendor_call puts [lindex $args 0]
  } else {
    uplevel 1 [list tcl_puts {*}$args]
  }
}
rename source tcl_source
proc source {file} {
  vendor_call sourced $file
  uplevel 1 [list tcl_source $file]
}
rename exec {}
if {[info commands exit] ne ""} {rename exit tcl_exit}
"""

_PIPE = """
fconfigure stdin -translation lf -encoding ascii
fconfigure stdout -translation lf -encoding ascii -buffering line
proc vendor_exchange {line} {
  [expr {[info commands tcl_puts] eq "" ? "puts" : "tcl_puts"}] stdout $line
  return [gets stdin]
}
"""


class TclError(Exception):
    """What ended the script: Tcl's message and its stack."""


class Exit(Exception):
    """The script called ``exit``."""

    def __init__(self, code: int) -> None:
        super().__init__(f"exit {code}")
        self.code = code


class Vendor:
    """Base of the stand-ins: ``cmd_<name>`` is a command, ``__`` in it stands for ``::``.

    It takes the arguments as texts and returns a text, a list of texts, None, or `Source`. Every call is recorded.
    """

    def __init__(self) -> None:
        self.calls: list[tuple[str, ...]] = []
        self.said: list[str] = []
        self.sourced: list[Path] = []
        self.exit_code: int | None = None
        self.failure = ""

    @classmethod
    def commands(cls) -> list[str]:
        return [name[4:].replace("__", "::") for name in dir(cls) if name.startswith("cmd_")]

    def call(self, name: str, *arguments: str) -> "str | list[str] | Source | None":
        self.calls.append((name, *arguments))
        return getattr(self, "cmd_" + name.replace("::", "__"))(*arguments)

    def cmd_sourced(self, file: str) -> None:
        self.sourced.append(Path(file))

    def cmd_puts(self, text: str) -> None:
        self.said.append(text)

    def cmd_exit(self, code: str = "0") -> None:
        self.exit_code = int(code)
        raise Exit(self.exit_code)


class Source(list[str]):
    """Files that the interpreter sources, then the command returns nothing."""


def run(vendor: Vendor, script: Path, *argv: str, folder: Path | None = None) -> None:
    """Run `script` to its end in `folder`. Raises TclError; an ``exit`` is the end, and `vendor.exit_code` its code."""
    names = vendor.commands()
    spaces = {name.rpartition("::")[0] for name in names} - {""}
    main = [_PRELUDE, *(f"namespace eval {space} {{}}" for space in spaces)]
    main += [
        f"proc {name} {{args}} {{return [vendor_call {name} {{*}}$args]}}"
        for name in names
        if name not in ("puts", "sourced")
    ]
    main += [
        f"cd {_quote(str(folder or script.parent))}",
        f"set argv {_quote(' '.join(argv))}",
        f"set argc {len(argv)}",
    ]
    main += [f"set failed [catch {{source {_quote(str(script))}}} message options]"]
    main += ["if {$failed} {vendor_call failed [dict get $options -errorinfo]}"]
    main += ["if {[info commands tcl_exit] ne {}} {rename exit {}; rename tcl_exit exit}"]  # tclsh itself ends with it
    text = "\n".join(main)
    (_run_tclsh if shutil.which("tclsh") else _run_tkinter)(vendor, text)
    if vendor.failure and vendor.exit_code is None:
        raise TclError(vendor.failure)


def _answer(vendor: Vendor, line: str) -> str:
    """One exchange of the protocol."""
    name, *arguments = (bytes.fromhex(word[1:]).decode() for word in line.split())
    if name == "failed":
        vendor.failure = arguments[0]
        return "0 x"
    try:
        found = vendor.call(name, *arguments)
    except Exit as ended:
        return _reply(1, str(ended))
    except Exception as error:
        return _reply(1, f"{name}: {type(error).__name__}: {error}")
    if isinstance(found, Source):
        return _reply(2, _list(found))
    return _reply(0, _list(found) if isinstance(found, list) else found or "")


def _reply(code: int, text: str) -> str:
    return f"{code} x{text.encode().hex()}"


def _run_tclsh(vendor: Vendor, text: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        script = Path(folder) / "main.tcl"
        script.write_text(_PIPE + text)
        with subprocess.Popen(["tclsh", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdin and process.stdout
            for line in process.stdout:
                process.stdin.write(_answer(vendor, line) + "\n")
                process.stdin.flush()
    assert process.returncode == 0


def _run_tkinter(vendor: Vendor, text: str) -> None:
    import tkinter

    interpreter = tkinter.Tcl()
    interpreter.createcommand("vendor_exchange", lambda line: _answer(vendor, line))
    interpreter.eval(text)


def _quote(text: str) -> str:
    """One Tcl word."""
    return "".join("\\" + c if c in '\\{}[]$"; ' else c for c in text) or "{}"


def _list(items: list[str]) -> str:
    return " ".join(_quote(item) for item in items)
