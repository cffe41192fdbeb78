"""A galaxy whose posterior is known exactly: fluxes linear in x, so that it is a Gaussian."""

import numpy as np
from scipy.stats import multivariate_normal

import sedflow
from sedflow.draws import Draws
from sedflow.parameters import N_FREE

BANDS = sedflow.photometry.UGRIZ
_RNG = np.random.default_rng(42)
SLOPE = _RNG.standard_normal((N_FREE, len(BANDS)))
LEVEL = 20.0


class LinearModel:
    """Stands in for `SEDModel` where only photometry is asked for."""

    def __init__(self, prior=None):
        self.prior = prior or sedflow.Prior()

    def photometry(self, theta, redshift, bands=BANDS, method="fast"):
        return LEVEL + self.prior.to_unbounded(theta) @ SLOPE

    def max_redshift(self, bands=BANDS):
        return 0.5

    def fast(self, bands=BANDS):
        return lambda theta, redshift: self.photometry(theta, redshift)


def galaxy(n=None, seed=1):
    """Data of one galaxy, or of n, with errors of 0.5 nanomaggies."""
    rng = np.random.default_rng(seed)
    shape = () if n is None else (n,)
    x = rng.standard_normal((*shape, N_FREE))
    flux = LEVEL + x @ SLOPE + 0.5 * rng.standard_normal((*shape, len(BANDS)))
    return sedflow.Photometry(flux, np.full_like(flux, 0.5), np.full(shape, 0.05))


def exact(one):
    """Mean (11,) and covariance of x, and the natural log of the evidence, of one galaxy."""
    precision = np.eye(N_FREE) + (SLOPE / one.sigma**2) @ SLOPE.T
    covariance = np.linalg.inv(precision)
    mean = covariance @ (SLOPE @ ((one.flux - LEVEL) / one.sigma**2))
    marginal = SLOPE.T @ SLOPE + np.diag(one.sigma**2)
    return (
        mean,
        covariance,
        multivariate_normal(np.full(len(BANDS), LEVEL), marginal).logpdf(one.flux),
    )


class GaussianSampler:
    """The exact posterior, or one made wrong on purpose: shifted [sigma] or scaled."""

    name = "gaussian"

    def __init__(self, shift=0.0, scale=1.0, prior=None):
        self.shift, self.scale = shift, scale
        self.prior = prior or sedflow.Prior()

    def _normal(self, one):
        mean, covariance, _ = exact(one)
        root = np.linalg.cholesky(covariance)
        return mean + self.shift * root[:, 0], self.scale * root

    def sample(self, galaxy, n=10_000, seed=None):
        flat = galaxy.flat
        theta, density = [], []
        for k in range(len(flat)):
            base = np.random.default_rng(seed).standard_normal((n, N_FREE))
            mean, root = self._normal(flat[k])
            theta.append(self.prior.from_unbounded(mean + base @ root.T))
            density.append(self.log_prob(theta[-1], flat[k]))
        shape = galaxy.shape
        return Draws(np.reshape(theta, (*shape, n, 12)), np.reshape(density, (*shape, n)))

    def log_prob(self, theta, galaxy):
        mean, root = self._normal(galaxy)
        x = self.prior.to_unbounded(theta)
        log_normal = -0.5 * (np.square(x).sum(-1) + N_FREE * np.log(2 * np.pi))
        volume = self.prior.log_prob(theta) - log_normal
        return multivariate_normal(mean, root @ root.T).logpdf(x) + volume
