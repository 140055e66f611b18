"""What the stand-ins for the vendors' commands share: conditions, objects, options, lists."""

import re


def expect(condition, value=None):  # type: ignore[no-untyped-def]
    """`value`, else the condition itself; ValueError where it does not hold."""
    if not condition:
        raise ValueError("not now, or not so")
    return condition if value is None else value


def found(condition: bool, item: str) -> str:
    """A query that finds nothing is a mistake here, though the vendor only warns."""
    if not condition:
        raise LookupError("nothing found")
    return item


def path_of(kind: str, item: str, otherwise: str = "") -> str:
    """The path in an object of `kind`; an object that starts with `otherwise` stays as it is."""
    if otherwise and item.startswith((otherwise, "intf:")):
        return item
    if not item.startswith(kind + ":"):
        if kind == "intf" and ":" not in item:
            return item
        raise TypeError(f"{item!r} is no {kind}")
    return item.removeprefix(kind + ":")


def parsed(words: tuple[str, ...], known: dict[str, int]) -> tuple[dict[str, str], list[str]]:
    """(options, other words) of a command whose options take so many words each."""
    options, rest, left = {}, [], list(words)
    while left:
        word = left.pop(0)
        if word.startswith("-") and not re.fullmatch(r"-?[\d.]+", word):
            options[word] = left.pop(0) if known[word] else ""
        else:
            rest.append(word)
    return options, rest


def items(text: str) -> list[str]:
    """A Tcl list without nested lists that hold spaces."""
    return [re.sub(r"\\(.)", r"\1", word) for word in text.replace("{", " ").replace("}", " ").split()]
