"""Hypothesis settings shared by the tests of units: few examples, the same ones every time."""

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

RANDOMS = st.randoms(use_true_random=False)
few = settings(derandomize=True, max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))
