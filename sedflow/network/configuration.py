"""What decides how a network is trained, and the configurations of the packaged networks.

A network of a packaged name has two: one that takes an hour or two on a processor core, and one
of twenty times as many simulations for a GPU, with larger batches and a wider embedding. Either
runs on either device.
"""

import json
import math
import re
from dataclasses import dataclass

from sedflow.atlas.catalog import NSA_BANDS
from sedflow.bands import UGRIZ, as_bands
from sedflow.errors import BadParameters, SedflowError, check_kind
from sedflow.files.regular import regular_file
from sedflow.model.noise import NoiseModel
from sedflow.model.simulation import nsa_noise
from sedflow.whole_numbers import as_whole

UV_TO_Z = ("FUV", "NUV", *UGRIZ)

#: What the packaged networks are trained on; other names are free.
NETWORKS: dict[str, dict] = {
    "nsa-ugriz-fsps": {},
    "nsa-uv-bc03": {"ssp": "bc03", "bands": UV_TO_Z},
    "nsa-ugriz-fsps-gas": {"ssp": "fsps-gas", "start": "nsa-ugriz-fsps"},
    "nsa-ugriz-bc03": {"ssp": "bc03", "start": "nsa-ugriz-fsps"},
}

# What a device asks for beside that: a core has time for few simulations in small batches, and a
# GPU is idle in small ones. Wider embeddings cost a core a tenth of its time, a GPU nothing.
_BY_DEVICE: dict[str, dict] = {
    "cpu": {},
    "cuda": {
        "simulations": 201_326_592,
        "batch": 8192,
        "block": 262_144,
        "learning_rate": 1.6e-3,
        "warm_up": 16_384_000,
        "final_rate": 0.003,
        "ema": 0.9998,
        "embedding": 192,
        "embedding_hidden": 512,
    },
}
_LENGTHS: dict[tuple[str, str], dict] = {
    ("cpu", "nsa-uv-bc03"): {"simulations": 10_000_000},
    ("cuda", "nsa-uv-bc03"): {"simulations": 109_051_904},
    ("cpu", "nsa-ugriz-bc03"): {
        "simulations": 3_000_000,
        "learning_rate": 6e-4,
        "warm_up": 100_000,
    },
    ("cpu", "nsa-ugriz-fsps-gas"): {
        "simulations": 2_500_000,
        "learning_rate": 6e-4,
        "warm_up": 100_000,
    },
    ("cuda", "nsa-ugriz-fsps-gas"): {
        "simulations": 75_497_472,
        "learning_rate": 8e-4,
        "warm_up": 2_097_152,
    },
    ("cuda", "nsa-ugriz-bc03"): {
        "simulations": 75_497_472,
        "learning_rate": 8e-4,
        "warm_up": 2_097_152,
    },
}
_NAME = r"[\w+-][\w.+-]{0,99}"
#: Sizes of a configuration, and what they may be; larger networks would not fit in memory.
_SIZES = {
    "simulations": (10, 10**12),
    "batch": (1, 10**7),
    "block": (1, 10**8),
    "pool": (1, 1000),
    "layers": (1, 500),
    "hidden": (1, 4096),
    "bins": (1, 256),
    "embedding": (1, 4096),
    "embedding_hidden": (1, 4096),
}
_FROM_PARENT = ("embedding", "embedding_hidden")  # what a network that begins with another takes


