"""A run of a catalogue that nobody inferred: known masses, and draws with Gaussian errors.

It has the files of `sedflow infer --keep`, partition by partition, so that what reads runs can be
measured at any size. All but the mass of a galaxy is one draw of the prior, repeated.
"""

import json
from pathlib import Path

import numpy as np
import pandas as pd

import sedflow
from sedflow.catalogue import infer, part
from sedflow.catalogue.ledger import Ledger
from sedflow.catalogue.manifest import FORMAT
from sedflow.catalogue.start import hashed
from sedflow.files.hashes import sealed
from sedflow.parameters import index
from sedflow.population.mocks import SCHECHTER
from sedflow.sampling.verdict import VERDICTS

__all__ = ["write_run"]

_PART_ROWS = 1000  # as sedflow infer has them at most
_ERRORS = (0.1, 0.3)  # dex


def write_run(out: Path, n: int, draws: int, seed: int = 1) -> None:
    """Write a run of n galaxies, each with that number of draws, into an empty folder."""
    posterior = sedflow.load_posterior()
    manifest = hashed(
        {
            "format": FORMAT,
            "catalogue": {"name": "synthetic", "rows": n, "sha256": "0" * 64},
            "weights": {
                "name": posterior.name,
                "sha256": posterior.record["weights_sha256"],
                "record_sha256": posterior.record_sha256,
                "bands": list(posterior.bands),
            },
            "settings": {
                "n": draws,
                "seed": seed,
                "trust": "weights",
                "keep": draws,
                "part_rows": _PART_ROWS,
            },
            "versions": {"sedflow": sedflow.__version__},
        }
    )
    out.mkdir(parents=True, exist_ok=True)
    document = sealed({**manifest, "id_kind": "int", "assumptions": []})
    (out / "manifest.json").write_text(json.dumps(document))
    for kind in ("results", "draws"):
        (out / kind).mkdir(exist_ok=True)
    ledger, rng = Ledger(out, manifest["run"]), np.random.default_rng(seed)
    for number, start in enumerate(range(0, n, _PART_ROWS)):
        rows = np.arange(start, min(start + _PART_ROWS, n))
        ledger.add(_part(out, manifest, number, rows, draws, posterior.prior, rng))


def _part(out, manifest, number, rows, draws, prior, rng):
    """Write one partition; its entry in the ledger."""
    n = len(rows)
    frame = pd.DataFrame(
        {
            "row": rows,
            "id": pd.array(rows, dtype="Int64"),
            "status": pd.array(["ok"] * n, dtype="string"),
            "verdict": pd.array([str(VERDICTS[0])] * n, dtype="string"),
            "reason": pd.array([""] * n, dtype="string"),
            "redshift": rng.uniform(0.01, 0.05, n),
        }
    )
    theta = np.repeat(prior.sample(n, rng).astype(np.float32)[:, None], draws, axis=1)
    sigma = rng.uniform(*_ERRORS, n)
    middle = SCHECHTER.sample(n, rng)[:, 0] + sigma * rng.standard_normal(n)
    theta[..., index("log_mstar")] = middle[:, None] + sigma[:, None] * rng.standard_normal(
        (n, draws)
    )
    job = part.PartJob(
        number, int(rows[0]), int(rows[-1]) + 1, str(out), None, "", "", draws, 1, "weights",
        draws, "int", manifest["run"], "", (),
    )  # fmt: skip
    files = {"draws": part._write(job, "draws", part._arrow_draws(frame, theta, "int"))}
    counts = json.dumps(infer.count_rows(frame))
    files["results"] = part._write(job, "results", part._arrow(frame, "int"), counts)
    ends = {"first_id": int(rows[0]), "last_id": int(rows[-1])}
    return {"part": number, "rows": n, **ends, "input": "0" * 64, "files": files}
