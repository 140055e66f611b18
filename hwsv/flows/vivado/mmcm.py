"""Dividers of the 7 series' clock manager (MMCME2_BASE), for boards whose clock comes from a pin."""

from dataclasses import dataclass

from hwsv.errors import InputError

VCO_MHZ = (600, 1200)
"""AMD DS181, Artix-7 data sheet: the slowest speed grade's limits of the oscillator."""


@dataclass(frozen=True)
class Mmcm:
    """output = oscillator * `multiply` / `divide`."""

    multiply: int
    divide: float


def mmcm(oscillator_mhz: float, clock_mhz: float) -> Mmcm | None:
    """The MMCM that makes exactly `clock_mhz`, None where the oscillator has it already. Raises InputError."""
    if oscillator_mhz == clock_mhz:
        return None
    found = []
    for multiply in range(2, 65):
        vco = oscillator_mhz * multiply
        divide = round(vco / clock_mhz * 8) / 8  # the output's divider counts eighths
        if VCO_MHZ[0] <= vco <= VCO_MHZ[1] and 2 <= divide <= 128 and abs(vco / divide - clock_mhz) < 1e-9 * clock_mhz:
            found.append(Mmcm(multiply, divide))
    if not found:
        raise InputError(f"an MMCM cannot make {clock_mhz:g} MHz of {oscillator_mhz:g} MHz; change clock_mhz")
    # whole dividers keep the duty cycle; then the fastest oscillator, which has the least jitter
    return max(found, key=lambda m: (m.divide == int(m.divide), m.multiply))