@dataclass(frozen=True)
class TrainingConfig:
    """How a network is trained; everything that decides the result, but for the device.

    The defaults are those of a processor core; `named` gives those of a packaged name.

    simulations : from how many the network learns; they are the schedule, too
    batch : simulations of a gradient step
    block : simulations that are chosen from a pool at a time
    pool : times as many simulations are made as are chosen
    alike : how many times more often at most one is chosen that looks like the NSA's galaxies;
        a larger number needs a larger pool, or blocks repeat the same simulations
    learning_rate : at its height. It grows in proportion for the first `warm_up` simulations,
        though not for more than a fifth of all, and follows a cosine to the share `final_rate`
    ema : the weights of the network are a running average, in which the last keep this share
    clip : largest norm of a gradient
    architecture : "coupling" (`flow.CouplingFlow`), or "maf", the network of Hahn & Melchior
        (2022): `layers` MADE blocks, `hidden` wide
    embedding, embedding_hidden : width of what the flow is given of a galaxy, and of the layers
        that make it; None: as in the network to begin with, or 128 and 256
    noise : path of a JSON file, `NoiseModel.to_dict()`, that holds the bands; default the NSA's
    survey : share of the simulations chosen for their likeness to the NSA's galaxies; 0 if the
        bands are not the NSA's
    start : name or path of a network of the same shape to begin with, its scaling included
    """

    name: str = "nsa-ugriz-fsps"
    simulations: int = 14_000_000
    batch: int = 1024
    block: int = 65_536
    pool: int = 3
    alike: float = 20.0
    learning_rate: float = 1.2e-3
    warm_up: int = 500_000
    final_rate: float = 0.01
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
    embedding: int | None = None
    embedding_hidden: int | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.name, str) or not re.fullmatch(_NAME, self.name):
            raise BadParameters(
                f"name = {str(self.name)[:60]!r}; give up to 100 letters, digits, dots or hyphens: "
                "they begin the names of the files that are written"
            )
        for name, (low, high) in _SIZES.items():
            if getattr(self, name) is not None or name not in _FROM_PARENT:
                as_whole(name, getattr(self, name), low, high)
        as_whole("warm_up", self.warm_up, 0)
        as_whole("seed", self.seed, 0, 2**63 - 1)
        for name in ("alike", "learning_rate"):
            check_kind(name, getattr(self, name), (int, float), "a number", BadParameters)
        if not 1 <= self.alike < math.inf:
            raise BadParameters(f"alike = {self.alike!r}; give a number from 1, as 20")
        object.__setattr__(self, "bands", as_bands(self.bands))
        if len(set(self.bands)) < len(self.bands):
            raise BadParameters(
                f"bands = {', '.join(self.bands)}: one is there twice; give each once"
            )
        if not 0 < self.learning_rate < 1:
            raise BadParameters(
                f"learning_rate = {self.learning_rate!r}; give a number between 0 and 1, as 1e-3"
            )

    @classmethod
    def named(cls, name: str, device: str = "cpu", **options) -> "TrainingConfig":
        """That of a packaged network, or the default under another name; options override.

        device : "cpu" or "cuda", whose defaults are taken
        """
        made = {**_BY_DEVICE[device], **NETWORKS.get(name, {}), **_LENGTHS.get((device, name), {})}
        made = {**made, **options}
        if made.get("architecture") == "maf":
            made = {"layers": 15, "hidden": 500, **made}
        if made.get("start"):
            made = {k: v for k, v in made.items() if k in options or k not in _FROM_PARENT}
        return cls(**{"name": name, **made})

    def rate(self, seen: int) -> float:
        """Learning rate after this many simulations."""
        done = min(seen / self.simulations, 1.0)
        warm_up = min(self.warm_up, self.simulations / 5)
        cosine = 0.5 * (1.0 + math.cos(math.pi * done))
        rising = min(1.0, seen / warm_up) if warm_up else 1.0
        return self.learning_rate * rising * (self.final_rate + (1.0 - self.final_rate) * cosine)


def noise_of(config: TrainingConfig) -> NoiseModel:
    """The noise model of the configuration, in its bands.

    Raises
    ------
    SedflowError
        There is no noise model of these bands.
    """
    bands = as_bands(config.bands)
    if not config.noise:
        foreign = [band for band in bands if band not in NSA_BANDS]
        if foreign:
            raise SedflowError(
                f"the errors of the NSA say nothing of {', '.join(foreign)}; give noise, the path "
                "of your own NoiseModel"
            )
        return nsa_noise(bands)
    path = regular_file(config.noise)
    try:
        noise = NoiseModel.from_dict(json.loads(path.read_text()))
        NoiseModel.from_dict(noise.to_dict())  # as the record of the network will have it
    except (OSError, ValueError, LookupError, TypeError, RecursionError) as error:
        raise SedflowError(
            f"{config.noise} is not a noise model ({error}); write json.dumps(NoiseModel.to_dict())"
        ) from None
    foreign = [band for band in bands if band not in noise.bands]
    if foreign:
        raise SedflowError(
            f"{config.noise} has no {', '.join(foreign)}; it has {', '.join(noise.bands)}"
        )
    return noise.select(bands)
