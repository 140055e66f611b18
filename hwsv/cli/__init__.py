"""The command line. Commands import what they need when they run, so that ``hwsv --help`` is instant."""

from hwsv.cli import bitstream, bringup, design, report, search, speakers, training, verification, voice
from hwsv.cli.app import app, main

__all__ = [
    "app",
    "bitstream",
    "bringup",
    "design",
    "main",
    "report",
    "search",
    "speakers",
    "training",
    "verification",
    "voice",
]
