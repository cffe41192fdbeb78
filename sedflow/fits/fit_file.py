"""What the file of a fit has: its data, draws, verdict and prior, and which model made it."""

from collections.abc import Callable
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from sedflow import __version__
from sedflow.curve_hashes import check_curves, own_curves
from sedflow.draws import Draws
from sedflow.errors import BadFitFile, UnknownBand, check_like
from sedflow.files.packaged import SSP_NAMES
from sedflow.files.paths import as_path
from sedflow.fits import store
from sedflow.fits.structure import check_structure, todays_verdict
from sedflow.model.sed import SEDModel, default_model
from sedflow.parameters import PARAMETERS, Prior
from sedflow.photometry import Photometry
from sedflow.sampling.verdict import Verdict

__all__ = ["read", "write"]

_VERSIONED = ("numpy", "onnxruntime", "astropy")  # with sedflow itself: what the figures depend on
_Kind = TypeVar("_Kind")
#: What the columns of a data set are, for whoever opens the file without sedflow.
_ABOUT = {
    "draws/theta": {
        "columns": [p.name for p in PARAMETERS],
        "units": [str(p.column_unit) for p in PARAMETERS],
    }
}


def write(path: str | Path, fit: Any) -> Path:
    """Write a fit, replacing a file of that name; returns the path."""
    return store.write(path, _contents(fit), _ABOUT)


def read(path: str | Path, kind: Callable[..., _Kind], model: SEDModel | None = None) -> _Kind:
    """A fit as `write` wrote it.

    kind : the class of fits, called with what the file has
    model : taken as it is; default, that of the packaged grid that the file names. The draws of
        another model are then proposals, unchecked.

    Raises
    ------
    BadFitFile
    """
    path = as_path(path, BadFitFile)
    if model is not None:
        check_like("model", model, "grid", "a sedflow.SEDModel")
    values = todays_verdict(store.read(path))
    about = store.below(values, "model")
    versions = store.below(values, "versions")
    try:
        parts = {
            name: store.build(kind, store.below(values, name))
            for name, kind in (("photometry", Photometry), ("draws", Draws), ("verdict", Verdict))
        }
        check_structure(**parts)
        if not all(isinstance(band, str) for band in about["bands"]):
            raise ValueError("model/bands are not names")
        prior = Prior(values["prior"])
        rest = {k: v for k, v in values.items() if "/" not in k and k != "prior"}
        load = _model(about, path) if model is None else model
        if not _is_of(about, load):  # what was found of the draws is not of this model
            parts |= {"draws": _proposals(parts["draws"], about, load, path), "verdict": None}
        curves = store.below(values, "curves") or {"names": (), "sha256": ()}
        stored = dict(zip(curves["names"], curves["sha256"], strict=True))
        bands = dict.fromkeys((*parts["photometry"].bands, *load.bands))
        check_curves(stored, bands, f"the fit in {path}", BadFitFile)
        return kind(**parts, **rest, prior=prior, model=load)
    except BadFitFile:
        raise
    except UnknownBand as error:
        raise BadFitFile(
            f"{path} has a band without its curve: {error}; put the file back, or add the curve "
            "with sedflow.add_band"
        ) from None
    except (AttributeError, LookupError, TypeError, ValueError) as error:
        raise BadFitFile(
            f"{path} was written by sedflow {versions.get('sedflow', '?')} and does not fit "
            f"sedflow {__version__} ({error}); read it with the version that wrote it, or "
            "fit again"
        ) from error


def _contents(fit):
    """All that is stored, by the name of its data set; None is left out."""
    grid = fit.model.grid
    out = {f"versions/{name}": version(name) for name in _VERSIONED}
    out |= {
        "versions/sedflow": __version__,
        "prior": fit.prior.sfh,
        "model/ssp": grid.name,
        "model/ssp_sha256": grid.sha256,
        "model/ssp_shape": grid.luminosity.shape,
        "model/ssp_directions": grid.traits,
        "model/birth_cloud_age_gyr": fit.model.birth_cloud_age_gyr,
        "model/bands": fit.model.bands,
    }
    curves = own_curves(dict.fromkeys((*fit.photometry.bands, *fit.model.bands)))
    if curves:
        out |= {"curves/names": (*curves,), "curves/sha256": (*curves.values(),)}
    stored = replace(fit, draws=fit.draws.without_flux())
    return out | store.flatten(stored, skip=("model", "prior"))


def _is_of(about, model):
    """Whether a model is the one that a file tells about."""
    grid = model.grid
    if about["birth_cloud_age_gyr"] != model.birth_cloud_age_gyr:
        return False
    if "ssp_directions" in about:  # not in files of before they were kept
        return grid.is_of(about["ssp_shape"], about["ssp_directions"])
    stored = (about["ssp_sha256"], about["ssp_shape"])
    return bool(stored[0]) and stored == (grid.sha256, grid.luminosity.shape)


def _proposals(draws, about, model, path):
    """Draws of another model, to be weighted to this one: no weights and no figures of theirs."""
    density = draws.log_density
    if density is None or np.isnan(density).any():
        raise BadFitFile(
            f"{path} holds draws from the posterior with the grid {about['ssp']!r}, which do not "
            f"state their density, so that they say nothing of {model.grid.name!r}; fit again with "
            "that model, or load the fit with the model that it was made with"
        )
    return replace(draws, weights=None, importance=None, convergence=None)


def _model(about, path):
    """The model of the packaged SSP grid that a file tells about."""
    name = about["ssp"]
    remedy = (
        "pass model=SEDModel(...) of the grid that the fit was made with (or any other, to weight "
        "its draws to that one by reweight), or models=[SEDModel(...)] where a comparison is loaded"
    )
    if name not in SSP_NAMES:
        raise BadFitFile(
            f"{path} was made with the SSP grid {name!r} (sha256 {about['ssp_sha256'][:12]}...), "
            f"which is none of the packaged {', '.join(SSP_NAMES)}; {remedy}"
        )
    model = default_model(name)
    # A rebinned grid keeps the hash of the file that it came from, but not the shape.
    stored = (about["ssp_sha256"], about["ssp_shape"])
    if stored != (model.grid.sha256, model.grid.luminosity.shape):
        of = f"of sha256 {stored[0][:12]}..." if stored[0] else "that was made of arrays"
        raise BadFitFile(
            f"{path} was made with an SSP grid {name!r} {of} and shape {stored[1]}, but the "
            f"packaged one has {model.grid.sha256[:12]}... and {model.grid.luminosity.shape}; "
            f"{remedy}"
        )
    special = {key: about[key] for key in ("birth_cloud_age_gyr", "bands")}
    if any(getattr(model, key) != value for key, value in special.items()):
        return SEDModel(model.grid, **special)
    return model
