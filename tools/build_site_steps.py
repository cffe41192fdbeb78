"""Build sedflow/site/graphs/steps.json: how finely the static site keeps the network's tensors.

    python tools/build_site_steps.py            # measures, writes, and says how far draws move
    python tools/build_site_steps.py --only     # says it for the steps that there are

Each tensor is rounded to whole multiples of a step of its own. How much noise in it moves draws is
measured; the steps then move them least for a file of `BYTES`: the square of a step goes as the
number of a tensor's values over what noise in one of them does.
"""

import argparse
import json
import struct
import tempfile
from pathlib import Path

import numpy as np
from scipy.special import ndtr

import sedflow
from sedflow.files.packaged import checked_path
from sedflow.network.runtime import GraphFlow
from sedflow.parameters import HIGH, LOW
from sedflow.site.planes import stepped

OUT = Path(__file__).parents[1] / "sedflow" / "site" / "graphs" / "steps.json"
NETWORK = "nsa-ugriz-fsps"
BYTES = 3_180_000  # of the packed file: what the 8 MB of the site leave
GALAXIES, DRAWS = 40, 80  # to measure with: sharp maps are rare among galaxies, not among draws
_PART = 1 / 64  # of a tensor's own scatter: noise to measure with


class Draws:
    """Draws of some galaxies by a network whose tensors may be other ones."""

    def __init__(self, posterior, seed):
        nsa = sedflow.load_nsa()
        rng = np.random.default_rng(seed)
        self.posterior = posterior
        self.galaxies = [nsa[int(i)] for i in rng.choice(nsa.ids, GALAXIES, replace=False)]
        self.base = rng.standard_normal((DRAWS, 11)).astype(np.float32)
        self.graph = checked_path(f"{NETWORK}.draw.onnx").read_bytes()
        self.context = [posterior.context(galaxy) for galaxy in self.galaxies]

    def quantiles(self, content: bytes) -> np.ndarray:
        """Of the prior (galaxies, draws, 10): each dimension from 0 to 1."""
        with tempfile.TemporaryDirectory() as folder:
            flow = self._flow(folder, content)
            return np.array([ndtr(flow.to_x(self.base[:, 1:], c)[0]) for c in self.context])

    def theta(self, content: bytes, base) -> np.ndarray:
        """Parameters (galaxies, n, 12), each from 0 to 1 of its range."""
        own = self.posterior._flow
        with tempfile.TemporaryDirectory() as folder:
            self.posterior._flow = self._flow(folder, content)
            drawn = [self.posterior.push(base, galaxy).theta for galaxy in self.galaxies]
        self.posterior._flow = own
        return (np.array(drawn) - LOW) / (HIGH - LOW)

    def _flow(self, folder, content):
        path = Path(folder) / f"{NETWORK}.safetensors"
        path.write_bytes(content)
        return GraphFlow(self.graph, b"", path)


def tensors(content: bytes) -> dict[str, slice]:
    """Where each tensor's values are, in single precision, after the head; by name."""
    head = 8 + struct.unpack("<Q", content[:8])[0]
    header = json.loads(content[8:head])
    header.pop("__metadata__", None)
    return {
        name: slice(head + start, head + end)
        for name, one in header.items()
        for start, end in [one["data_offsets"]]
    }


def sensitivities(draws: Draws, content: bytes) -> dict[str, float]:
    """Mean square by which draws move, over the variance of noise in every value of a tensor."""
    rng = np.random.default_rng(1)
    known, found = draws.quantiles(content), {}
    for name, place in tensors(content).items():
        values = np.frombuffer(content[place], "<f4")
        size = max(_PART * float(values.std()), 1e-6)
        noise = size * rng.standard_normal(values.size)
        moved = bytearray(content)
        moved[place] = (values + noise).astype("<f4").tobytes()
        off = draws.quantiles(bytes(moved)) - known
        found[name] = float(np.square(off).mean() / size**2)
    return found


def shared_out(content: bytes, moves: dict[str, float]) -> dict[str, float]:
    """Steps that make the packed file as long as `BYTES`, at most."""
    count = {name: (place.stop - place.start) // 4 for name, place in tensors(content).items()}
    relative = {name: np.sqrt(count[name] / max(move, 1e-12)) for name, move in moves.items()}
    low, high = -30.0, 0.0  # log of the factor: too many bytes, and too few
    while high - low > 0.005:
        middle = (low + high) / 2
        steps = {name: float(np.exp(middle)) * size for name, size in relative.items()}
        if len(stepped(content, steps).packed) > BYTES:
            low = middle
        else:
            high = middle
    return {name: float(f"{np.exp(high) * size:.4g}") for name, size in relative.items()}


def report(posterior, content: bytes, steps: dict[str, float]) -> None:
    """Print how far draws move that no step was measured with."""
    draws = Draws(posterior, seed=2)
    base = np.random.default_rng(3).standard_normal((1000, 11)).astype(np.float32)
    kept = stepped(content, steps)
    off = np.abs(draws.theta(kept.content, base) - draws.theta(content, base))
    worst = off.max((1, 2))
    print(
        f"{len(kept.packed):,} bytes; of 1,000 draws of {GALAXIES} galaxies, in parts of a range:"
    )
    print(
        f"  rms {np.sqrt(np.square(off).mean()):.1e}, 99.9 % below {np.quantile(off, 0.999):.1e},"
    )
    print(
        f"  largest {worst.max():.1e}, median over galaxies of the largest {np.median(worst):.1e}"
    )


def main() -> None:
    """Measure, write the steps, and report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", action="store_true")
    args = parser.parse_args()
    posterior = sedflow.load_posterior(NETWORK)
    content = checked_path(f"{NETWORK}.safetensors").read_bytes()
    if args.only:
        steps = json.loads(OUT.read_text())["steps"]
    else:
        moves = sensitivities(Draws(posterior, seed=1), content)
        steps = shared_out(content, moves)
        document = {"network": NETWORK, "record_sha256": posterior.record_sha256, "steps": steps}
        OUT.write_text(json.dumps(document, indent=1) + "\n")
    report(posterior, content, steps)


if __name__ == "__main__":
    main()
