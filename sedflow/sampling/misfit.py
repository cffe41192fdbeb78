"""Whether the model describes the data of a galaxy: p-values, calibrated on simulated galaxies.

The posterior predictive p-value uses the data twice, so that under the truth it is not uniform:
of five good bands it falls below 0.2 for one galaxy in twenty. `PValueTable` holds what it is
for simulated galaxies, by the number of bands and their signal-to-noise ratio, and turns it into
a p-value that is uniform where the model is right. `sedflow.validation.p_values` makes the table.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.special import chdtrc

from sedflow.errors import BadWeights
from sedflow.files.documents import checked, number, parsed, table, text, whole
from sedflow.files.hashes import opened
from sedflow.files.regular import read_regular
from sedflow.model.likelihood import chi_square
from sedflow.photometry import Photometry
from sedflow.settled import ByValue

#: Calibrated p-value below which a galaxy is a misfit: of good galaxies, one in a thousand.
MISFIT_BELOW = 1e-3
#: Below, numbers of 64 bits lose digits, and end in 0.
LEAST_P = 1e-300
#: Of the tables, at which they are stored; below the first, calibrated and raw are proportional.
LEVELS = (0.02, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.98)
#: Lower edges of the bins of signal-to-noise (median over the bands); the last has no end.
SNR = (0.0, 2.0, 5.0, 10.0, 20.0)

_FORMAT = 1
_FORM = {
    "format": whole(_FORMAT, _FORMAT),
    "weights": text(1000),
    "weights_sha256": text(128),
    "mocks": whole(1),
    "draws": whole(1),
    "seed": whole(),
    "snr": [number()],
    "levels": [number()],
    "quantiles": table([[number()]]),
}


def p_value(flux, galaxy: Photometry, weights: npt.ArrayLike | None = None) -> np.ndarray:
    """Chance (...) of replicated data with a chi-square at least as large, over the draws.

    flux (..., n_draw, n_band) : noise-free, of the draws [nanomaggies]; weights (..., n_draw).
    The posterior predictive p-value of Gelman, Meng & Stern (1996), exact over replicates.
    """
    tail = chdtrc(galaxy.present.sum(-1)[..., None], chi_square(flux, galaxy))
    return tail.mean(-1) if weights is None else (np.asarray(weights) * tail).sum(-1)


def is_misfit(raw: npt.ArrayLike, calibrated: npt.ArrayLike) -> np.ndarray:
    """Whether the model does not describe the data (...).

    Where nothing is calibrated, by the raw p-value, which is larger: fewer are called misfits.
    """
    calibrated = np.asarray(calibrated, float)
    with np.errstate(invalid="ignore"):
        return np.where(np.isnan(calibrated), raw, calibrated) < MISFIT_BELOW


def p_text(p: float, digits: int = 2, least: float = LEAST_P) -> str:
    """A p-value in a sentence, after "p": one that the computer rounds to 0 is below the least.

    >>> p_text(0.0312), p_text(2e-137, 1), p_text(0.0)
    ('= 0.031', '= 2e-137', '< 1e-300')
    """
    return f"< {least:g}" if p < least else f"= {p:.{digits}g}"


def misfit_warning(raw: float, calibrated: float) -> str:
    """A sentence where the model of an exact posterior does not describe the data; else empty."""
    if not is_misfit(raw, calibrated):
        return ""
    return (
        f"But no model describes these data well (p "
        f"{p_text(raw if np.isnan(calibrated) else calibrated, 1)}): the posterior is that of a "
        "model which is wrong here; check the photometry."
    )


def median_snr(galaxies: Photometry) -> np.ndarray:
    """Median signal-to-noise ratio (...) over the bands that are there; NaN where none is."""
    ratio = np.where(galaxies.present, galaxies.flux / galaxies.sigma, np.nan)
    out = np.full(galaxies.shape, np.nan)
    seen = galaxies.present.any(-1)
    out[seen] = np.nanmedian(ratio[seen], axis=-1)
    return out


@dataclass(frozen=True, eq=False)
class PValueTable(ByValue):
    """Raw p-values of simulated galaxies, of which the model is true.

    snr (n_snr,) : lower edges of the bins of signal-to-noise
    levels (n_level,) : shares of the galaxies
    quantiles : number of bands -> raw p-values (n_snr, n_level) that those shares lie below
    about : what else the file says
    """

    snr: np.ndarray
    levels: np.ndarray
    quantiles: dict[int, np.ndarray]
    about: dict

    def calibrated(self, raw: npt.ArrayLike, galaxies: Photometry) -> np.ndarray:
        """Share (...) of true galaxies of as many bands and such S/N with a smaller p-value.

        raw (...) : of galaxies (...). Linear between the levels of the table. NaN where the
        table has no such number of bands.
        """
        raw = np.asarray(raw, float)
        n_band, snr = galaxies.present.sum(-1), median_snr(galaxies)
        out = np.full(raw.shape, np.nan)
        levels = [0.0, *self.levels, 1.0]
        for at in np.ndindex(raw.shape):
            rows = self.quantiles.get(int(n_band[at]))
            if rows is None or np.isnan(raw[at]):
                continue
            k = max(int(np.searchsorted(self.snr, snr[at], side="right")) - 1, 0)
            out[at] = np.interp(raw[at], [0.0, *rows[k], 1.0], levels)
        return out[()]


def load_p_values(path: str | Path, weights_sha256: str) -> PValueTable | None:
    """The table of a network, NAME.p_values.json beside its weights; None if there is none.

    One that was made for other weights counts as none: a network that is trained again
    needs a table of its own.

    Raises
    ------
    BadWeights
        The file is damaged.
    """
    path = Path(path)
    if not path.is_file():
        return None
    try:
        found = checked(opened(parsed(read_regular(path))), _FORM)
        snr, levels = np.array(found["snr"], float), np.array(found["levels"], float)
        quantiles = {int(k): np.array(v, float) for k, v in found["quantiles"].items()}
        if any(q.shape != (len(snr), len(levels)) for q in quantiles.values()):
            raise ValueError("the table has rows of other lengths")
    except (OSError, ValueError, LookupError, TypeError, RecursionError) as error:
        raise BadWeights(
            f"{path.name} is not a table of p-values ({error}); remove it, and make it again with "
            "sedflow validate --p-values"
        ) from None
    if found["weights_sha256"] != weights_sha256:
        return None
    about = {k: v for k, v in found.items() if k not in ("snr", "levels", "quantiles")}
    return PValueTable(snr, levels, quantiles, about)


def p_values_of(fit: Any, table: PValueTable | None) -> tuple[float, float]:
    """P-values of one galaxy's data: as they are, and calibrated (NaN where nothing is known).

    table : of the network; its draws have no verdict that says it
    """
    if fit.verdict is not None:
        return float(fit.verdict.p_value), float(fit.verdict.p_calibrated)
    p = float(fit.predicted.p_value)
    return p, np.nan if table is None else float(table.calibrated(p, fit.photometry))
