"""The prior of each parameter alone, exactly."""

import numpy as np
import numpy.typing as npt

from sedflow.parameters import BETAS, HIGH, LOW, NAMES, Prior


def prior_density(name: str, x: npt.ArrayLike, prior: Prior) -> np.ndarray | None:
    """Density (n,) of one parameter's prior at x (n,); None where the name is of no parameter.

    Uniform except for the betas. With the flat prior each beta follows Beta(1, 3); with that of
    PROVABGS they are products of 1, 2, 3 and 3 uniform numbers.

    >>> prior_density("beta1", [0.0, 0.5, 1.0], Prior()).tolist()
    [3.0, 0.75, 0.0]
    """
    if name not in NAMES:
        return None
    x = np.asarray(x, float)
    k = NAMES.index(name)
    inside = (x >= LOW[k]) & (x <= HIGH[k])
    betas = NAMES[BETAS]
    if name not in betas:
        return np.where(inside, 1.0 / (HIGH[k] - LOW[k]), 0.0)
    if prior.sfh == "flat":
        return np.where(inside, 3.0 * np.square(1.0 - x), 0.0)
    factors = min(betas.index(name), 2)
    log = -np.log(np.clip(x, 1e-300, 1.0))
    return np.where(inside, log**factors / max(factors, 1), 0.0)
