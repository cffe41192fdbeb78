"""What one asks of a population first: quantities, axes, and what is read off them."""

from dataclasses import dataclass

import numpy as np

from sedflow.errors import unknown

#: Axes of the quantities, (low, high).
AXES = {
    "log_mstar": (7.0, 12.0),
    "log_ssfr_100myr": (-13.0, -8.0),
    "log_z_mw_solar": (-2.4, 0.4),
}
#: A galaxy is quenched below this log of the specific star-formation rate [1/yr].
QUENCHED = -11.0
_CELLS = {1: 40, 2: 15}


@dataclass(frozen=True)
class Preset:
    """A question to a population.

    key : in addresses and files; title : on the page
    names : one or two quantities
    reads : "density", "trend" of the second quantity, or "fraction" of galaxies that are quenched
    words : what it shows
    """

    key: str
    title: str
    names: tuple[str, ...]
    reads: str
    words: str

    @property
    def edges(self) -> tuple[np.ndarray, ...]:
        """Edges of the cells along each axis."""
        n = _CELLS[len(self.names)]
        return tuple(np.linspace(*AXES[name], n + 1) for name in self.names)


#: What the page Population offers: a mass function, and three relations of two quantities.
PRESETS = (
    Preset(
        "mass-function",
        "Mass function",
        ("log_mstar",),
        "density",
        "How many galaxies have which mass. The curve is a density: its area is 1.",
    ),
    Preset(
        "main-sequence",
        "Main sequence",
        ("log_mstar", "log_ssfr_100myr"),
        "trend",
        "Star formation per mass formed, over the last 100 Myr, against the mass formed.",
    ),
    Preset(
        "mass-metallicity",
        "Mass and metallicity",
        ("log_mstar", "log_z_mw_solar"),
        "trend",
        "The mass-weighted metallicity of the stars against the mass formed.",
    ),
    Preset(
        "quenched-fraction",
        "Quenched fraction",
        ("log_mstar", "log_ssfr_100myr"),
        "fraction",
        f"The share of galaxies whose log sSFR is below {QUENCHED:g} at each mass.".replace(
            "-", "\N{MINUS SIGN}"
        ),
    ),
)


def preset_of(key: str) -> Preset:
    """The preset of that key."""
    known = {preset.key: preset for preset in PRESETS}
    if key not in known:
        raise unknown("preset", key, list(known))
    return known[key]
