"""The command line. Commands import what they need when they run, so that ``hwsv --help`` is instant."""

from hwsv.cli import bitstream, design, speakers, training, verification, voice
from hwsv.cli.app import app, main

__all__ = ["app", "bitstream", "design", "main", "speakers", "training", "verification", "voice"]
