"""What a training learns from: pairs, their scaling, likeness and domain, and blocks of choices.

Scaling, likeness, training domain and the held-out pairs come from numpy's simulations whatever
the device, so that they are the same on all. Blocks come from numpy's on a processor and from
the torch `Simulator` on a GPU; each is a function of the seed, its number and the kind of device.
"""

from collections.abc import Callable

import numpy as np
import torch

from sedflow.atlas.catalog import NSA_BANDS, load_nsa
from sedflow.draws import systematic
from sedflow.errors import SedflowError
from sedflow.model.graph import ForwardModel
from sedflow.model.sed import SEDModel
from sedflow.model.simulation import draw_pairs, draw_presence
from sedflow.network.atlas_prior import AtlasLikeness, LikenessGraph
from sedflow.network.configuration import TrainingConfig, noise_of
from sedflow.network.domain import TrainingDomain
from sedflow.network.feature_graph import FeatureGraph
from sedflow.network.features import raw_features, scaling, standardise
from sedflow.network.simulator import Pool, Simulator
from sedflow.parameters import Prior

_HELD_OUT = 32_768
_COPIES = 8  # of each survey galaxy, with other bands missing, for the likeness to learn from
_SCALING = 200_000  # simulations from which scaling, likeness and domain are read
# Blocks that training, which counts up from 0, never reaches.
_SCALING_BLOCK, _HELD_OUT_BLOCK, _DOMAIN_BLOCK = 1_000_000_000, 1_000_000_001, 1_000_000_002


class TrainingSet:
    """All that a configuration says about the simulations.

    Parameters
    ----------
    config : TrainingConfig
    parent_scaling : pair of arrays (n_feature,), optional
        Centre and half-range of the network that training begins with.
    """

    def __init__(self, config: TrainingConfig, parent_scaling=None) -> None:
        self.config = config
        self.model = SEDModel(config.ssp)
        self.prior = Prior(config.prior)
        self.noise = noise_of(config)
        self.pool = Pool(size=config.pool, survey=config.survey)
        # A short training does not use more simulations for its preparations than it learns from.
        self._n = min(_SCALING, config.simulations)
        raw, _, weight = self.pairs(_SCALING_BLOCK, self._n, self.pool.recent)
        self.n_feature = raw.shape[1]
        self.scaling = scaling(raw) if parent_scaling is None else parent_scaling
        self.likeness = self._survey_likeness(raw, weight) if config.survey else None

    def domain(self) -> TrainingDomain:
        """Ranges of the noise-free models."""
        rng = np.random.default_rng([self.config.seed, _DOMAIN_BLOCK])
        z = rng.uniform(*self.pool.redshift, self._n)
        flux = self.model.fast(self.noise.bands)(self.prior.sample(self._n, rng), z)
        return TrainingDomain.of_models(flux, z, self.noise.bands, self.pool.redshift)

    def held_out(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Pairs that are never learnt from: x (n, 10), features (n, n_feature), weights (n,)."""
        n = min(_HELD_OUT, self.config.simulations)
        raw, x, weight = self.pairs(_HELD_OUT_BLOCK, n)
        return x, standardise(raw, *self.scaling), weight

    def pairs(self, block: int, n: int, recent: float = 0.0):
        """Raw features (n, n_feature), x (n, 10), weights (n,): a function of seed and block."""
        rng = np.random.default_rng([self.config.seed, block])
        theta, flux, sigma, z, log_weight = draw_pairs(
            n,
            rng,
            self.prior,
            self.model,
            self.noise,
            redshift=self.pool.redshift,
            nearness=self.pool.nearness,
            presence=draw_presence,
            recent=recent,
        )
        raw = raw_features(flux, sigma, z, self.noise)
        weight = np.minimum(np.exp(log_weight), self.pool.max_weight)
        return raw, self.prior.to_unbounded(theta)[:, 1:], weight

    def block(self, k: int, size: int) -> tuple[torch.Tensor, torch.Tensor]:
        """Block k of what is learnt from: x and standardised features, in random order."""
        raw, x, weight = self.pairs(k, self.pool.size * size, self.pool.recent)
        features = standardise(raw, *self.scaling)
        if self.likeness:
            share = self.pool.survey
            weight = weight * (1.0 - share + share * self.likeness(features))
        rng = np.random.default_rng([self.config.seed, k, 1])
        rows = rng.permutation(systematic(weight / weight.sum(), size, rng))
        return torch.from_numpy(x[rows].astype(np.float32)), torch.from_numpy(features[rows])

    def simulator(self, device: torch.device) -> Simulator:
        """The torch twin of `block`."""
        return Simulator(
            self.prior,
            ForwardModel(self.model, self.noise.bands),
            self.noise,
            FeatureGraph(self.noise, self.scaling),
            LikenessGraph(self.likeness) if self.likeness else None,
            self.pool,
        ).to(device)

    def device_blocks(self, device: torch.device) -> Callable:
        """Block (k, size) by the torch simulator; on a GPU it works beside the gradient steps."""
        simulator, seed = self.simulator(device), self.config.seed
        if device.type != "cuda":
            return lambda k, size: simulator.block(size, (seed, k))
        side = torch.cuda.Stream()

        def block(k, size):
            with torch.cuda.stream(side):
                made = simulator.block(size, (seed, k))
            side.synchronize()
            return made

        return block

    def _survey_likeness(self, raw, weight):
        """Likeness of simulations to the NSA's galaxies, read from their inputs."""
        catalog = load_nsa()
        foreign = [band for band in self.noise.bands if band not in NSA_BANDS]
        if foreign:
            raise SedflowError(
                f"no galaxy of the NSA is seen in {', '.join(foreign)}, so simulations cannot be "
                "chosen for their likeness to them; set survey = 0"
            )
        ids = np.repeat(catalog.seen(self.noise.bands), _COPIES)
        galaxies = catalog.photometry(ids, self.noise.bands)
        rng = np.random.default_rng([self.config.seed, _SCALING_BLOCK, 1])
        kept = draw_presence(*galaxies.flux.shape, rng) & galaxies.present
        flux, sigma = (np.where(kept, a, np.nan) for a in (galaxies.flux, galaxies.sigma))
        seen = kept.any(1)
        survey = raw_features(flux[seen], sigma[seen], galaxies.redshift[seen], self.noise)
        return AtlasLikeness(
            standardise(survey, *self.scaling),
            standardise(raw, *self.scaling),
            weight,
            self.config.seed,
            self.config.alike,
        )
