"""The amortized posterior: a trained network that answers for any galaxy in its domain.

The network knows the 10 parameters that shape the spectrum, in the unbounded coordinates of
`Prior.to_unbounded`, so every draw lies inside the prior: nothing is rejected and no galaxy
can hang. The 11th, the mass, only scales the flux; it is drawn from its exact conditional
(`sedflow.mass`), which takes the model flux of every draw.
"""

import hashlib
import json
from pathlib import Path

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from scipy.special import ndtr, ndtri

from sedflow.domain import DomainCheck, TrainingDomain
from sedflow.draws import Draws
from sedflow.errors import BadParameters, BadPhotometry, BadWeights, SedflowError, UnknownBand
from sedflow.features import raw_features, standardise
from sedflow.flow import FlowConfig, build_flow
from sedflow.mass import REFERENCE, MassConditional
from sedflow.model import SEDModel, default_model
from sedflow.noise import NoiseModel
from sedflow.parameters import (
    HIGH,
    LOW,
    N_FREE,
    N_PARAM,
    N_SHAPE,
    PARAMETERS,
    Prior,
    as_theta,
    index,
)
from sedflow.photometry import Photometry
from sedflow.resources import DEFAULT_WEIGHTS, SSP_NAMES, checked_path, data_path
from sedflow.threads import pool

__all__ = ["AmortizedPosterior", "load_posterior", "packaged_weights"]

_LOG_2PI = float(np.log(2 * np.pi))
_CHUNK = 2500  # draws at a time, of one galaxy; more are shared among `threads.pool`
_MASS = index("log_mstar")
_MASS_RANGE = HIGH[_MASS] - LOW[_MASS]


