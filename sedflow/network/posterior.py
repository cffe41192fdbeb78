"""The amortized posterior: a trained network that answers for any galaxy in its domain.

The network knows the 10 parameters that shape the spectrum, in the unbounded coordinates of
`Prior.to_unbounded`, so every draw lies inside the prior: nothing is rejected and no galaxy
can hang. The 11th, the mass, only scales the flux; it is drawn from its exact conditional
(`sedflow.model.mass`), which takes the model flux of every draw.
"""

import json
from copy import copy
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from sedflow import views
from sedflow.bands import curve_name
from sedflow.draws import Draws, check_photometry, checked_request, galaxy_rng
from sedflow.errors import BadParameters, UnknownBand, needs
from sedflow.files.hashes import digest, sealed, sha256
from sedflow.files.paths import as_path
from sedflow.files.writing import replacing
from sedflow.model.batch import chunks
from sedflow.model.flow_and_mass import FlowAndMass
from sedflow.model.noise import NoiseModel
from sedflow.model.sed import SEDModel
from sedflow.network.domain import TrainingDomain, check
from sedflow.network.domain_check import DomainCheck
from sedflow.network.features import raw_features, standardise
from sedflow.network.graphs import graph_flow
from sedflow.network.record import FORMAT
from sedflow.network.runtime import GraphFlow
from sedflow.network.shape import FlowConfig
from sedflow.network.trained_model import trained_model
from sedflow.parameters import N_FREE, N_PARAM, Prior, as_theta
from sedflow.photometry import Photometry
from sedflow.redshifts import beyond_network
from sedflow.sampling.misfit import PValueTable
from sedflow.settled import Settled, frozen
from sedflow.threads import one_thread, pool

__all__ = ["AmortizedPosterior"]

_CHUNK = 2500  # draws at a time, of one galaxy; more are shared among `threads.pool`


