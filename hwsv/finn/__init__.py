"""FINN as a neighbour: hwsv's passes as steps of FINN's builder, and the builder's start with hwsv's models."""

from hwsv.finn.steps import HWSV_STEPS, step_hwsv_clean_up, step_hwsv_integers, step_hwsv_thresholds
from hwsv.finn.thresholds import EvaluateThresholds

__all__ = [
    "HWSV_STEPS",
    "EvaluateThresholds",
    "step_hwsv_clean_up",
    "step_hwsv_integers",
    "step_hwsv_thresholds",
]