class AmortizedPosterior:
    """Posterior of the 12 parameters given fluxes in any of its bands, errors and redshift.

    A `Sampler`. Made by `load_posterior` or by training.

    Parameters
    ----------
    flow : CouplingFlow or MaskedFlow
    record : dict
        What is stored beside the weights: bands, prior, SSP grid, noise model, feature
        scaling, training domain, and how the network was trained.
    model : SEDModel, optional
        The forward model on which it was trained; default: that of the packaged grid that
        the record names, built when first needed.
    """

    def __init__(self, flow, record: dict, model: SEDModel | None = None):
        self.flow = flow.eval()
        self.record = record
        self.name = record["name"]
        self.n_base = N_FREE
        self.bands = tuple(record["bands"])
        self.prior = Prior(record["prior"])
        self.ssp = record["ssp"]["name"]
        self.noise = NoiseModel.from_dict(record["noise"])
        self.domain = TrainingDomain(**record["domain"])
        self.scaling = [np.array(record["scaling"][key]) for key in ("centre", "half")]
        self._model = model

    def __repr__(self):
        return f"<AmortizedPosterior {self.record['name']!r}: {', '.join(self.bands)}>"

    def sample(self, galaxy: Photometry, n: int = 10_000, seed: int | None = None) -> Draws:
        """Draws from the posterior of each galaxy.

        Parameters
        ----------
        galaxy : Photometry of shape (...)
            In any of the network's bands, in any order; others are left aside. Outside the
            training domain draws are still made, as long as there is a model of the galaxy;
            `check` tells.
        n : int
            Draws per galaxy.
        seed : int, optional
            Draws depend on the seed and the galaxy's own data alone, not on its place in a
            batch.

        Returns
        -------
        Draws with theta (..., n, 12) and their log density in `FREE_NAMES` (..., n)

        Raises
        ------
        BadParameters
            The redshift is beyond `SEDModel.max_redshift` of the network's bands.
        """
        if isinstance(n, bool) or int(n) != n or n < 1:
            raise BadParameters(f"n = {n} draws; give a whole number >= 1")
        n = int(n)
        flat, _ = self._context(galaxy)
        base = np.stack(
            [
                galaxy_rng(seed, flat[k]).standard_normal((n, N_FREE), dtype=np.float32)
                for k in range(len(flat))
            ]
        )
        return self.push(base.reshape(*galaxy.shape, n, N_FREE), galaxy)

    def push(self, base, galaxy: Photometry) -> Draws:
        """Carry points of the base through the flow, and to the mass.

        base (..., n, 11) : standard-normal numbers give draws from the posterior; any others
            give the points that those would have landed on, with the same `log_density`. The
            first is the probit of the mass's quantile, the others are the flow's.
        """
        flat, context = self._context(galaxy)
        self.model.check_redshift(flat.redshift, self.bands)
        base = np.asarray(base, dtype=np.float32)
        shape, n = galaxy.shape, base.shape[-2]
        base = base.reshape(-1, n, N_FREE)
        theta = np.empty((len(context), n, N_PARAM))
        log_density = np.empty((len(context), n))
        _ = self.model.fast(self.bands)  # made here, not by several threads at once

        def carry(job):
            k, rows = job
            theta[k, rows], log_density[k, rows] = self._carry(
                base[k, rows], context[k : k + 1], flat[k]
            )

        chunks = [slice(start, start + _CHUNK) for start in range(0, n, _CHUNK)]
        jobs = ((k, rows) for k in range(len(context)) for rows in chunks)
        for _ in (pool().map if len(chunks) > 1 else map)(carry, jobs):
            pass
        return Draws(theta.reshape(*shape, n, N_PARAM), log_density.reshape(*shape, n))

    @torch.inference_mode()
    def _carry(self, base, context, galaxy):
        """Theta (n, 12) and log density (n,) of base points (n, 11) for one galaxy."""
        embedded = self.flow.embed(context)  # alone: the same to the last bit in any batch
        noise = torch.from_numpy(np.delete(base, _MASS, axis=-1))
        drawn, log_q = self.flow.transform(noise, embedded)
        x = drawn.numpy().astype(float)
        theta = self.prior.from_unbounded(np.insert(x, _MASS, 0.0, axis=-1))
        mass = self._mass_given(theta, galaxy)
        theta[:, _MASS] = mass.draw(ndtr(base[:, _MASS].astype(float)))
        log_density = log_q.numpy() + self._log_volume(x, theta)
        return theta, log_density + mass.log_prob(theta[:, _MASS])

    def log_prob(self, theta, galaxy: Photometry) -> np.ndarray:
        """Natural log of the normalised posterior density at theta.

        The density is in the 11 free dimensions `sedflow.parameters.FREE_NAMES` (all but
        beta4, which the other betas fix).

        Parameters
        ----------
        theta : array (..., 12) or (..., n, 12), or mapping by name
            One point for each galaxy, or n.
        galaxy : Photometry of shape (...)

        Returns
        -------
        array (...) or (..., n)
        """
        return self._pull(theta, galaxy)[1]

    def pull(self, theta, galaxy: Photometry) -> np.ndarray:
        """Points (..., n, 11) of the flow's base that `push` carries to theta (..., n, 12)."""
        return self._pull(theta, galaxy)[0]

    def _pull(self, theta, galaxy):
        theta = as_theta(theta)
        shape = galaxy.shape
        extra = theta.ndim - 1 - len(shape)
        if extra not in (0, 1) or theta.shape[: len(shape)] != shape:
            raise BadParameters(
                f"theta has shape {theta.shape}, but there are {shape} galaxies; give "
                f"{(*shape, N_PARAM)} or {(*shape, 'n', N_PARAM)}"
            )
        flat = theta.reshape(galaxy.redshift.size, -1, N_PARAM)
        data, context = self._context(galaxy)
        self.model.check_redshift(data.redshift, self.bands)
        x = np.delete(self.prior.to_unbounded(flat), _MASS, axis=-1)
        base, log_density = np.empty((*x.shape[:-1], N_FREE)), self._log_volume(x, flat)
        with torch.inference_mode():
            for k, row in enumerate(context.split(1)):
                points = torch.from_numpy(x[k].astype(np.float32))
                noise, log_q = self.flow.to_base(points, self.flow.embed(row))
                mass = self._mass_given(flat[k], data[k])
                quantile = mass.quantile_of(flat[k, :, _MASS])
                base[k] = np.insert(noise.numpy(), _MASS, ndtri(quantile), axis=-1)
                log_density[k] += log_q.numpy() + mass.log_prob(flat[k, :, _MASS])
        return base.reshape((*theta.shape[:-1], N_FREE)), log_density.reshape(theta.shape[:-1])

    def check(self, galaxy: Photometry, draws=None, flux=None) -> DomainCheck:
        """Whether each galaxy lies inside the training domain, in words where it does not.

        Parameters
        ----------
        galaxy : Photometry of shape (...)
        draws : Draws (..., n, 12), optional
            Draws of these galaxies, to see whether any of them reaches the data. By default
            250 are made (0.05 s a galaxy, some times that for one outside); False does without
            them: only the ranges are checked, at once for any number of galaxies.
        flux : array (..., n, n_band), optional
            Noise-free fluxes of the draws in the galaxy's bands, where they are known already.
        """
        from sedflow.domain import check

        mine = self._in_my_bands(galaxy)
        if flux is not None:
            known = np.asarray(flux)
            flux = np.full((*known.shape[:-1], len(mine.bands)), np.nan)
            for k, band in enumerate(mine.bands):
                if band in galaxy.bands:
                    flux[..., k] = known[..., galaxy.bands.index(band)]
        found = check(self, mine, draws, flux)
        foreign = [band for band in galaxy.bands if band not in self.bands]
        if foreign:
            found = found.noting(
                f"the network does not know {', '.join(foreign)} and leaves the data in there "
                'aside; trust="auto" takes them in, and so does MCMC'
            )
        return found

    def to_sbi(self):
        """sbi's `DirectPosterior` on this network, for sbi's own tools.

        Its parameters are the unbounded x (10,) of `Prior.to_unbounded` without the first,
        that of the mass; its observation is `context(galaxy)`.
        """
        from sedflow.estimator import sbi_posterior

        return sbi_posterior(self.flow)

    def context(self, galaxy: Photometry) -> torch.Tensor:
        """Standardised features (n, n_feature) that the network is given, float32."""
        return self._context(galaxy)[1]

    def save(self, folder) -> Path:
        """Write NAME.safetensors and NAME.json to a folder; returns the first."""
        path = Path(folder) / f"{self.record['name']}.safetensors"
        save_file({k: v.contiguous() for k, v in self.flow.state_dict().items()}, path)
        path.chmod(0o644)  # safetensors leaves it to its owner alone
        self.record["weights_sha256"] = hashlib.sha256(path.read_bytes()).hexdigest()
        path.with_suffix(".json").write_text(json.dumps(self.record, indent=1) + "\n")
        return path

    def _context(self, galaxy):
        """Flat photometry in the network's bands, and its standardised features."""
        flat = self._in_my_bands(galaxy).flat
        raw = raw_features(flat.flux, flat.sigma, flat.redshift, self.noise)
        return flat, torch.from_numpy(standardise(raw, *self.scaling))

    @property
    def model(self) -> SEDModel:
        """The forward model of the stellar library that the network was trained on.

        Raises
        ------
        BadWeights
            That SSP grid is not here any more, or no longer the same.
        """
        if self._model is None:
            self._model = self._model_of_record()
        return self._model

    def _model_of_record(self):
        if self.ssp in SSP_NAMES:
            model = default_model(self.ssp)
        else:  # a grid of one's own, where it was at the time of training
            path = Path(self.record.get("training", {}).get("ssp", ""))
            if not path.is_file():
                raise BadWeights(
                    f"{self.name} was trained on the SSP grid {self.ssp!r} "
                    f"({self.record['ssp']['sha256'][:12]}...), which is neither packaged nor at "
                    f"{path}; pass load_posterior(..., model=SEDModel(PATH))"
                )
            model = SEDModel(path)
        self._same_grid(model)
        return model

    def _same_grid(self, model):
        trained = self.record["ssp"]["sha256"]
        if model.grid.sha256 != trained:
            raise BadWeights(
                f"{self.name} was trained on an SSP grid {self.ssp!r} of sha256 {trained[:12]}..., "
                f"but this one, {model.grid.name!r}, has {model.grid.sha256[:12] or 'none'}...; "
                "give the grid it was trained on, or train again"
            )

    def _mass_given(self, theta, galaxy):
        """Conditional of log_mstar, for theta (n, 12) whatever its mass, and one galaxy."""
        reference = theta.copy()
        reference[:, _MASS] = REFERENCE
        flux = self.model.fast(self.bands)(reference, np.full(len(theta), galaxy.redshift))
        seen = galaxy.present
        return MassConditional(flux[:, seen], galaxy.flux[seen], galaxy.sigma[seen])

    def _in_my_bands(self, galaxy):
        if not isinstance(galaxy, Photometry):
            raise BadPhotometry(
                f"expected a sedflow.Photometry, got {type(galaxy).__name__}; build one from "
                "flux, sigma and redshift"
            )
        if not set(self.bands) & set(galaxy.bands):
            raise UnknownBand(
                f"this network was trained on {', '.join(self.bands)}, but the photometry is in "
                f"{', '.join(galaxy.bands)}; add one of its bands, or use MCMC"
            )
        return galaxy if galaxy.bands == self.bands else galaxy.in_bands(self.bands)

    def _log_volume(self, x, theta):
        """log |dx / dtheta| without the mass: the prior is a standard normal in x (..., 10)."""
        log_normal = -0.5 * ((x**2).sum(-1) + N_SHAPE * _LOG_2PI)
        return self.prior.log_prob(theta) + np.log(_MASS_RANGE) - log_normal


