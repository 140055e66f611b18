"""The Jinja2 environment of everything that is generated: a name that is missing is an error, lines stay lines."""

from functools import cache

import jinja2

from hwsv.resources import data_folder


@cache
def templates(kind: str, folder: str) -> jinja2.Environment:
    """Templates of ``<kind>/<folder>``, for instance ``rtl_templates/project``."""
    return jinja2.Environment(
        loader=jinja2.FileSystemLoader(data_folder(kind) / folder),
        undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=True,
    )  # fmt: skip
