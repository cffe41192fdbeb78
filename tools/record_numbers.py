"""Hashes of what the library computes, to hold a refactoring to: same machine, same numbers.

    python tools/record_numbers.py runs/before.json
    python tools/record_numbers.py runs/after.json --against runs/before.json

For 200 galaxies of the atlas and 200 mocks (`--galaxies`): draws, weights, verdict, derived
quantities, histories and predicted fluxes of `sedflow.fit`. The last bits depend on the machine's
linear algebra, so the hashes are compared on one machine and not kept.
"""

import argparse
import hashlib
import json
import sys
from pathlib import Path

import numpy as np

import sedflow

_DRAWS, _SEED = 1000, 17


def galaxies(posterior, n):
    """The photometry to fit: label -> Photometry of one galaxy."""
    nsa = sedflow.load_nsa()
    rng = np.random.default_rng(_SEED)
    for nsaid in sorted(rng.choice(nsa.ids, n, replace=False).tolist()):
        yield f"nsa {nsaid}", nsa.photometry(nsaid, posterior.bands)
    _, mocks = sedflow.simulate(n, seed=_SEED)
    for k in range(n):
        yield f"mock {k}", mocks[k].in_bands(posterior.bands)


def digest(*values) -> str:
    """Hash of numbers and texts."""
    out = hashlib.blake2b(digest_size=8)
    for value in values:
        array = np.asarray(value)
        out.update(str(value).encode() if array.dtype.kind in "OU" else array.tobytes())
    return out.hexdigest()


def numbers(galaxy, posterior) -> dict[str, str]:
    """Hashes of everything that a fit holds."""
    fit = sedflow.fit(galaxy, posterior, n=_DRAWS, seed=_SEED, trust="weights")
    verdict = fit.verdict
    return {
        "draws": digest(fit.draws.theta, fit.draws.log_density),
        "weights": digest(fit.draws.weights),
        "verdict": digest(*(getattr(verdict, n) for n in ("k_hat", "ess", "gap", "log_evidence"))),
        "kind": str(verdict.kind),
        "derived": digest(*fit.derived.values()),
        "history": digest(fit.history.edges, fit.history.sfr, fit.history.zh),
        "predicted": digest(fit.predicted.flux),
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("output", type=Path)
    parser.add_argument("--galaxies", type=int, default=200, help="Of the atlas; as many mocks.")
    parser.add_argument("--against", type=Path, help="A record to compare with.")
    arguments = parser.parse_args()
    posterior = sedflow.load_posterior()
    chosen = galaxies(posterior, arguments.galaxies)
    record = {label: numbers(galaxy, posterior) for label, galaxy in chosen}
    arguments.output.parent.mkdir(parents=True, exist_ok=True)
    arguments.output.write_text(json.dumps(record, indent=1) + "\n")
    if arguments.against is None:
        return
    before = json.loads(arguments.against.read_text())
    differ = [
        f"{label}: {name}"
        for label in before
        for name in before[label]
        if before[label][name] != record.get(label, {}).get(name)
    ]
    print("\n".join(differ[:20]) or "no differences")
    print(f"{len(differ)} of {sum(map(len, before.values()))} hashes differ")
    sys.exit(bool(differ))


if __name__ == "__main__":
    main()
