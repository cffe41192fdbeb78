"""What each parameter does to a galaxy's light, one at a time."""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from sedflow.bands import UGRIZ, ab_magnitude
from sedflow.dashboard.learn.steps import Lesson, Step
from sedflow.model.sed import SEDModel
from sedflow.parameters import BETAS, DEFAULTS, NAMES, PARAMETERS, index

REDSHIFT = 0.05
SAME = 0.02  # mag: a smaller change of g-r counts as none; about the error of the atlas
_N = 61

#: The galaxy that everything is changed from: forms stars still, some dust, no burst.
BASE = DEFAULTS

REDDER, BLUER, SAME_COLOR = "redder", "bluer", f"the same (within {SAME} mag)"
BURST = 0.1  # share of the mass, where the age of the burst is what changes
_CHOICES = (REDDER, BLUER, SAME_COLOR)

#: Parameters that can be moved at each step.
STEPS_OF = {
    "mass": ("log_mstar",),
    "young": ("beta1", "beta2", "beta3"),
    "old": ("beta4",),
    "burst": ("t_burst", "f_burst"),
    "metals": ("log_gamma1", "log_gamma2"),
    "dust": ("tau_ism",),
    "slope": ("n_dust",),
    "clouds": ("tau_bc",),
    "all": NAMES,
}


def theta_with(name: str, value) -> np.ndarray:
    """Theta (n, 12) of `BASE` with one parameter at the values (n,).

    The other betas keep their proportions and fill up what is left, for the four sum to 1. Where
    the age of the burst changes, a tenth of the mass formed in it.
    """
    values = np.atleast_1d(np.asarray(value, float))
    theta = np.tile([BASE[n] for n in NAMES], (len(values), 1))
    if name == "t_burst":
        theta[:, index("f_burst")] = BURST
    column = index(name)
    if name.startswith("beta"):
        rest = 1.0 - theta[0, column]
        theta[:, BETAS] *= ((1.0 - values) / rest)[:, None]
    theta[:, column] = values
    return theta


@dataclass(frozen=True)
class Response:
    """How the colours follow one parameter.

    values (n,) : over the prior's range
    colors : name such as "g-r" -> (n,) [mag]
    magnitude : band -> (n,) [mag]
    """

    name: str
    values: np.ndarray
    colors: dict
    magnitude: dict

    def change(self, color: str = "g-r") -> float:
        """Colour at the upper end less that at the lower end [mag]."""
        return float(self.colors[color][-1] - self.colors[color][0])

    def reach(self, color: str = "g-r") -> float:
        """Largest less smallest of the colour over the range [mag]."""
        return float(np.ptp(self.colors[color]))


def respond(model: SEDModel, name: str) -> Response:
    """Colours and magnitudes over the prior's range of a parameter."""
    p = PARAMETERS[index(name)]
    values = np.linspace(p.low, p.high, _N)
    flux = model.photometry(theta_with(name, values), REDSHIFT, UGRIZ, method="fast")
    magnitude = ab_magnitude(flux).T
    return Response(
        name,
        values,
        {f"{a}-{b}": magnitude[k] - magnitude[k + 1] for k, (a, b) in enumerate(pairwise(UGRIZ))},
        dict(zip(UGRIZ, magnitude, strict=True)),
    )


def verdict(change: float) -> str:
    """What a change of g-r [mag] is called."""
    return SAME_COLOR if abs(change) < SAME else REDDER if change > 0 else BLUER


