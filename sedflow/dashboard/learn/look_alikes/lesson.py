"""Age, dust and metals redden alike: three galaxies of one colour, and what distinguishes them."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import brentq

from sedflow.bands import ab_magnitude, nanomaggies
from sedflow.dashboard.learn.steps import Lesson, Step
from sedflow.errors import SedflowError
from sedflow.model.derived import derive
from sedflow.model.likelihood import chi_square
from sedflow.model.sed import SEDModel
from sedflow.model.simulation import nsa_noise
from sedflow.parameters import NAMES, index
from sedflow.photometry import Photometry

REDSHIFT = 0.05
R_MAGNITUDE = 16.5  # of all three, as bright as many galaxies of the atlas
BANDS = ("FUV", "NUV", "u", "g", "r", "i", "z")
SSP = "bc03"  # reaches the ultraviolet
NONE_MUCH = "none of them"
UGRIZ_NETWORK, UV_NETWORK = "nsa-ugriz-bc03", "nsa-uv-bc03"

#: What the three start from: no dust to speak of, few metals, stars of all ages.
_START = {
    "log_mstar": 10.0,
    "beta1": 0.15,
    "beta2": 0.30,
    "beta3": 0.30,
    "beta4": 0.25,
    "f_burst": 0.0,
    "t_burst": 5.0,
    "log_gamma1": -3.8,
    "log_gamma2": -3.8,
    "tau_bc": 0.5,
    "tau_ism": 0.05,
    "n_dust": -0.7,
}
_OLD = {"beta1": 0.0, "beta2": 0.0, "beta3": 0.0, "beta4": 1.0}
_DUSTY = {"tau_ism": 1.5}
_RICH = {"log_gamma1": -2.0, "log_gamma2": -2.0}
#: Name of each way to become red -> what changes, from the start to here.
WAYS = {"older": _OLD, "dustier": _DUSTY, "richer in metals": _RICH}
_SHOWN = ("age_mw", "log_z_mw_solar", "a_v", "log_ssfr_1gyr")
_MARGIN = 0.01  # mag from the ends of what all three reach


@dataclass(frozen=True)
class Alike:
    """One of the three.

    way : how it became red
    theta (12,) ; magnitude (7,) in `BANDS`; derived : its age, metals, dust and star formation
    """

    way: str
    theta: np.ndarray
    magnitude: np.ndarray
    derived: dict

    def color(self, name: str) -> float:
        """A colour such as "u-g" [mag]."""
        a, b = name.split("-")
        return float(self.magnitude[BANDS.index(a)] - self.magnitude[BANDS.index(b)])


@dataclass(frozen=True)
class Triple:
    """Three galaxies of one g-r, and the start they came from."""

    target: float
    start: Alike
    galaxies: tuple[Alike, Alike, Alike]

    def observed(self, k: int, bands: Sequence[str], seed: int | None = None) -> Photometry:
        """Galaxy k as the atlas would see it: its usual errors, and noise if there is a seed."""
        columns = [BANDS.index(b) for b in bands]
        flux = nanomaggies(self.galaxies[k].magnitude)[columns]
        noise = nsa_noise(tuple(bands))
        sigma = 10 ** -noise.residual(np.ones(len(bands)), flux)  # the median at that flux
        if seed is not None:
            # The same numbers for a band, whichever the others are.
            rng = np.random.default_rng([seed, k])
            flux = flux + sigma * rng.standard_normal(len(BANDS))[columns]
        return Photometry(flux, sigma, np.asarray(REDSHIFT), tuple(bands))


def reach(model: SEDModel) -> tuple[float, float]:
    """Colours g-r [mag] between which all three ways lead."""
    ends = [_color(model, _theta(way, np.array([0.0, 1.0]))) for way in WAYS]
    low, high = max(c[0] for c in ends) + _MARGIN, min(c[1] for c in ends) - _MARGIN
    return float(np.ceil(100 * low) / 100), float(np.floor(100 * high) / 100)


def find_triple(model: SEDModel, target: float) -> Triple:
    """The three galaxies whose g-r is `target` [mag], found by solving for it along each way.

    Raises
    ------
    SedflowError
        A colour that one of the ways does not lead to.
    """
    low, high = reach(model)
    if not low <= target <= high:
        raise SedflowError(
            f"g-r = {target:.2f} is not reached by all three ways; choose {low:.2f} to {high:.2f}"
        )
    found = [_theta(way, brentq(_off, 0.0, 1.0, (model, way, target), xtol=1e-5)) for way in WAYS]
    start = _theta("older", 0.0)
    theta = np.concatenate([start, *found])
    flux = model.photometry(theta, REDSHIFT, BANDS, method="fast")
    shift = 0.4 * (ab_magnitude(flux)[:, BANDS.index("r")] - R_MAGNITUDE)
    theta[:, index("log_mstar")] += shift  # all of the same r magnitude
    magnitude = ab_magnitude(flux * 10 ** shift[:, None])
    with np.errstate(divide="ignore"):  # no star in the last 10 Myr
        derived = derive(theta[None], np.array([REDSHIFT]), model)
    galaxies = [
        Alike(way, theta[k], magnitude[k], {name: float(derived[name][0, k]) for name in _SHOWN})
        for k, way in enumerate(("start", *WAYS))
    ]
    first, *three = galaxies
    return Triple(float(target), first, (three[0], three[1], three[2]))


def rival_chi2(triple: Triple, k: int, bands: Sequence[str]) -> np.ndarray:
    """Chi-square (3,) of each of the three as a model of galaxy k's noise-free fluxes.

    Over the atlas' usual errors in these bands, each with the mass that fits best.
    """
    data = triple.observed(k, bands)
    columns = [BANDS.index(b) for b in bands]
    flux = nanomaggies(np.stack([g.magnitude for g in triple.galaxies]))[:, columns]
    s, d = flux / data.sigma, data.flux / data.sigma
    scale = (s @ d) / np.square(s).sum(1)
    return chi_square(flux * scale[:, None], data)


def _theta(way, share):
    """Theta (n, 12) at shares (n,) of a way from its start to its end."""
    share = np.atleast_1d(share)
    columns = [
        _START[name] + share * (WAYS[way].get(name, _START[name]) - _START[name]) for name in NAMES
    ]
    return np.stack(np.broadcast_arrays(*columns), axis=-1)


def _color(model, theta):
    magnitude = ab_magnitude(model.photometry(theta, REDSHIFT, BANDS, method="fast"))
    return magnitude[:, BANDS.index("g")] - magnitude[:, BANDS.index("r")]


def _off(share, model, way, target):
    return float(_color(model, _theta(way, share))[0] - target)


LESSON = Lesson(
    "look-alikes",
    "Age, dust and metals look alike",
    "Three galaxies of the same colour for three different reasons. What distinguishes them, and "
    "what ugriz alone can know.",
    15,
    (
        Step(
            "alike",
            "Three galaxies of one colour",
            "Three model galaxies, A, B and C, all at redshift 0.05, all of r = {r} mag, and all "
            "of g−r = {target} mag. They were found just now by the model: each starts as the "
            "same galaxy (g−r = {start}, little dust, few metals) and is changed in *one* way "
            "until its g−r has the value on the slider. One was made **older**, one **dustier**, "
            "one **richer in metals**. Move the slider, and look at the spectra.",
            "Which of the three is the dusty one?",
            "A is {A}, B is {B}, C is {C}. Their masses differ too, log M★ = {masses} for "
            "{mass_start} of the start: each of the three ways dims a galaxy as well as reddening "
            "it. The table gives the mean age of the stars, their metals (log Z/Z☉: 0 is as in "
            "the Sun, −1 a tenth of that) and the dust (A_V: by how many magnitudes it dims green "
            "light). The older one has somewhat fewer metals than the dusty one, although they "
            "were not changed: in both, the first stars had the fewest, and more of the older "
            "one's stars are of that time. If you were not sure, that is the point: through two "
            "filters, the three are one galaxy.",
            ("A", "B", "C"),
        ),
        Step(
            "u",
            "One more filter: u",
            "The u filter sees light just short of the *4000 Å break*, a step in the spectrum: "
            "below 4000 Å old stars and metals absorb. The figure shows all four colours of ugriz "
            "for the three, less the mean of the three: higher is redder. The grey bars are the "
            "errors of a typical galaxy of this magnitude in the atlas.",
            "Which of the four colours distinguishes the three best, compared with its error?",
            "In {best} the three differ by up to {best_sigma:.1f} times the error (in g−r by "
            "{gr_sigma:.1f}, as they were made to). In magnitudes, {widest} spreads most, by "
            "{widest_mag:.2f} mag, and has an error of {widest_error:.2f} mag; what counts is the "
            "ratio of the two.",
            ("u−g", "g−r", "r−i", "i−z"),
        ),
        Step(
            "uv",
            "And the ultraviolet",
            "The satellite GALEX measured many of these galaxies in the near and far ultraviolet "
            "(NUV, FUV: 2300 and 1500 Å). Only hot young stars shine there, and dust hides them "
            "best. The figure now includes those colours.",
            "Which one is the brightest in the far ultraviolet, for the same r magnitude?",
            "FUV−r is {fuv}; the lower, the brighter in FUV. Metals hardly matter there, so the "
            "galaxy that is red only by its metals still shows its young stars; the older one has "
            "few, the dusty one hides them. The spread in FUV−r is {fuv_spread:.1f} mag, against "
            "{ug_spread:.2f} mag in u−g.",
            ("A, older", "B, dustier", "C, richer in metals"),
        ),
        Step(
            "ugriz",
            "What ugriz can know",
            "Now we pretend not to know what B, the dusty galaxy, is. Its five fluxes, with the "
            "atlas' errors, were given to a neural network that was trained on simulated galaxies. "
            "It answered with {n:,} galaxies that could have made these fluxes (blue): the "
            "*posterior* of age, metals and dust. The vertical lines are the three galaxies; the "
            "grey dashed outline is the *prior*, what was thought possible before looking.",
            "Do these data rule out the other two ways to be so red?",
            "{ruled}. Dust: {dust_line}. Age: {age_line}. Metals: {metal_line}. Directly: as "
            "models of B's five fluxes, A and C have χ² = {chi2_a:.1f} and {chi2_c:.1f}. (χ² is "
            "the sum of the squared misfits, each in units of its error; five good fluxes stay "
            "below {limit:.0f}.) And these are only two of the many galaxies between. The width "
            "in age, {age_width:.1f} Gyr (16 to 84 %), is {age_share:.0%} of the prior's: **ugriz "
            "says little about age.**",
            (),
        ),
        Step(
            "posterior-uv",
            "What the ultraviolet adds",
            "The same galaxy B with FUV and NUV as well, given to a second network that was "
            "trained on all seven bands: the yellow outline. The blue area is the answer from "
            "ugriz, as before.",
            "Which of the three, age, metals or dust, is now known much better?",
            "As models of the seven fluxes, A and C have χ² = {chi2_a:.0f} and {chi2_c:.0f} "
            "(seven good ones stay below {limit:.0f}). From ugriz to all seven bands, the widths "
            "of the 16 to 84 % ranges go so: age {age_line}, metals {metal_line}, dust A_V "
            "{dust_line}. {summary} **To distinguish look-alikes takes another wavelength, not a "
            "better fit of the same ones. And to rule out one galaxy is not yet to know the "
            "answer.**",
            ("age", "metals", "dust", NONE_MUCH),
        ),
    ),
)
