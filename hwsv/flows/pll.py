"""Dividers of the ECP5's PLL (EHXPLLL, feedback from its output)."""

from dataclasses import dataclass
from fractions import Fraction

from hwsv.errors import InputError

VCO_MHZ = (400, 800)
PHASE_DETECTOR_MHZ = (3.125, 400)
"""Lattice FPGA-DS-02012, sysCLOCK PLL timing."""


@dataclass(frozen=True)
class Pll:
    """output = oscillator / `reference` * `feedback`; the oscillator inside runs at output * `output`."""

    reference: int
    feedback: int
    output: int
    vco_mhz: float


def ecp5_pll(oscillator_mhz: float, clock_mhz: float) -> Pll | None:
    """The PLL that makes exactly `clock_mhz`, None where the oscillator has it already. Raises InputError."""
    if oscillator_mhz == clock_mhz:
        return None
    ratio = Fraction(str(clock_mhz)) / Fraction(str(oscillator_mhz))
    outputs = [d for d in range(1, 129) if VCO_MHZ[0] <= clock_mhz * d <= VCO_MHZ[1]]
    for times in range(1, 81):
        reference, feedback = ratio.denominator * times, ratio.numerator * times
        if reference > 128 or feedback > 80 or not outputs:
            break
        if PHASE_DETECTOR_MHZ[0] <= oscillator_mhz / reference <= PHASE_DETECTOR_MHZ[1]:
            # the middle of the oscillator's range
            output = min(outputs, key=lambda d: abs(clock_mhz * d - sum(VCO_MHZ) / 2))
            return Pll(reference, feedback, output, clock_mhz * output)
    raise InputError(f"the ECP5's PLL cannot make {clock_mhz:g} MHz of {oscillator_mhz:g} MHz; change clock_mhz")
