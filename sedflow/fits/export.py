"""Fits in other people's tools: ArviZ, and astropy tables in FITS, ECSV, VOTable and Parquet."""

import warnings
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from sedflow import __version__
from sedflow.errors import SedflowError, needs
from sedflow.files.paths import as_path
from sedflow.files.writing import replacing
from sedflow.model.likelihood import pulls
from sedflow.parameters import PARAMETERS

__all__ = ["TABLE_FORMATS", "check_table_path", "to_arviz", "to_table"]

#: Extensions that `to_table` writes, and the names of their formats in astropy.
TABLE_FORMATS = {
    ".fits": "fits",
    ".ecsv": "ascii.ecsv",
    ".vot": "votable",
    ".xml": "votable",
    ".parquet": "parquet",
}
_WITHOUT_DEX = (".fits", ".vot", ".xml")  # whose units are text to astropy where they are dex(...)


def to_arviz(fit: Any, seed: int = 0) -> Any:
    """The fit of one galaxy as `arviz.InferenceData`: one chain of draws of equal weight.

    Groups: posterior (the 12 parameters and the derived quantities), posterior_predictive
    (flux, with noise), observed_data (flux), constant_data (sigma, redshift), log_likelihood
    (flux, band by band, as `arviz.loo` wants it) and sample_stats (lp, the log of prior x
    likelihood). Weighted draws are resampled first, all groups alike.

    Parameters
    ----------
    fit : Fit
    seed : int
        Of the resampling, and of the noise of the replicated fluxes.

    Raises
    ------
    SedflowError
        More than one galaxy, or no draws.
    """
    arviz = needs("arviz", what="to_arviz")

    if fit.photometry.shape:
        raise SedflowError(
            f"ArviZ takes one galaxy, but there are {fit.photometry.redshift.size}; pass fit[i]"
        )
    if np.isnan(fit.draws.theta).any():
        why = "" if fit.verdict is None else f" ({fit.verdict.reason})"
        raise SedflowError(f"{fit.title} has no draws{why}; leave it out, or fit it again")
    draws, observed = _of_equal_weight(fit.draws, seed), fit.photometry.observed
    fit = replace(fit, draws=draws, photometry=observed)
    galaxy = fit.photometry
    log_sigma = np.log(np.sqrt(2 * np.pi) * galaxy.sigma)
    by_band = -0.5 * np.square(pulls(fit.predicted.flux, galaxy)) - log_sigma
    quantities = {p.name: fit.draws[p.name] for p in PARAMETERS} | fit.derived
    about = {"title": fit.title, "sampler": fit.sampler}
    if fit.seed is not None:
        about["seed"] = fit.seed
    data = arviz.from_dict(
        posterior={name: v[None] for name, v in quantities.items()},
        posterior_predictive={"flux": fit.predicted.replicated(seed)[None]},
        log_likelihood={"flux": by_band[None]},
        sample_stats={"lp": (fit.prior.log_prob(fit.draws.theta) + fit.log_likelihood)[None]},
        observed_data={"flux": galaxy.flux},
        constant_data={"sigma": galaxy.sigma},
        coords={"band": list(galaxy.bands)},
        dims={"flux": ["band"], "sigma": ["band"]},
        attrs=about,
        posterior_attrs=about,
    )
    for quantity in fit.quantities:
        about = {"units": quantity.column_unit, "long_name": quantity.label}
        data.posterior[quantity.name].attrs |= about
    for group in ("posterior_predictive", "observed_data"):
        data[group]["flux"].attrs["units"] = "nanomaggy"
    data.constant_data["sigma"].attrs["units"] = "nanomaggy"
    data.constant_data["redshift"] = ((), float(galaxy.redshift))  # from_dict gives it an axis
    return data


def _of_equal_weight(draws, seed):
    if draws.weights is None or np.ptp(draws.weights) == 0:
        return replace(draws, weights=None)
    return draws.resampled(seed=seed)


