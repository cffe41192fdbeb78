"""How large the flux errors of the NASA-Sloan Atlas are, for a given flux.

Per band, log10 sigma has a median and a scatter that depend on flux (as in Hahn & Melchior
2022), fitted to the atlas, plus a broad component that reaches far beyond both, so that a
network trained on it has seen shallow, deep and broken measurements in any band.

Sigma depends on the *observed* flux, as it does in the atlas, where it is mostly a fixed
share of it. Given the data it therefore says nothing more about the galaxy, and the
likelihood of the parameters is the plain Gaussian in flux, for network, reweighting and
MCMC alike. `simulation` turns this into training pairs.
"""

import json
from dataclasses import dataclass

import numpy as np

from sedflow.bands import UGRIZ, as_bands, places_of
from sedflow.batches import check_labels
from sedflow.errors import BadParameters, BadPhotometry
from sedflow.files.hashes import sha256_of
from sedflow.fluxes import in_bands, pair_in_bands
from sedflow.settled import Frozen, frozen
from sedflow.units import plain
from sedflow.whole_numbers import as_whole

P_CORE = 0.6  # galaxies whose bands all follow the core
P_BROAD = 0.4  # in the rest, bands that do not
MIN_SCATTER = 0.08  # dex; the atlas' floor on sigma/flux would make the core a delta function
_WIDEST = 10.0  # dex, of the broad component
_OTHER_BANDS = ", or noise.select(bands)"
_FEWEST_NODES = 3  # the first and the third say how sigma goes on to fainter fluxes


