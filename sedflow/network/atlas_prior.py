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
import torch
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier
from torch import nn

_NEVER = 1e-9  # least probability of being simulated that the ratio divides by
_MOST = 20.0


class AtlasLikeness:
    """Ratio of densities survey / simulations, up to a limit.

    Parameters
    ----------
    survey, simulated : array (n, n_feature)
        Standardised inputs of the network.
    weight : array (n_simulated,)
        Of the simulations.
    seed : int
    most : float
        Ratios above count as this: a choice among too few would repeat them too often. Four of
        five NSA galaxies are above 20, half above 130, and the bluest above 1,000.
    """

    def __init__(
        self,
        survey: np.ndarray,
        simulated: np.ndarray,
        weight: np.ndarray,
        seed: int = 0,
        most: float = _MOST,
    ) -> None:
        self._most = most
        rng = np.random.default_rng(seed)
        kept = simulated[rng.random(len(weight)) * weight.max() < weight]
        self._odds = len(kept) / len(survey)
        self._classifier = MLPClassifier(
            (64, 64),
            batch_size=1024,
            learning_rate_init=2e-3,
            max_iter=15,
            early_stopping=True,
            random_state=seed,
        )
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)  # the passes are few on purpose
            self._classifier.fit(
                np.concatenate([survey, kept]), np.arange(len(survey) + len(kept)) < len(survey)
            )
        self._mean = np.average(self._limited(simulated), weights=weight)

    def __call__(self, features: np.ndarray) -> np.ndarray:
        """Ratio (n,) for inputs (n, n_feature), 1 on average over the simulations."""
        return self._limited(features) / self._mean

    def _limited(self, features):
        share = self._classifier.predict_proba(features)[:, 1]
        return np.minimum(share / np.maximum(1.0 - share, _NEVER) * self._odds, self._most)


class LikenessGraph(nn.Module):
    """An `AtlasLikeness` as a torch module, for any device."""

    def __init__(self, likeness: AtlasLikeness) -> None:
        super().__init__()
        classifier = likeness._classifier
        layers: list[nn.Module] = []
        for weight, bias in zip(classifier.coefs_, classifier.intercepts_, strict=True):
            layer = nn.Linear(*weight.shape)
            layer.weight = nn.Parameter(torch.tensor(weight.T), requires_grad=False)
            layer.bias = nn.Parameter(torch.tensor(bias), requires_grad=False)
            layers += [layer, nn.ReLU()]
        self.classifier = nn.Sequential(*layers[:-1])
        self.odds, self.mean = float(likeness._odds), float(likeness._mean)
        self.most = likeness._most

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """Ratio (n,) for inputs (n, n_feature), in the precision of the classifier."""
        dtype = next(self.classifier.parameters()).dtype
        share = torch.sigmoid(self.classifier(features.to(dtype))[:, 0])
        ratio = share / (1.0 - share).clamp(min=_NEVER) * self.odds
        return ratio.clamp(max=self.most) / self.mean