class AmortizedPosterior(Settled):
    """Posterior of the 12 parameters given fluxes in any of its bands, errors and redshift.

    A `Sampler`. Made by `load_posterior` or by training.

    Parameters
    ----------
    flow : CouplingFlow, MaskedFlow or GraphFlow
        In torch, or in ONNX Runtime.
    record : dict
        What is stored beside the weights: bands, prior, SSP grid, noise model, feature
        scaling, training domain, and how the network was trained.
    model : SEDModel, optional
        The forward model on which it was trained; default: that of the packaged grid that
        the record names, built when first needed.
    """

    settled = ("record", "name", "bands", "prior", "ssp", "noise", "domain", "scaling")
    remedy = "load or train another network"

    def __init__(self, flow: Any, record: dict, model: SEDModel | None = None) -> None:
        self.flow = flow
        self.record = record
        self.name = record["name"]
        self.bands = tuple(record["bands"])
        self.prior = Prior(record["prior"])
        self.ssp = record["ssp"]["name"]
        self.noise = NoiseModel.from_dict(record["noise"])
        self.domain = TrainingDomain(**record["domain"])
        scaling = record["scaling"]
        self.scaling = tuple(frozen(np.array(scaling[key])) for key in ("centre", "half"))
        self._model = model
        #: what calibrates p-values (`sedflow.sampling.misfit.PValueTable`), if there is a table
        self.p_values: PValueTable | None = None

    @property
    def flow(self) -> Any:
        """The flow in torch, loaded when first asked for; inference does not need it.

        Raises
        ------
        MissingLibrary
            torch is not installed.
        """
        if isinstance(self._flow, GraphFlow):
            needs("torch", "zuko", extra="train", what="the flow in torch")
            from sedflow.network.flow import load_flow

            return load_flow(FlowConfig(**self.record["architecture"]), self._flow.weights)
        return self._flow.flow

    @flow.setter
    def flow(self, flow: Any) -> None:
        if not isinstance(flow, GraphFlow):
            from sedflow.network.flow import TorchFlow

            flow = TorchFlow(flow)
        self._flow = flow

    @property
    def record_sha256(self) -> str:
        """Hash of the record and, through the hash of the tensors in it, of the whole network.

        Prior, scaling and domain are in the record: `weights_sha256` alone does not see them.
        """
        return digest(self.record)

    def __repr__(self):
        return f"<AmortizedPosterior {self.record['name']!r}: {', '.join(self.bands)}>"

    def _repr_html_(self):
        low, high = self.domain.redshift
        rows = [
            ("bands, any of", ", ".join(self.bands)),
            ("SSP grid", self.ssp),
            ("prior", self.prior.sfh),
            ("redshift", f"{low:g} to {high:g}"),
        ]
        return views.markup(repr(self), views.table((), rows))

    def sample(self, galaxy: Photometry, n: int = 10_000, seed: int | None = None) -> Draws:
        """Draws from the posterior of each galaxy.

        Parameters
        ----------
        galaxy : Photometry of shape (...)
            In any of the network's bands, in any order; others are ignored. Outside the
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
        n = checked_request(galaxy, n, seed)
        flat, context = self._context(galaxy)
        base = [
            galaxy_rng(seed, flat[k]).standard_normal((n, N_FREE), dtype=np.float32)
            for k in range(len(flat))
        ]
        return self._pushed(np.stack(base), galaxy, flat, context)

    def push(self, base: npt.ArrayLike, galaxy: Photometry) -> Draws:
        """Carry points of the base through the flow, and to the mass.

        base (..., n, 11) : standard-normal numbers give draws from the posterior; any others
            give the points that those would have landed on, with the same `log_density`. The
            first is the probit of the mass's quantile, the others are the flow's.
        """
        base = np.asarray(base, dtype=np.float32)
        base = base.reshape(-1, base.shape[-2], N_FREE)
        return self._pushed(base, galaxy, *self._context(galaxy))

    def _pushed(self, base, galaxy, flat, context):
        """The same of points (n_galaxy, n, 11), of galaxies whose features are known."""
        density = self._density(flat)
        shape, n = galaxy.shape, base.shape[-2]
        theta = np.empty((len(context), n, N_PARAM))
        log_density = np.empty((len(context), n))
        flux = np.empty((len(context), n, len(self.bands)))

        def carry(job):
            k, rows = job
            theta[k, rows], log_density[k, rows], flux[k, rows] = density.to_theta(
                base[k, rows], context[k : k + 1], flat[k]
            )

        parts = chunks(n, _CHUNK)
        jobs = ((k, rows) for k in range(len(context)) for rows in parts)
        with one_thread:  # each
            for _ in (pool().map if len(parts) > 1 else map)(carry, jobs):
                pass
        # In other bands, or in another order, the fast model's bins and rounding are others.
        mine = galaxy.bands == self.bands
        return Draws(
            theta.reshape(*shape, n, N_PARAM),
            log_density.reshape(*shape, n),
            flux=flux.reshape(*shape, n, len(self.bands)) if mine else None,
            flux_bands=self.bands if mine else None,
        )

    def under(self, prior: Prior) -> "AmortizedPosterior":
        """The same flow, its x read as those of another prior: a proposal for that prior.

        The draws need weights: the network never saw the other prior.
        """
        other = copy(self)
        vars(other)["prior"] = prior
        return other

    def log_prob(self, theta: Any, galaxy: Photometry) -> np.ndarray:
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

    def pull(self, theta: Any, galaxy: Photometry) -> np.ndarray:
        """Points (..., n, 11) of the flow's base that `push` carries to theta (..., n, 12)."""
        return self._pull(theta, galaxy)[0]

    def _pull(self, theta, galaxy):
        check_photometry(galaxy)
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
        density = self._density(data)
        base, log_density = np.empty((*flat.shape[:-1], N_FREE)), np.empty(flat.shape[:-1])
        with one_thread:
            for k in range(len(context)):
                base[k], log_density[k] = density.to_base(flat[k], context[k : k + 1], data[k])
        return base.reshape((*theta.shape[:-1], N_FREE)), log_density.reshape(theta.shape[:-1])

    def check(self, galaxy: Photometry, draws: Draws | bool | None = None) -> DomainCheck:
        """Whether each galaxy lies inside the training domain, in words where it does not.

        Parameters
        ----------
        galaxy : Photometry of shape (...)
        draws : Draws (..., n, 12), optional
            Draws of these galaxies, to see whether any of them reaches the data; `draws.flux`
            is used if known. By default, 250 draws are made (0.05 s a galaxy, some times that
            for one outside). With False only the ranges are checked, which takes no time.
        """

        found = check(self, self._in_my_bands(galaxy), draws)
        mine = {*map(curve_name, self.bands)}
        foreign = [band for band in galaxy.bands if curve_name(band) not in mine]
        if foreign:
            found = found.noting(
                f"the network does not know {', '.join(foreign)} and ignores "
                'the data in them; trust="auto" uses those data, and so does MCMC'
            )
        return found

    def to_sbi(self) -> Any:
        """sbi's `DirectPosterior` on this network, for sbi's own tools.

        Its parameters are the unbounded x (10,) of `Prior.to_unbounded` without the first,
        that of the mass; its observation is `context(galaxy)`, as a tensor.

        Raises
        ------
        MissingLibrary
            torch or sbi is not installed.
        """
        needs("torch", "sbi", "zuko", extra="train", what="sbi's posterior")
        from sedflow.network.sbi import sbi_posterior

        return sbi_posterior(self.flow)

    def context(self, galaxy: Photometry) -> np.ndarray:
        """Standardised features (n, n_feature) that the network is given, float32."""
        return self._context(galaxy)[1]

    def save(self, folder: str | Path) -> Path:
        """Write NAME.safetensors, NAME.json and the graphs to a folder; returns the first.

        The posterior draws from the graphs from then on, as whoever loads them does.
        """
        needs("torch", "zuko", "onnx", extra="train", what="writing a network")
        from safetensors.torch import save

        from sedflow.network.graph_files import write_graphs

        path = as_path(folder) / f"{self.record['name']}.safetensors"
        tensors = {k: v.contiguous() for k, v in self.flow.state_dict().items()}
        with replacing(path) as temporary:
            temporary.write_bytes(save(tensors))
        self.record["weights_sha256"] = sha256(path)
        document = sealed({"format": FORMAT, **self.record})
        with replacing(path.with_suffix(".json")) as temporary:
            temporary.write_text(json.dumps(document, indent=1) + "\n")
        config = FlowConfig(**self.record["architecture"])
        write_graphs(path, self.record, config)
        self.flow = graph_flow(path, self.record, config) or self.flow
        return path

    def _context(self, galaxy):
        """Flat photometry in the network's bands, and its standardised features."""
        flat = self._in_my_bands(galaxy).flat
        raw = raw_features(flat.flux, flat.sigma, flat.redshift, self.noise)
        return flat, standardise(raw, *self.scaling)

    def _density(self, galaxies):
        """The density of each of the galaxies (n,), of which there is a model."""
        top, highest = self.model.max_redshift(self.bands), np.max(galaxies.redshift, initial=0.0)
        if highest > top:
            raise BadParameters(beyond_network(highest, top, self.model.grid.name, self.name))
        return FlowAndMass(self._flow, self.prior, self.model, self.bands)

    @property
    def model(self) -> SEDModel:
        """The forward model of the stellar library that the network was trained on.

        Raises
        ------
        BadWeights
            That SSP grid is not here any more, or no longer the same.
        """
        if self._model is None:
            self._model = trained_model(self.record)
        return self._model

    def _in_my_bands(self, galaxy):
        check_photometry(galaxy)
        if not {*map(curve_name, self.bands)} & {*map(curve_name, galaxy.bands)}:
            raise UnknownBand(
                f"this network was trained on {', '.join(self.bands)}, but the photometry is in "
                f"{', '.join(galaxy.bands)}; add one of its bands, or use MCMC"
            )
        return galaxy if galaxy.bands == self.bands else galaxy.in_bands(self.bands)