@dataclass(frozen=True, eq=False)
class NoiseModel(Frozen):
    """Distribution of sigma given flux, per band.

    log_flux (n_band, n_node) : log10 of flux [nanomaggies] at which the fit is tabulated
    median (n_band, n_node) : median of log10 sigma
    scatter (n_band, n_node) : half the 16-84 % range of log10 sigma [dex]
    broad (2,) : residuals [dex] between which the broad component is uniform
    """

    log_flux: np.ndarray
    median: np.ndarray
    scatter: np.ndarray
    broad: tuple[float, float] = (-1.0, 3.0)
    bands: tuple[str, ...] = UGRIZ

    def __post_init__(self):
        bands = different_bands(self.bands)
        object.__setattr__(self, "bands", bands)
        for name in ("log_flux", "median", "scatter"):
            values = frozen(plain(getattr(self, name), name, "", BadParameters))
            object.__setattr__(self, name, values)
            shape = (len(bands), self.log_flux.shape[-1] if self.log_flux.ndim else 0)
            if values.shape != shape or shape[1] < _FEWEST_NODES:
                raise BadParameters(
                    f"{name} of the noise model has the shape {values.shape} for the bands "
                    f"{', '.join(bands)}; give a row for each band, of {_FEWEST_NODES} nodes at "
                    "least, alike in log_flux, median and scatter"
                )
            if not np.isfinite(values).all():
                raise BadParameters(f"{name} of the noise model is not finite; give numbers alone")
        if (np.diff(self.log_flux, axis=1) <= 0).any():
            raise BadParameters(
                "log_flux of the noise model must ascend in each band; sort it, and give each flux "
                "once"
            )
        if (self.scatter <= 0).any():
            raise BadParameters(
                f"scatter of the noise model is {self.scatter.min():g}; give dex above 0"
            )
        broad = plain(self.broad, "broad", "", BadParameters)
        if broad.shape != (2,) or not -_WIDEST <= broad[0] < broad[1] <= _WIDEST:
            raise BadParameters(
                f"broad = {self.broad!r}; give two numbers from {-_WIDEST:g} to {_WIDEST:g} dex, "
                "the lower first"
            )

    @classmethod
    def fit(cls, flux, sigma, bands=UGRIZ, n_node: int = 12, **kwargs) -> "NoiseModel":
        """Running median and scatter of log sigma in bins of equal numbers of galaxies.

        flux, sigma (n, n_band) [nanomaggies, or both with units]; fluxes <= 0 and NaN are ignored

        Raises
        ------
        BadPhotometry, BadParameters
            Other shapes than (n, n_band), or fewer than two galaxies a node in a band.
        """
        bands, n_node = different_bands(bands), as_whole("n_node", n_node, _FEWEST_NODES, 10_000)
        check_labels(flux=flux, sigma=sigma)
        flux, sigma = pair_in_bands(flux, sigma, bands)
        if flux.ndim != 2:
            raise BadPhotometry(
                f"flux has the shape {flux.shape}; give (n, {len(bands)}), a row for each galaxy"
            )
        nodes, medians, scatters = [], [], []
        for band, f, s in zip(bands, flux.T, sigma.T, strict=True):
            used = (f > 0) & (s > 0) & np.isfinite(f) & np.isfinite(s)
            if used.sum() < 2 * n_node:
                raise BadPhotometry(
                    f"{used.sum():,} galaxies have a flux and an error above 0 in {band}, where "
                    f"{n_node} nodes need {2 * n_node:,}; give more, or a smaller n_node"
                )
            x, y = np.log10([f[used], s[used]])
            groups = np.array_split(np.argsort(x), n_node)
            at = np.array([np.median(x[g]) for g in groups])
            # Theil-Sen-like: remove the trend inside a bin before taking its median.
            if not (np.diff(at) > 0).all():
                raise BadPhotometry(
                    f"the fluxes in {band} are too much alike for {n_node} nodes; give galaxies of "
                    "other fluxes, or a smaller n_node"
                )
            slope = np.gradient(np.array([np.median(y[g]) for g in groups]), at)
            median = np.array(
                [
                    np.median(y[g] - s * (x[g] - a))
                    for g, s, a in zip(groups, slope, at, strict=True)
                ]
            )
            residual = y - _interpolate(x, at, median)
            half = [np.diff(np.percentile(residual[g], [16, 84]))[0] / 2 for g in groups]
            nodes.append(at)
            medians.append(median)
            scatters.append(np.maximum(half, MIN_SCATTER))
        return cls(np.array(nodes), np.array(medians), np.array(scatters), bands=bands, **kwargs)

    @classmethod
    def from_dict(cls, data: dict) -> "NoiseModel":
        """The model stored by `to_dict`."""
        return cls(
            np.array(data["log_flux"]),
            np.array(data["median"]),
            np.array(data["scatter"]),
            tuple(data["broad"]),
            tuple(data["bands"]),
        )

    def to_dict(self) -> dict:
        """Plain lists, for JSON."""
        return {
            "bands": list(self.bands),
            "broad": list(self.broad),
            "log_flux": self.log_flux.round(5).tolist(),
            "median": self.median.round(5).tolist(),
            "scatter": self.scatter.round(5).tolist(),
        }

    @property
    def sha256(self) -> str:
        """Hash of the model's numbers, as stored with the weights trained on it."""
        return sha256_of(json.dumps(self.to_dict(), sort_keys=True).encode())

    def select(self, bands) -> "NoiseModel":
        """The model of a subset of the bands: what is left when the others are not observed."""
        bands = as_bands(bands)
        rows = places_of(bands, self.bands, "the noise model")
        return NoiseModel(
            self.log_flux[rows], self.median[rows], self.scatter[rows], self.broad, bands
        )

    def _center(self, flux):
        """Median and scatter (..., n_band) of log10 sigma at a flux of any sign."""
        center, scatter = np.empty(flux.shape), np.empty(flux.shape)
        for k in range(flux.shape[-1]):
            faint = 10 ** self.log_flux[k, 0]  # below, the sky sets sigma, not the galaxy
            x = 0.5 * np.log10(flux[..., k] ** 2 + (0.1 * faint) ** 2)
            center[..., k] = _interpolate(x, self.log_flux[k], self.median[k])
            scatter[..., k] = np.interp(x, self.log_flux[k], self.scatter[k])
        return center, scatter

    def residual(self, sigma, flux) -> np.ndarray:
        """log10 sigma minus its median at that flux (..., n_band) [dex]."""
        check_labels(flux=flux, sigma=sigma)
        flux, sigma = pair_in_bands(flux, sigma, self.bands, _OTHER_BANDS)
        return np.log10(sigma) - self._center(flux)[0]

    def sample(self, flux, rng) -> np.ndarray:
        """Draw sigma (n, n_band) [nanomaggies] for fluxes (n, n_band)."""
        center, scatter = self._center(in_bands(flux, self.bands, _OTHER_BANDS))
        n, n_band = center.shape
        odd = (rng.random((n, 1)) > P_CORE) & (rng.random((n, n_band)) < P_BROAD)
        core = scatter * rng.standard_normal((n, n_band))
        broad = rng.uniform(*self.broad, (n, n_band))
        return 10 ** (center + np.where(odd, broad, core))

    def log_prob(self, sigma, flux) -> np.ndarray:
        """Natural log of the density (n,) in log10 sigma of all bands at these fluxes.

        Where sigma is NaN the band is absent, and the density is that of the others.
        """
        check_labels(flux=flux, sigma=sigma)
        flux, sigma = pair_in_bands(flux, sigma, self.bands, _OTHER_BANDS)
        center, scatter = self._center(flux)
        residual = np.log10(sigma) - center
        log_core = -0.5 * (residual / scatter) ** 2 - np.log(scatter * np.sqrt(2 * np.pi))
        low, high = self.broad
        inside = (residual >= low) & (residual <= high)
        broad = np.where(inside, P_BROAD / (high - low), 0.0)
        mixed = np.log((1 - P_BROAD) * np.exp(log_core) + broad + 1e-300)
        present = ~np.isnan(residual)
        log_core, mixed = (np.where(present, term, 0.0).sum(-1) for term in (log_core, mixed))
        return np.logaddexp(np.log(P_CORE) + log_core, np.log(1 - P_CORE) + mixed)


def _interpolate(x, nodes, values):
    """Linear in between; beyond the ends, slope 1 when bright (a fixed share of the flux) and
    the slope of the faintest nodes when faint."""
    y = np.interp(x, nodes, values)
    y = y + np.maximum(x - nodes[-1], 0.0)
    slope = np.clip((values[2] - values[0]) / (nodes[2] - nodes[0]), 0.0, 1.0)
    return y + slope * np.minimum(x - nodes[0], 0.0)


def different_bands(bands) -> tuple[str, ...]:
    """Names of bands, each once."""
    names = as_bands(bands)
    twice = [name for k, name in enumerate(names) if name in names[:k]]
    if twice:
        raise BadParameters(f"bands has {twice[0]} twice; give each band once")
    return names
