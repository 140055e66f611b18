"""The application: how every command ends, whatever happens in it.

Exit codes: 0 done, 1 a check failed, 2 bad input (one line on stderr), 70 a defect of hwsv, 130 interrupted.
"""

import os
import re
import sys
import traceback
from typing import Annotated, Any

import typer
from typer.core import TyperGroup
from typer.exceptions import TyperException

from hwsv import __version__
from hwsv.errors import HwsvError

INTERNAL_ERROR = 70
"""EX_SOFTWARE of sysexits.h."""


class _Group(TyperGroup):
    """Turns every way a command can end into an exit code and at most one line."""

    def main(self, *args: Any, **kwargs: Any) -> Any:
        kwargs["standalone_mode"] = False
        try:
            code = super().main(*args, **kwargs)
        except HwsvError as error:
            code = _fail(str(error), error.exit_code, error.dump)
        except TyperException as error:  # usage: unknown command, missing or malformed option
            code = _fail(error.format_message(), 2)
        except BrokenPipeError:  # the reader of our output has seen enough
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            code = 1
        except OSError as error:
            where = f"{error.filename}: " if error.filename else ""
            code = _fail(f"{where}{error.strerror or error}", 2)
        except (KeyboardInterrupt, typer.Abort):
            code = 130
        except Exception as error:
            if os.environ.get("HWSV_DEBUG"):
                traceback.print_exc()
            code = _fail(
                f"internal error, please report it: {type(error).__name__}: {error} (HWSV_DEBUG=1 shows where)",
                INTERNAL_ERROR,
            )
        sys.exit(code if isinstance(code, int) else 0)


def _fail(message: str, code: int, dump: str = "") -> int:
    """One printable line on stderr, whatever a model file put into the message; before it the lines of `dump`."""
    for row in dump.splitlines():
        print("".join(c if c.isprintable() else "?" for c in row), file=sys.stderr)
    line = re.sub(r"\s+", " ", message).strip()
    printable = "".join(c if c.isprintable() else "?" for c in line)
    print(f"hwsv: error: {printable}", file=sys.stderr)
    return code


app = typer.Typer(
    cls=_Group,
    help="From a trained 1-bit speaker-verification network to verified streaming hardware.",
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.callback(invoke_without_command=True)
def _options(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="Show the version and exit.")] = False,
) -> None:
    if version:
        print(f"hwsv {__version__}")
        raise typer.Exit()
    if context.invoked_subcommand is None:
        print(context.get_help())


def main() -> None:
    """Entry point of the command ``hwsv``."""
    app(prog_name="hwsv")
