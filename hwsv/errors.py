"""The two ways a command ends badly; the CLI turns each into one line and an exit code."""


class HwsvError(Exception):
    """Base of every error that hwsv raises on purpose. ``str(error)`` is one line for the user.

    `dump`: more lines, shown before it, where a person needs them (a board's counters and last frames).
    """

    exit_code = 2
    dump = ""


class InputError(HwsvError):
    """Bad input (model, audio, features, board, folding or recipe file, option): exit code 2.

    The message names what is wrong, where (file, node), and what to do about it.
    """

    exit_code = 2


class CheckFailed(HwsvError):
    """A check ran and did not pass (levels differ, deadlock, budget exceeded): exit code 1."""

    exit_code = 1
