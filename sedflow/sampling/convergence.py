"""Whether chains have converged, as ArviZ judges it.

Rank-normalised split R-hat and the bulk and tail effective sample sizes (Vehtari et al. 2021,
Bayesian Analysis 16, 667). The autocorrelation time alone is not asked: stuck chains have a
short one.
"""

import warnings

import numpy as np
import numpy.typing as npt

from sedflow.errors import needs


def diagnose(chains: npt.ArrayLike) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """R-hat, bulk ESS and tail ESS (n_param,) of chains (n_chain, n_draw, n_param)."""
    arviz = needs("arviz", what="MCMC")

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        data = arviz.convert_to_dataset({"x": np.asarray(chains)})
        return (
            arviz.rhat(data).x.values,
            arviz.ess(data).x.values,
            arviz.ess(data, method="tail").x.values,
        )
