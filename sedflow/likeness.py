"""How much a simulated galaxy looks like those of a survey.

Most draws of a prior look like no galaxy that exists, so a network trained on them alone
spends its effort where nobody will ask. Choosing among simulations by what their *data* look
like changes no posterior: given the data, the choice says nothing more about the parameters.
The measure is the ratio of the densities of survey and simulations in the space of the
network's inputs, estimated by a classifier of the two (Sugiyama et al. 2012, Density Ratio
Estimation, ch. 4).
"""

import warnings

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier

__all__ = ["SurveyLikeness"]

_MOST = 20.0  # ratios above count as this: a choice among too few would repeat them too often


class SurveyLikeness:
    """Ratio of densities survey / simulations, up to a limit.

    Parameters
    ----------
    survey, simulated : array (n, n_feature)
        Standardised inputs of the network.
    weight : array (n_simulated,)
        Of the simulations.
    seed : int
    """

    def __init__(self, survey, simulated, weight, seed=0):
        rng = np.random.default_rng(seed)
        kept = simulated[rng.random(len(weight)) * weight.max() < weight]
        self._odds = len(kept) / len(survey)
        self._classifier = MLPClassifier(
            (64, 64), batch_size=1024, learning_rate_init=2e-3, max_iter=15,
            early_stopping=True, random_state=seed,
        )  # fmt: skip
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)  # the passes are few on purpose
            self._classifier.fit(
                np.concatenate([survey, kept]), np.arange(len(survey) + len(kept)) < len(survey)
            )
        self._mean = np.average(self._limited(simulated), weights=weight)

    def __call__(self, features) -> np.ndarray:
        """Ratio (n,) for inputs (n, n_feature), 1 in the mean over the simulations."""
        return self._limited(features) / self._mean

    def _limited(self, features):
        share = self._classifier.predict_proba(features)[:, 1]
        return np.minimum(share / np.maximum(1.0 - share, 1e-9) * self._odds, _MOST)
