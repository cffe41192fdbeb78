"""Training of the amortized posterior on a stream of fresh simulations.

Every batch is new: simulations cost less than the gradient step they feed, and a network
that never sees a galaxy twice cannot overfit. The loss is -log q(x | galaxy); x leaves out the
mass, whose conditional is known (`sedflow.mass`), so the density learnt is the marginal over
it. In half of the pairs bands are missing.

Each block is chosen from a larger pool of weighted pairs (`simulation.draw_pairs`), in
proportion to their weights and, for a share of them, to their likeness to galaxies of the
survey (`likeness`). All of the state is written at intervals, and block k depends on the seed
and k alone, so an interrupted run goes on where it was.
"""

import json
import os
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file, save_file

from sedflow.domain import TrainingDomain
from sedflow.draws import systematic
from sedflow.errors import SedflowError
from sedflow.estimator import FlowEstimator
from sedflow.features import raw_features, scaling, standardise
from sedflow.flow import FlowConfig, build_flow
from sedflow.likeness import SurveyLikeness
from sedflow.model import SEDModel
from sedflow.noise import NoiseModel
from sedflow.nsa import NSA_BANDS, load_nsa
from sedflow.parameters import N_SHAPE, Prior
from sedflow.photometry import UGRIZ
from sedflow.posterior import AmortizedPosterior, load_posterior, parameter_table
from sedflow.simulation import REDSHIFT_RANGE, draw_pairs, draw_presence, nsa_noise

__all__ = ["NETWORKS", "TrainingConfig", "train"]

_BLOCK = 65_536  # simulations learnt from at a time
_POOL = 3  # times as many are made, to choose from
_HELD_OUT = 32_768
_HELD_OUT_EVERY = 8  # blocks
_MAX_WEIGHT = 20.0
# Two thirds of all redshifts below 0.1: catalogues are full of near galaxies, and those are
# bright and have most to teach. The redshift is given, so its density is free to choose.
_NEARNESS = 3.0
_RECENT = 0.5  # of the pool's bursts; see `simulation.recent_bursts`
_COPIES = 8  # of each survey galaxy, with other bands missing, for the likeness to learn from
_SCALING = 200_000  # simulations from which scaling, likeness and domain are read
# Blocks that training, which counts up from 0, never reaches.
_SCALING_BLOCK, _HELD_OUT_BLOCK, _DOMAIN_BLOCK = 1_000_000_000, 1_000_000_001, 1_000_000_002

UV_TO_Z = ("FUV", "NUV", *UGRIZ)

#: What the packaged networks are trained on; other names are free.
NETWORKS = {
    "nsa-ugriz-fsps": {},
    "nsa-uv-bc03": {"ssp": "bc03", "bands": UV_TO_Z, "simulations": 10_000_000},
    "nsa-ugriz-bc03": {
        "ssp": "bc03",
        "start": "nsa-ugriz-fsps",
        "simulations": 3_000_000,
        "learning_rate": 6e-4,
        "warm_up": 100_000,
    },
}


@dataclass(frozen=True)
class TrainingConfig:
    """How a network is trained; everything that decides the result.

    The defaults are those of the packaged weights; `named` gives those of a packaged name.

    architecture : "coupling" (`flow.CouplingFlow`), or "maf", the network of Hahn & Melchior
        (2022): `layers` MADE blocks, `hidden` wide
    noise : path of a JSON file, `NoiseModel.to_dict()`, that holds the bands; default the NSA's
    survey : share of the simulations chosen for their likeness to the NSA's galaxies; 0 if the
        bands are not the NSA's
    start : name or path of a network of the same shape to begin with, its scaling included
    """

    name: str = "nsa-ugriz-fsps"
    simulations: int = 14_000_000
    batch: int = 1024
    learning_rate: float = 1.2e-3
    warm_up: int = 500_000
    ema: float = 0.999
    clip: float = 5.0
    seed: int = 1
    ssp: str = "fsps"
    bands: tuple[str, ...] = UGRIZ
    prior: str = "flat"
    noise: str = ""
    survey: float = 0.5
    start: str = ""
    architecture: str = "coupling"
    layers: int = 14
    hidden: int = 192
    bins: int = 8

    @classmethod
    def named(cls, name, **options) -> "TrainingConfig":
        """That of a packaged network, or the default under another name; options override."""
        if options.get("architecture") == "maf":
            options = {"layers": 15, "hidden": 500, **options}
        return cls(**{"name": name, **NETWORKS.get(name, {}), **options})