def to_table(
    fit: Any, quantiles: bool = True, path: str | Path | None = None, overwrite: bool = False
) -> Any:
    """The fit as an astropy Table, and in a file if `path` is given.

    Parameters
    ----------
    fit : Fit
    quantiles : bool
        True: 16, 50 and 84 % points of every parameter and derived quantity; of one galaxy with
        a row for each quantity (columns p16, p50, p84), of a batch with a row for each galaxy
        (columns NAME_p16, NAME_p50, NAME_p84). False: a row for each draw, with a column for
        each quantity and `weight`, which sums to 1 for each galaxy. Tables of a batch have
        `galaxy`, the place in the batch, and `id` if there are any.
    path : str or Path, optional
        Ends in one of `TABLE_FORMATS`.
    overwrite : bool
        Replace a file that exists.

    Returns
    -------
    astropy.table.Table
        Text is ASCII, as FITS wants it. Logarithms have units such as dex(Msun); of FITS and
        VOTable, whose standards have no dex, astropy reads these as text, with a warning.

    Raises
    ------
    SedflowError
        An unknown extension, a file that exists, a folder that does not, or no pyarrow.
    """
    if path is not None:
        path = as_path(path)
        check_table_path(path, overwrite)
    table = _quantile_table(fit) if quantiles else _draws_table(fit)
    for quantity in fit.quantities:
        for name in (quantity.name, *(f"{quantity.name}_p{q}" for q in (16, 50, 84))):
            if name in table.colnames:
                table[name].description = _describe(quantity)
                table[name].unit = quantity.column_unit or None
    if "id" in table.colnames:
        table["id"] = _plain_ids(table["id"], "" if path is None else path.suffix.lower())
    for name in table.colnames:
        if table[name].dtype.kind in "OS":  # not every format holds Python objects or bytes
            table[name] = table[name].astype(str)
    table.meta = _about(fit)
    if path is not None:
        _write_table(table, path)
    return table


def _plain_ids(ids, suffix):
    """IDs as every reader gets them back from a file with this extension, or a sentence."""
    values = np.asarray(ids)
    if values.dtype.kind == "i":
        return values.astype(np.int64)
    if values.dtype.kind == "u" and suffix in (".vot", ".xml", ".fits", ".ecsv", ".parquet"):
        if values.size and values.max() > np.iinfo(np.int64).max:
            raise SedflowError(
                f"the ID {values.max()} is above {np.iinfo(np.int64).max}, which not every format "
                "holds; give IDs as text"
            )
        return values.astype(np.int64)
    if values.dtype.kind not in "OSU":
        return ids
    texts = []
    for value in values.tolist():
        try:
            texts.append(value.decode("ascii") if isinstance(value, bytes) else str(value))
        except UnicodeDecodeError:
            raise SedflowError(
                f"the ID {value[:40]!r} is bytes that are not ASCII; give IDs as text"
            ) from None
    for text in texts if suffix else ():
        if "\0" in text or "\t" in text or text != text.strip():
            raise SedflowError(
                f"the ID {text[:40]!r} has a null, a tab, or blanks at an end, which would come "
                "back from the file as another; give other IDs"
            )
    return np.array([*texts, None], dtype=object)[:-1] if not texts else np.array(texts)


def write_table(table: Any, path: str | Path, overwrite: bool = False) -> None:
    """Write an astropy Table to a file whose extension says how: one of `TABLE_FORMATS`.

    Raises
    ------
    SedflowError
        An unknown extension, a file that exists, a folder that does not, or no pyarrow.
    """
    path = as_path(path)
    check_table_path(path, overwrite)
    _write_table(table, path)


