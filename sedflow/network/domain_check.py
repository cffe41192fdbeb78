"""The answer of the domain check: whether galaxies are inside the training domain, or why not."""

from dataclasses import dataclass, fields, replace

import numpy as np

from sedflow.batches import galaxies_at
from sedflow.sampling.misfit import MISFIT_BELOW, p_text
from sedflow.settled import ByValue


@dataclass(frozen=True, eq=False)
class DomainCheck(ByValue):
    """Whether galaxies lie where the network was trained, and if not, why.

    inside (...) : bool
    reasons (...) : a tuple of sentences for each galaxy, empty where inside: what is wrong, by
        how much, and how to fix it
    causes (...) : which check each reason comes from: "redshift", "sigma", "flux", "color",
        "magnitude", "floor" or "chi2"
    notes (...) : a tuple of sentences on what is unusual, but harmless
    bands : names of the bands on the last axis of `pull` and `sigma_residual`
    chi2_best (...) : chi-square of the best draw; NaN without draws
    pull (..., n_band) : (model - data) / sigma of the best draw; NaN without draws
    sigma_residual (..., n_band) : log10 sigma over the usual at that flux [dex]
    distance (...) : root mean square of the network's inputs, each standardised: near 1 for
        a galaxy inside the training domain, above 2 for one in 150 of them. For information.
    worst (...) : number of the band to blame where "chi2" is among the causes; -1 elsewhere,
        and where no single band is
    p_calibrated (...) : chance that good data are as far from the model, uniform where it is
        right; NaN without draws, or without a table of the network
    left_out (..., n_band) : (data - prediction) / error of each band, as the others predict it;
        NaN where the check made no draws of its own
    """

    inside: np.ndarray
    reasons: np.ndarray
    causes: np.ndarray
    notes: np.ndarray
    bands: tuple[str, ...]
    chi2_best: np.ndarray
    pull: np.ndarray
    sigma_residual: np.ndarray
    distance: np.ndarray
    worst: np.ndarray
    p_calibrated: np.ndarray
    left_out: np.ndarray

    def __bool__(self):
        return bool(np.all(self.inside))

    def __getitem__(self, item) -> "DomainCheck":
        """The checks at an index, slice or mask of the leading axis."""
        item = galaxies_at(item, np.shape(self.inside))
        values = {f.name: getattr(self, f.name) for f in fields(self) if f.name != "bands"}
        return replace(self, **{name: _at(value, item) for name, value in values.items()})

    def noting(self, text: str | np.ndarray) -> "DomainCheck":
        """With one more note for every galaxy, or one each (...), where "" adds none."""
        said = np.broadcast_to(np.asarray(text, dtype=object), self.notes.shape).reshape(-1)
        notes = [
            (*found, *filter(None, [one]))
            for found, one in zip(self.notes.reshape(-1), said, strict=True)
        ]
        return replace(self, notes=objects(notes, self.notes.shape))

    def __str__(self):
        fitted = self._described()
        if self:
            return "inside the training domain" + fitted
        reasons = "; ".join(reason for galaxy in np.ravel(self.reasons) for reason in galaxy)
        return f"outside the training domain: {reasons}{fitted}"

    def _described(self):
        """How far the data of one galaxy are from the model, where they are a misfit."""
        if np.ndim(self.inside) or not self.p_calibrated < MISFIT_BELOW:
            return ""
        known = zip(self.bands, self.left_out, strict=True)
        pulls = ", ".join(f"{band} {pull:+.1f}" for band, pull in known if np.isfinite(pull))
        predicted = f"; pulls against what the other bands predict: {pulls}" if pulls else ""
        return f"; a misfit, calibrated p {p_text(self.p_calibrated)}{predicted}"


def _at(value, item):
    """value[item], as an array also where it holds one tuple."""
    chosen = value[item]
    return objects([chosen], ()) if isinstance(chosen, tuple) else np.asarray(chosen)


def objects(values: list, shape: tuple[int, ...]) -> np.ndarray:
    """Values such as tuples as an array (...) of objects."""
    packed = np.empty(len(values), dtype=object)
    for k, value in enumerate(values):  # at once, numpy would unpack tuples of equal length
        packed[k] = value
    return packed.reshape(shape)