def train(config: TrainingConfig, folder, progress=None, checkpoint_seconds=120.0):
    """Train a network, or go on with an interrupted training.

    Parameters
    ----------
    config : TrainingConfig
    folder : path
        Holds the checkpoint while training, NAME.safetensors and NAME.json at the end.
    progress : callable, optional
        Called as progress(simulations_seen, record) after every block.
    checkpoint_seconds : float
        Time between checkpoints.

    Returns
    -------
    AmortizedPosterior

    Raises
    ------
    SedflowError
        The folder holds the checkpoint of a training with another configuration.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    run = _Run(config, folder)
    run.resume()
    saved = time.monotonic()
    while run.seen < config.simulations:
        run.train_block()
        if progress:
            progress(run.seen, run.history[-1])
        if time.monotonic() - saved > checkpoint_seconds:
            run.checkpoint()
            saved = time.monotonic()
    run.worker.shutdown(cancel_futures=True)
    run.checkpoint()
    posterior = run.posterior()
    posterior.save(folder)
    run.checkpoint_path.unlink()
    return posterior


class _Run:
    """The state of one training."""

    def __init__(self, config, folder):
        self.config = config
        self.checkpoint_path = folder / f"{config.name}.checkpoint"
        self.model = SEDModel(config.ssp)
        self.prior = Prior(config.prior)
        self.noise = _noise(config)
        # A short training does without more simulations for its preparations than it learns from.
        self.size = min(_BLOCK, config.simulations)
        raw, _, weight = self.pairs(
            _SCALING_BLOCK, min(_SCALING, config.simulations), recent=_RECENT
        )
        parent = load_posterior(config.start) if config.start else None
        self.scaling = scaling(raw) if parent is None else parent.scaling
        self.likeness = self.survey_likeness(raw, weight) if config.survey else None
        self.domain = self.training_domain()
        self.architecture = FlowConfig(
            kind=config.architecture,
            features=N_SHAPE,
            context=raw.shape[1],
            layers=config.layers,
            hidden=config.hidden,
            bins=config.bins,
            seed=config.seed,
        )
        torch.manual_seed(config.seed)
        self.device = "cuda" if torch.cuda.is_available() else "cpu"
        self.flow = build_flow(self.architecture).to(self.device)
        if parent is not None:
            self._begin_with(parent)
        self.estimator = FlowEstimator(self.flow)
        self.average = build_flow(self.architecture).to(self.device)
        self.average.load_state_dict(self.flow.state_dict())
        self.optimizer = torch.optim.AdamW(
            self.flow.parameters(), lr=config.learning_rate, weight_decay=1e-5, betas=(0.9, 0.98)
        )
        held_out = min(_HELD_OUT, config.simulations)
        self.held_out = self.tensors(*self.pairs(_HELD_OUT_BLOCK, held_out))
        self.worker = ThreadPoolExecutor(1)
        self.next_block = None
        self.seen, self.steps, self.seconds = 0, 0, 0.0
        self.history = []

    def _begin_with(self, parent):
        try:
            self.flow.load_state_dict(parent.flow.state_dict())
        except RuntimeError:
            raise SedflowError(
                f"{parent.name} has another shape ({parent.flow.config}), so training cannot begin "
                "with it; choose the same bands, layers, hidden and bins, or begin from nothing"
            ) from None

    def training_domain(self):
        rng = np.random.default_rng([self.config.seed, _DOMAIN_BLOCK])
        n = min(_SCALING, self.config.simulations)
        z = rng.uniform(*REDSHIFT_RANGE, n)
        flux = self.model.fast(self.noise.bands)(self.prior.sample(n, rng), z)
        return TrainingDomain.of_models(flux, z, self.noise.bands, REDSHIFT_RANGE)

    def survey_likeness(self, raw, weight):
        """Likeness of simulations to the NSA's galaxies, read from their inputs."""
        catalog = load_nsa()
        foreign = [band for band in self.noise.bands if band not in NSA_BANDS]
        if foreign:
            raise SedflowError(
                f"no galaxy of the NSA is seen in {', '.join(foreign)}, so simulations cannot be "
                "chosen for their likeness to them; set survey = 0"
            )
        galaxies = catalog.photometry(np.repeat(catalog.ids, _COPIES), self.noise.bands)
        rng = np.random.default_rng([self.config.seed, _SCALING_BLOCK, 1])
        kept = draw_presence(*galaxies.flux.shape, rng) & galaxies.present
        flux, sigma = (np.where(kept, a, np.nan) for a in (galaxies.flux, galaxies.sigma))
        seen = kept.any(1)
        survey = raw_features(flux[seen], sigma[seen], galaxies.redshift[seen], self.noise)
        return SurveyLikeness(
            standardise(survey, *self.scaling),
            standardise(raw, *self.scaling),
            weight,
            self.config.seed,
        )

    def pairs(self, block, n, recent=0.0):
        """Raw features (n, n_feature), x (n, 10), weights (n,): a function of seed and block."""
        rng = np.random.default_rng([self.config.seed, block])
        theta, flux, sigma, z, log_weight = draw_pairs(
            n, rng, self.prior, self.model, self.noise,
            nearness=_NEARNESS, presence=draw_presence, recent=recent,
        )  # fmt: skip
        raw = raw_features(flux, sigma, z, self.noise)
        weight = np.minimum(np.exp(log_weight), _MAX_WEIGHT)
        return raw, self.prior.to_unbounded(theta)[:, 1:], weight

    def block(self, k):
        """Block k of what is learnt from: x and standardised features, in random order."""
        raw, x, weight = self.pairs(k, _POOL * self.size, _RECENT)
        features = standardise(raw, *self.scaling)
        if self.likeness:
            share = self.config.survey
            weight = weight * (1.0 - share + share * self.likeness(features))
        rng = np.random.default_rng([self.config.seed, k, 1])
        rows = rng.permutation(systematic(weight / weight.sum(), self.size, rng))
        return self._tensors(x[rows], features[rows])

    def tensors(self, raw, x, weight):
        return self._tensors(x, standardise(raw, *self.scaling), weight)

    def _tensors(self, *arrays):
        return [torch.from_numpy(a.astype(np.float32)).to(self.device) for a in arrays]

    def train_block(self):
        start = time.monotonic()
        block = self.seen // self.size
        ready = self.next_block or self.worker.submit(self.block, block)
        x, context = ready.result()
        # The next block is simulated while the network learns from this one.
        self.next_block = self.worker.submit(self.block, block + 1)
        self.flow.train()
        losses = []
        for rows in torch.arange(len(x), device=self.device).split(self.config.batch):
            self._set_rates()
            loss = self.estimator.loss(x[rows], context[rows]).mean()
            self.optimizer.zero_grad(set_to_none=True)
            loss.backward()
            torch.nn.utils.clip_grad_norm_(self.flow.parameters(), self.config.clip)
            self.optimizer.step()
            self._update_average()
            losses.append(loss.detach())
            self.steps += 1
            self.seen += len(rows)
        self.seconds += time.monotonic() - start
        last = self.seen >= self.config.simulations
        if last or block % _HELD_OUT_EVERY == 0:
            self.held_out_log_prob = round(self.measure(), 4)
        self.history.append(
            {
                "first": block * self.size,
                "simulations": self.seen,
                "seconds": round(self.seconds, 1),
                "training_log_prob": round(-float(torch.stack(losses).mean()), 4),
                "held_out_log_prob": self.held_out_log_prob,  # of the last measurement
            }
        )

    def _set_rates(self):
        c = self.config
        done = min(self.seen / c.simulations, 1.0)
        rate = min(1.0, self.seen / c.warm_up) * (0.01 + 0.99 * 0.5 * (1 + np.cos(np.pi * done)))
        for group in self.optimizer.param_groups:
            group["lr"] = c.learning_rate * rate

    @torch.no_grad()
    def _update_average(self):
        keep = min(self.config.ema, (1 + self.steps) / (10 + self.steps))
        torch._foreach_lerp_(
            list(self.average.parameters()), list(self.flow.parameters()), 1.0 - keep
        )

    @torch.no_grad()
    def measure(self):
        """Mean log density [nats] of held-out pairs under the averaged weights."""
        x, context, weight = self.held_out
        parts = [
            self.average.log_prob(a, b)
            for a, b in zip(x.split(4096), context.split(4096), strict=True)
        ]
        return float((torch.cat(parts) * weight).sum() / weight.sum())

    def posterior(self):
        c = self.config
        record = {
            "name": c.name,
            "bands": list(self.noise.bands),
            "prior": c.prior,
            "ssp": {"name": self.model.grid.name, "sha256": self.model.grid.sha256},
            "redshift": list(REDSHIFT_RANGE),
            "parameters": parameter_table(),
            "architecture": self.architecture.to_dict(),
            "scaling": dict(
                zip(("centre", "half"), (a.tolist() for a in self.scaling), strict=True)
            ),
            "noise": self.noise.to_dict(),
            "noise_sha256": self.noise.sha256,
            "domain": asdict(self.domain),
            "training": {
                **asdict(c),
                "simulations_seen": self.seen,
                "minutes": round(self.seconds / 60, 2),
                "threads": torch.get_num_threads(),
                "curve": _thin(self.history),
            },
        }
        return AmortizedPosterior(self.average.cpu(), record)

    def checkpoint(self):
        """Write all of the state to one file, replacing the last only when it is complete."""
        tensors = {f"flow.{k}": v for k, v in self.flow.state_dict().items()}
        tensors |= {f"average.{k}": v for k, v in self.average.state_dict().items()}
        names = {p: n for n, p in self.flow.named_parameters()}
        for parameter, state in self.optimizer.state.items():
            for key, value in state.items():
                tensors[f"adam.{names[parameter]}.{key}"] = torch.as_tensor(value)
        state = {
            "config": asdict(self.config),
            "seen": self.seen,
            "steps": self.steps,
            "seconds": self.seconds,
            "history": self.history,
        }
        partial = self.checkpoint_path.with_suffix(".partial")
        save_file(
            {k: v.detach().cpu().contiguous() for k, v in tensors.items()},
            partial,
            metadata={"state": json.dumps(state)},
        )
        os.replace(partial, self.checkpoint_path)

    def resume(self):
        if not self.checkpoint_path.exists():
            return
        from safetensors import safe_open

        with safe_open(self.checkpoint_path, "pt") as file:
            state = json.loads(file.metadata()["state"])
        mine = json.loads(json.dumps(asdict(self.config)))  # as JSON has it: lists, not tuples
        if state["config"] != mine:
            changed = [k for k, v in mine.items() if state["config"].get(k) != v]
            raise SedflowError(
                f"{self.checkpoint_path} belongs to a training with other {', '.join(changed)}; "
                "finish that one, choose another folder, or delete the file"
            )
        tensors = load_file(self.checkpoint_path, device=self.device)

        def part(prefix):
            return {k[len(prefix) :]: v for k, v in tensors.items() if k.startswith(prefix)}

        self.flow.load_state_dict(part("flow."))
        self.average.load_state_dict(part("average."))
        adam = part("adam.")
        for name, parameter in self.flow.named_parameters():
            keys = ("step", "exp_avg", "exp_avg_sq")
            self.optimizer.state[parameter] = {k: adam[f"{name}.{k}"] for k in keys}
        self.seen, self.steps = state["seen"], state["steps"]
        self.seconds, self.history = state["seconds"], state["history"]
        self.held_out_log_prob = self.history[-1]["held_out_log_prob"]


def _noise(config):
    """The noise model of the configuration, in its bands."""
    bands = tuple(config.bands)
    if not config.noise:
        foreign = [band for band in bands if band not in NSA_BANDS]
        if foreign:
            raise SedflowError(
                f"the errors of the NSA say nothing of {', '.join(foreign)}; give noise, the path "
                "of a NoiseModel of your own"
            )
        return nsa_noise(bands)
    try:
        noise = NoiseModel.from_dict(json.loads(Path(config.noise).read_text()))
    except (OSError, ValueError, LookupError, TypeError) as error:
        raise SedflowError(
            f"{config.noise} is not a noise model ({error}); write json.dumps(NoiseModel.to_dict())"
        ) from None
    foreign = [band for band in bands if band not in noise.bands]
    if foreign:
        raise SedflowError(
            f"{config.noise} has no {', '.join(foreign)}; it has {', '.join(noise.bands)}"
        )
    return noise.select(bands)


def _thin(history, n=100):
    """About n rows of the learning curve, the last among them."""
    step = max(1, len(history) // n)
    rows = history[::step]
    return rows if not history or rows[-1] is history[-1] else [*rows, history[-1]]
