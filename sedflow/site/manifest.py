"""What the site knows of itself: `data/site.json`."""

import json
from dataclasses import asdict
from importlib import resources
from typing import Any

import numpy as np

from sedflow import palette
from sedflow.bands import load_band, names_of
from sedflow.dashboard.presets import START
from sedflow.files.hashes import sha256_of
from sedflow.model import cosmology
from sedflow.model.derived import DERIVED, quantities_of
from sedflow.model.floors import RECOMMENDED
from sedflow.model.likelihood import UNDERSTATED, chi2_limit
from sedflow.model.sed import MAX_REDSHIFT
from sedflow.network.posterior import AmortizedPosterior
from sedflow.parameters import PARAMETERS
from sedflow.sampling.edges import Edge, edges_of
from sedflow.sampling.misfit import MISFIT_BELOW, PValueTable
from sedflow.sampling.verdict import KINDS
from sedflow.site.shared import shared
from sedflow.trust_limits import JUDGED_ON, K_HAT_MAX, MIN_ESS

FORMAT = 2
_NODES, _NEAR = 51, 1e-4  # redshifts of the distance moduli: how many, and the first


def about(posterior: AmortizedPosterior, version: str) -> dict[str, Any]:
    """All of the manifest but its graphs and files."""
    model, record = posterior.model, posterior.record
    return {
        "format": FORMAT,
        "version": version,
        "made_with": f"sedflow-explorer {version}",
        "network": {
            "name": posterior.name,
            "bands": [_band(name) for name in posterior.bands],
            "redshift": list(posterior.domain.redshift),
            "sha256": record["weights_sha256"],
            "record_sha256": posterior.record_sha256,
            "prior": posterior.prior.sfh,
        },
        "grid": {
            "name": model.grid.name,
            "sha256": record["ssp"]["sha256"],
            "provenance": model.grid.provenance,
            "max_redshift": model.max_redshift(posterior.bands),
        },
        "parameters": [
            {
                "name": p.name,
                "label": p.label,
                "unit": p.unit,
                "low": float(p.low),
                "high": float(p.high),
                "default": START[p.name],
                "help": p.help,
            }
            for p in PARAMETERS
        ],
        "quantities": [
            {"name": q.name, "label": q.label, "unit": q.unit, "help": q.help}
            for q in quantities_of(model)
            if q in DERIVED
        ],
        **shared(posterior),
        "units": {
            "flux": "nanomaggies",
            "spectrum": "1e-17 erg/s/cm2/A",
            "wave": "A, observed frame, vacuum",
            "time": "Gyr, look-back, edges of the bins",
            "sfr": "Msun/yr, in each bin",
            "metallicity": "metal mass fraction of the stars formed in each bin",
            "formed": "share of the mass that had formed at each edge",
        },
        "limits": {
            "k_hat_max": K_HAT_MAX,
            "min_ess": MIN_ESS,
            "judged_on": JUDGED_ON,
            "misfit_below": MISFIT_BELOW,
            "chi2": [chi2_limit(n) for n in range(1, len(posterior.bands) + 1)],
            "understated": UNDERSTATED,
            "edges": [_edge(edge) for edge in edges_of(posterior.prior)],
        },
        "kinds": [asdict(kind) for kind in KINDS],
        "palette": _palette(),
        "p_values": _p_values(posterior.p_values),
        "domain": _domain(posterior),
        "noise": record["noise"],
        "vendor": vendored(),
        "licences": [
            {
                "what": "SEDflow Explorer",
                "licence": "BSD-3-Clause",
                "file": "vendor/sedflow.LICENSE",
            },
            *(
                {"what": v["name"], "licence": v["licence"], "file": f"vendor/{v['licence_file']}"}
                for v in vendored()
            ),
        ],
    }


def sealed(manifest: dict[str, Any]) -> bytes:
    """The file of a manifest; its own hash, of the text with zeros in its place, comes first."""
    rest = {name: value for name, value in manifest.items() if name != "sha256"}
    zeros = "0" * 64
    text = as_json({"sha256": zeros} | rest)
    return text.replace(zeros.encode(), sha256_of(text).encode(), 1)


def as_json(document: Any) -> bytes:
    """A document as a browser gets it."""
    return json.dumps(document, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode()


def vendored() -> list[dict]:
    """Name, version, licence and hashes of what the site brings from others."""
    path = resources.files("sedflow.site") / "vendor" / "vendor.json"
    return json.loads(path.read_text())


def _band(name):
    band = load_band(name)
    low, high = band.extent
    return {
        "name": name,
        "also": [one for one in names_of(name) if one != name],
        "label": name,
        "wave_a": round(band.pivot, 2),
        "width_a": round(high - low, 2),
        "low_a": round(low, 2),
        "high_a": round(high, 2),
    }


def _p_values(table: PValueTable | None):
    if table is None:
        return None
    return {
        "snr": table.snr.tolist(),
        "levels": table.levels.tolist(),
        "quantiles": {str(n): rows.tolist() for n, rows in table.quantiles.items()},
    }


def _edge(edge: Edge):
    return {name: value for name, value in asdict(edge).items() if name != "share"}


def _domain(posterior: AmortizedPosterior):
    """The ranges of training, and what the words on a galaxy outside of them need."""
    return asdict(posterior.domain) | {
        "floors": {band: RECOMMENDED[band] for band in posterior.bands if band in RECOMMENDED},
        "max_redshift": MAX_REDSHIFT,
        "modulus": _modulus(),
    }


def _modulus():
    """Distance modulus less 5 log10 of the redshift: nearly straight, so few nodes are enough."""
    redshift = np.linspace(0.0, MAX_REDSHIFT, _NODES)
    redshift[0] = _NEAR
    distance = cosmology.luminosity_distance_cm(redshift) / cosmology.MPC_CM
    above = 5 * np.log10(distance / redshift) + 25
    return {"redshift": redshift.round(6).tolist(), "above_log": above.round(5).tolist()}


def _palette():
    """The colours of `sedflow.palette`, by what they show."""
    return {
        "light": palette.LIGHT,
        "dark": palette.DARK,
        "sets": palette.SETS,
        "filters": palette.FILTERS,
        "series": list(palette.SERIES),
        **{
            name.lower(): getattr(palette, name)
            for name in ("MODEL", "DATA", "PREDICTED", "SELECTED", "OTHER", "TRUTH", "TEXT")
        },
    }
