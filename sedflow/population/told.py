"""Whether galaxies tell the numbers of a population as closely as its bands say.

Bands have the scatter of the galaxies. They have neither what too few draws leave out nor an error
that the posteriors share, which taking out the prior makes larger.
"""

from typing import Any

import numpy as np

from sedflow.population.tables import mean_and_spread

#: Effective draws that a galaxy needs with the population as prior; with fewer, its likelihood has
#: an error of more than 22 %.
EFFECTIVE_MIN = 20.0
_MOST = 0.5  # of the galaxies
_HARDLY = 2 / 3  # of the widths of the prior and of the population: what the posteriors share is
# off 1.8 times as much in the population, where single galaxies have that much of the prior's


def mostly_few(population: Any) -> bool:
    """Whether most galaxies of a `Population` have too few draws to represent it."""
    return len(population.few) > _MOST * len(population)


def hardly_told(population: Any) -> dict[str, tuple[float, float]]:
    """The quantities that single galaxies of a `Population` know hardly better than the prior.

    Returns
    -------
    dict of name -> standard deviation of a galaxy's posterior, the median, and of the prior
    """
    widths = [float(row["p50"]) for row in population.moments([50]) if row["moment"] != "mean"]
    known = dict(zip(population.names, population.known_to, strict=True))
    if not any(own > _HARDLY * w for own, w in zip(known.values(), widths, strict=True)):
        return {}
    priors = prior_widths(population)
    return {
        name: (float(own), prior)
        for (name, own), prior, width in zip(known.items(), priors, widths, strict=True)
        if own > _HARDLY * max(prior, width)
    }


def prior_widths(population: Any) -> list[float]:
    """Standard deviation of each quantity under the prior of the fits."""
    shares = population.prior_density * population.area
    shares = shares / shares.sum()
    every = range(shares.ndim)
    along = [shares.sum(tuple(k for k in every if k != axis)) for axis in every]
    return [
        float(mean_and_spread(np.asarray(s), e)[1])
        for s, e in zip(along, population.edges, strict=True)
    ]