def _write_table(table, path):
    from astropy.io.votable.exceptions import VOWarning
    from astropy.units import UnitsWarning

    form, options = TABLE_FORMATS[path.suffix.lower()], {}
    if path.suffix.lower() in _WITHOUT_DEX:
        table = _with_text_units(table)
    if form == "votable":  # knows no header but a description; as text it is four times slower
        header = "; ".join(f"{key} = {value}" for key, value in table.meta.items())
        table = table.copy(copy_data=False)
        table.meta = {"description": header}
        options = {"tabledata_format": "binary"}
    try:
        with replacing(path) as temporary, warnings.catch_warnings():
            warnings.simplefilter("ignore", UnitsWarning)  # that dex is not in the standards
            warnings.simplefilter("ignore", VOWarning)
            table.write(temporary, format=form, **options)
    except UnicodeEncodeError as error:
        raise SedflowError(
            f"{path} can only hold ASCII, but there is {error.object[:40]!r}; write .ecsv or "
            ".parquet, or change the ids"
        ) from None


def _with_text_units(table):
    """The table with units of logarithms as text, which is written as it is."""
    from astropy.units import UnrecognizedUnit

    table = table.copy(copy_data=False)
    for name in table.colnames:
        if (unit := table[name].unit) is not None and "dex" in str(unit):
            table[name].unit = UnrecognizedUnit(str(unit))
    return table


def _quantile_table(fit):
    from astropy.table import Table

    table = Table(fit.summary(), copy=False)  # whose own columns are all that one can ask for
    if fit.photometry.shape:
        table.add_column(np.arange(len(table)), index=0, name="galaxy")
        return table
    # An empty string comes back from ECSV as a masked one.
    units = {q.name: q.column_unit for q in fit.quantities}
    table["unit"] = [units[name] or "none" for name in table["name"]]
    return table


def _draws_table(fit):
    from astropy.table import Table

    shape, n = fit.photometry.shape, fit.draws.n
    table = Table()
    if shape:
        table["galaxy"] = np.repeat(np.arange(fit.photometry.redshift.size), n)
        if fit.photometry.ids is not None:
            table["id"] = np.repeat(fit.photometry.ids.reshape(-1), n)
    for name, values in [(p.name, fit.draws[p.name]) for p in PARAMETERS] + [*fit.derived.items()]:
        table[name] = values.reshape(-1)
    weights = np.full((*shape, n), 1 / n) if fit.draws.weights is None else fit.draws.weights
    table["weight"] = weights.reshape(-1)
    table["weight"].description = "Share of the draw in the posterior of its galaxy."
    return table


def _about(fit):
    """Header of a table, in keys that FITS can hold."""
    about = {"TITLE": fit.title, "SAMPLER": fit.sampler, "SEED": fit.seed}
    about |= {"PRIOR": fit.prior.sfh, "SSP": fit.model.grid.name, "VERSION": __version__}
    if not fit.photometry.shape:
        about["VERDICT"] = fit.quality
        if fit.verdict is not None:
            about["STATUS"] = str(fit.verdict.status)
    return {key: value for key, value in about.items() if value is not None}


def _describe(quantity):
    unit = _ascii(quantity.unit)
    scale = "log10 " if quantity.name.startswith("log_") else ""
    return _ascii(quantity.help) + (f" [{scale}{unit}]" if unit else "")


def _ascii(text):
    return text.replace("☉", "sun").replace("Å", "Angstrom")


def check_table_path(path: Path, overwrite: bool = False) -> None:
    """Refuse a path that no table is written to.

    Raises
    ------
    SedflowError
        An unknown extension, a file that exists, or no pyarrow.
    """
    suffix = path.suffix.lower()
    if suffix not in TABLE_FORMATS:
        raise SedflowError(
            f"{path} has the extension {path.suffix!r}; give one of {', '.join(TABLE_FORMATS)}"
        )
    if path.exists() and not overwrite:
        raise SedflowError(f"{path} exists; pass overwrite=True, or choose another name")
    if suffix == ".parquet":
        needs("pyarrow", extra="scale", what=f"{path}, a Parquet table,")
