"""The table that calibrates a network's p-values, made from simulated galaxies.

For every number of bands and every bin of signal-to-noise, galaxies are drawn from the prior,
given noise, and fitted as any galaxy is. What their raw p-values are where the model is true is
the table (`sedflow.sampling.misfit.PValueTable`).
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from sedflow.files.hashes import sealed
from sedflow.files.writing import replacing
from sedflow.model.simulation import simulate
from sedflow.photometry import Photometry
from sedflow.sampling.importance import weigh
from sedflow.sampling.misfit import LEVELS, SNR, PValueTable, median_snr, p_value
from sedflow.validation.workers import in_turn
from sedflow.whole_numbers import LARGEST_SEED, as_whole

_MANY = 5_000  # galaxies to choose from, for one number of bands
_MOST_ROUNDS = 20


def measure_p_values(
    posterior: Any,
    mocks: int = 300,
    draws: int = 300,
    seed: int = 2022,
    progress: Callable[[int, int], object] | None = None,
    workers: int = 1,
) -> PValueTable:
    """The table of a network.

    Parameters
    ----------
    posterior : AmortizedPosterior
    mocks : int
        Simulated galaxies for each number of bands and bin of signal-to-noise.
    draws : int
        Of each.
    progress : callable, optional
        Called as progress(done, total) after each cell of the table.
    workers : int
        Processes that share the galaxies of a cell; the table does not depend on how many.
    """
    seed = as_whole("seed", seed, 0, LARGEST_SEED)
    mocks, draws = as_whole("mocks", mocks, 50, 100_000), as_whole("draws", draws, 100, 100_000)
    numbers = range(1, len(posterior.bands) + 1)
    quantiles, done = {}, 0
    for n_band in numbers:
        rows = []
        for galaxies in simulated_cells(posterior, n_band, mocks, seed):
            raw = raw_p_values(posterior, galaxies, draws, seed, workers)
            rows.append(np.round(np.quantile(raw, LEVELS), 5))
            done += 1
            if progress:
                progress(done, len(numbers) * len(SNR))
        quantiles[n_band] = np.array(rows)
    about = {
        "format": 1,
        "weights": posterior.name,
        "weights_sha256": posterior.record.get("weights_sha256", ""),
        "mocks": mocks,
        "draws": draws,
        "seed": seed,
    }
    return PValueTable(np.array(SNR), np.array(LEVELS), quantiles, about)


def simulated_cells(posterior: Any, n_band: int, n: int, seed: int) -> list[Photometry]:
    """n simulated galaxies (n,) of that number of bands, in each bin of signal-to-noise.

    Which bands are there is drawn at random.
    """
    edges = [*SNR, np.inf]
    found: list[list[Photometry]] = [[] for _ in SNR]
    for turn in range(_MOST_ROUNDS):
        _, galaxies = simulate(
            _MANY,
            np.random.default_rng([seed, n_band, turn]),
            prior=posterior.prior,
            model=posterior.model,
            noise=posterior.noise,
            redshift=posterior.domain.redshift,
            presence=_exactly(n_band),
        )
        snr = median_snr(galaxies)
        for k, cell in enumerate(found):
            inside = (snr >= edges[k] if k else True) & (snr < edges[k + 1])
            cell += [galaxies[i] for i in np.flatnonzero(inside)[: n - len(cell)]]
        if all(len(cell) == n for cell in found):
            break
    return [
        Photometry(
            np.array([g.flux for g in cell]),
            np.array([g.sigma for g in cell]),
            np.array([g.redshift for g in cell]),
            posterior.bands,
        )
        for cell in found
    ]


def _exactly(number):
    def presence(n, n_band, rng):
        rank = rng.random((n, n_band)).argsort(axis=1).argsort(axis=1)
        return rank < number

    return presence


def raw_p_values(
    posterior: Any, galaxies: Photometry, draws: int, seed: int, workers: int = 1
) -> np.ndarray:
    """Raw p-values (n,) of galaxies (n,), by the network's weighted draws."""

    def one(k):
        galaxy = galaxies[k]
        made = posterior.sample(galaxy, n=draws, seed=seed + k)
        made = weigh(made, galaxy, posterior.model, posterior.prior)
        return p_value(made.flux, galaxy, made.weights)

    return np.array(list(in_turn(one, len(galaxies), workers)))


def save_p_values(table: PValueTable, path: str | Path) -> Path:
    """Write a table as JSON; a network finds it as NAME.p_values.json beside its weights."""
    document = sealed(
        {
            **table.about,
            "snr": table.snr.tolist(),
            "levels": table.levels.tolist(),
            "quantiles": {str(k): v.tolist() for k, v in table.quantiles.items()},
        }
    )
    path = Path(path)
    with replacing(path) as temporary:
        temporary.write_text(json.dumps(document) + "\n", "utf-8")
    return path