def galaxy_rng(seed, galaxy: Photometry):
    """Random numbers that depend on the seed and the galaxy's own data; fresh ones for None."""
    if seed is None:
        return np.random.default_rng()
    data = np.concatenate([galaxy.flux, galaxy.sigma, [galaxy.redshift]])
    digest = hashlib.blake2b(data.tobytes(), digest_size=8).digest()
    return np.random.default_rng([int(seed), int.from_bytes(digest, "little")])


def packaged_weights() -> list[str]:
    """Names of the networks in the package."""
    return sorted(path.stem for path in data_path("").glob("*.safetensors"))


def load_posterior(
    name_or_path: str | Path = DEFAULT_WEIGHTS, model: SEDModel | None = None
) -> AmortizedPosterior:
    """The trained posterior: packaged weights by name, or NAME.safetensors with its JSON.

    Parameters
    ----------
    name_or_path : str or path
    model : SEDModel, optional
        On the SSP grid that the network was trained on; for grids that are not packaged and
        no longer where they were.

    Raises
    ------
    BadWeights
        Files are missing, damaged, or belong to another parameter table or SSP grid.
    """
    path = Path(name_or_path)
    packaged = path.suffix != ".safetensors"
    if packaged:
        path = data_path(f"{name_or_path}.safetensors")
    about = path.with_suffix(".json")
    if not path.is_file() or not about.is_file():
        raise BadWeights(
            f"no weights {str(name_or_path)!r}; give one of {', '.join(packaged_weights())} or the "
            "path of a .safetensors file with its .json beside it"
        )
    if packaged:  # the record too: nobody else would notice a wrong number in it
        checked_path(about.name)
    try:
        record = json.loads(about.read_text())
        _compare_tables({p["name"]: p for p in record["parameters"]}, path.name)
        expected = record["weights_sha256"]
    except BadWeights:
        raise
    except (ValueError, LookupError, TypeError) as error:
        raise BadWeights(
            f"{about.name} is not a weights record ({type(error).__name__}: {error}); train again"
        ) from None
    if hashlib.sha256(path.read_bytes()).hexdigest() != expected:
        raise BadWeights(f"{path.name} does not match the hash in {about.name}; get both again")
    try:
        flow = build_flow(FlowConfig(**record["architecture"]))
        flow.load_state_dict(load_file(path))
        posterior = AmortizedPosterior(flow, record, model)
    except SedflowError:
        raise
    except (SafetensorError, RuntimeError, AttributeError, LookupError, TypeError, ValueError) as e:
        raise BadWeights(f"{path.name} does not fit its record: {type(e).__name__}: {e}") from None
    if model is not None:
        posterior._same_grid(model)
    return posterior


def parameter_table() -> list[dict]:
    """The parameter table as stored with weights: what must agree for a network to be used."""
    return [{"name": p.name, "low": float(p.low), "high": float(p.high)} for p in PARAMETERS]


def _compare_tables(stored, name):
    for row in parameter_table():
        other = stored.pop(row["name"], None)
        if other is None:
            raise BadWeights(f"{name} was trained without {row['name']}; train again")
        for key in ("low", "high"):
            if not np.isclose(other[key], row[key], rtol=1e-12, atol=0):
                raise BadWeights(
                    f"{name} was trained with {row['name']} from {other['low']:g} to "
                    f"{other['high']:g}, but the table says {row['low']:g} to {row['high']:g}; "
                    "train again"
                )
    if stored:
        raise BadWeights(f"{name} was trained with {', '.join(stored)}, unknown here; train again")