LESSON = Lesson(
    "parameters",
    "What each parameter does",
    "One knob at a time: mass, age, bursts, metals and dust, and how a spectrum and its colours "
    "answer to each.",
    15,
    (
        Step(
            "mass",
            "Mass: how many stars",
            "This is the light of a model galaxy at redshift 0.05. The **line** is its spectrum: "
            "how much light arrives at each wavelength. The **squares** are what a survey would "
            "measure through its five filters u, g, r, i, z, whose names stand along the top. "
            "The *redshift* says how far the light has been stretched on its way, and so how far "
            "away the galaxy is. From these five numbers, and the redshift, everything in this "
            "app is inferred.\n\n"
            "A *colour* is a difference of two magnitudes: g−r = {g_r} mag here. The larger, the "
            "redder. Magnitudes run backwards: five more means a hundred times fainter.\n\n"
            "The first of the twelve parameters is log M★, the logarithm of the mass of all stars "
            "ever formed. Predict first: its slider is locked until you have answered.",
            "When log M★ rises from 7 to 12.5, the colour g−r becomes …",
            "More mass means more stars of the same kinds: the whole spectrum is multiplied by "
            "one number. Each unit of log M★ is a factor 10 in light, or 2.5 mag; over the whole "
            "range r goes from {r_low} to {r_high} mag, and g−r changes by {change} mag. So **the "
            "brightness gives the mass and the colours give everything else** (for a known "
            "distance, which is what the redshift is for). The second figure shows the four "
            "colours over the whole range; the dashed line in it is where the slider stands. Now "
            "move it.",
            _CHOICES,
        ),
        Step(
            "young",
            "Young stars",
            "The stars of a model galaxy formed in four overlapping waves. β₁ is the share of the "
            "most recent one (most of its stars in the last 4 Gyr), β₄ that of the oldest. The "
            "four shares add up to 1, so when one grows here the other three shrink in "
            "proportion.\n\n"
            "Massive stars are hot, blue, and die within tens of millions of years. A galaxy that "
            "goes on forming stars always has some.",
            "When β₁, the young share, rises from 0 to 1, the colour g−r becomes …",
            "g−r changes by {change} mag, and u−g by {change_ug}. Hot stars pour out light at "
            "short wavelengths, so the left of the spectrum rises most. Try β₂ and β₃ as "
            "well: these waves are older, and g−r rises with their shares.",
            _CHOICES,
        ),
        Step(
            "old",
            "Old stars",
            "β₄ is the share of the oldest wave, which peaked about 11 Gyr ago. Stars with a mass "
            "like the Sun's, and lighter ones, are still there.",
            "When β₄ rises from 0 to 1, the colour g−r becomes …",
            "g−r changes by {change} mag. But look at the curve: **the change is fastest at the "
            "end** ({last} mag of it in the last tenth of the range). A few young stars outshine "
            "many old ones, and only when few are left does the galaxy turn red. That is why old "
            "stars are hard to weigh from colours.",
            _CHOICES,
        ),
        Step(
            "burst",
            "A burst",
            "On top of the four waves, a fraction *f burst* of the mass may have formed in one "
            "instant, *t burst* ago. Here the fraction is {f_burst:.0%}.",
            "When the burst moves from 0.01 Gyr ago to 13.27 Gyr ago, the colour g−r becomes …",
            "g−r changes by {change} mag, nearly all of it within the first few billion years. A "
            "recent burst makes the whole galaxy blue, one of {faded} Gyr ago has done all but a "
            "tenth of its fading. Its fraction matters only if it was recent. Note the end "
            "of the range: a burst before the Big Bang ({age} Gyr before this galaxy's light set "
            "out) is left out of the model altogether.",
            _CHOICES,
        ),
        Step(
            "metals",
            "Metals",
            "Astronomers call every element beyond helium a metal. log γ₁ and log γ₂ say how much "
            "of them the younger and the older stars hold. Metals absorb blue light in the "
            "atmospheres of stars, and make giants cooler.",
            "When log γ₁ rises over its range (a factor 330), the colour g−r becomes …",
            "g−r changes by {change} mag: in the same sense as age, as dust, and by less than "
            "either. i−z changes by {change_iz}. No filter sees metals alone, which the next "
            "lesson is about.",
            _CHOICES,
        ),
        Step(
            "dust",
            "Dust between the stars",
            "Grains of dust between the stars absorb and scatter light, blue more than red. τ ISM "
            "is its optical depth at 5500 Å: at τ = 1, about a third of that light gets out "
            "(e⁻¹ = 0.37).",
            "When τ ISM rises from 0 to 3, the colour g−r becomes …",
            "g−r changes by {change} mag, the most of all parameters, and r becomes {dimmer} mag "
            "fainter. **Dust reddens and dims at once.** A dusty galaxy can be brightened again by "
            "giving it more mass: keep that in mind for the lesson in which you fit by hand.",
            _CHOICES,
        ),
        Step(
            "slope",
            "What kind of dust",
            "Small grains redden more than large ones, and geometry matters too. *n dust* is the "
            "slope of the dust curve relative to a standard one (0). At 5500 Å the curve is "
            "fixed, so the amount there stays what it was.",
            "When n dust rises from −2 (steep) to 1 (flat), the colour g−r becomes …",
            "g−r changes by {change} mag. A flat curve is grey: it dims without reddening. So a "
            "red galaxy may have much grey dust or little steep dust, and **colour alone does not "
            "give the amount of dust**.",
            _CHOICES,
        ),
        Step(
            "clouds",
            "Birth clouds",
            "The youngest stars (under 10 Myr) still sit in the clouds that they formed from. "
            "τ BC is the extra dust in front of those stars only.",
            "When τ BC rises from 0 to 3, the colour g−r becomes …",
            "g−r changes by {change} mag and u−g by {change_ug}: birth clouds hide only the stars "
            "of the last 10 Myr, which in this galaxy give little of the light in these filters. "
            "It is an honest parameter all the same: leaving it out would claim that we know it.",
            _CHOICES,
        ),
        Step(
            "all",
            "All twelve together",
            "Here each bar is the largest change of g−r that a parameter can make over its whole "
            "range, everything else as it was (for t burst, with a burst of {f_burst:.0%}; for f "
            "burst, with a burst 1 Gyr ago, whose stars happen to have the g−r of this "
            "galaxy: u−g shows them). Choose any parameter below to see its curve again.",
            "There are twelve parameters and five fluxes. What does that say about any fit?",
            "That many different galaxies must give the same five fluxes. {n_visible} of the "
            "twelve parameters change g−r by more than {same} mag on their own, and one colour "
            'cannot tell which of them did it. An honest answer to "which galaxy is it?" is '
            "therefore not one galaxy but **all of those that fit, each with its probability**: "
            "the posterior. The next lessons are about how wide it is, and how to find it.",
        ),
    ),
)
