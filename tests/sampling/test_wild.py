"""Galaxies and parameters that nobody expects: a result, or a sentence; never a silent one."""

import warnings

import numpy as np
import pandas as pd
import pytest
from fuzz import answer, inputs
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

import sedflow
from sedflow.bands import UGRIZ
from sedflow.catalogue.infer import QUANTITIES, STATUS, infer_partition
from sedflow.catalogue.rows import guess_mapping
from sedflow.model.likelihood import chi2_limit
from sedflow.parameters import HIGH, LOW, N_PARAM, NAMES

DECADES = st.floats(-18, 18).map(lambda x: 10.0**x)
FLUX = st.one_of(
    st.floats(1e-2, 1e4), DECADES, DECADES.map(lambda x: -x), st.floats(), st.just(0.0)
)
SIGMA = st.one_of(st.floats(1e-2, 1e2), DECADES, st.floats())
REDSHIFT = st.one_of(st.floats(0.001, 0.3), st.floats(1e-9, 20), st.floats())
ROW = st.tuples(REDSHIFT, *[st.tuples(FLUX, SIGMA)] * len(UGRIZ))


@pytest.mark.slow
@inputs(60)
@given(ROW)
def test_any_fluxes_have_a_posterior_or_a_reason(posterior, row):
    """Through the whole first rung of the ladder, as in a survey."""
    redshift, *bands = row
    table = {"id": [1], "redshift": [redshift]}
    for band, (flux, sigma) in zip(UGRIZ, bands, strict=True):
        table |= {f"flux_{band}": [flux], f"flux_err_{band}": [sigma]}
    frame = pd.DataFrame(table)
    mapping = guess_mapping(frame).in_unit("nanomaggies")
    found = answer(infer_partition, frame, mapping, posterior, n=100)
    row = found.iloc[0]
    assert row.status in STATUS
    assert not row.reason.startswith("unexpected")
    values = row[[f"{name}_p{q}" for name in QUANTITIES for q in (16, 50, 84)]].to_numpy(float)
    if row.status == "ok":
        assert np.isfinite(values).all()
        low, middle, high = values.reshape(len(QUANTITIES), 3).T
        assert ((low <= middle) & (middle <= high)).all()
        free = slice(0, N_PARAM)
        assert ((low[free] >= LOW - 1e-5) & (high[free] <= HIGH + 1e-5)).all()
    else:
        assert len(row.reason) > 10
    if row.status == "bad row":
        assert np.isnan(values).all()


@inputs(40)
@given(
    arrays(float, 5, elements=FLUX),
    arrays(float, 5, elements=SIGMA),
    REDSHIFT,
    st.sampled_from([None, "weights"]),
)
def test_any_photometry_has_finite_draws_or_a_reason(posterior, flux, sigma, redshift, trust):
    galaxy = answer(sedflow.Photometry, flux, sigma, redshift)
    if galaxy is None:
        return
    with warnings.catch_warnings():
        warnings.simplefilter("error", RuntimeWarning)
        fit = answer(sedflow.fit, galaxy, posterior, n=100, seed=1, trust=trust)
    if fit is None:
        return
    if trust is None:
        assert np.isfinite(fit.draws.theta).all()
        assert np.isfinite(fit.draws.log_density).all()
        answer(sedflow.reweight, fit)
        return
    verdict = fit.verdict
    assert len(str(verdict.reason)) > 20
    if np.isfinite(fit.draws.theta).all():
        assert fit.draws.weights.sum() == pytest.approx(1)
    else:
        assert verdict.kind == "failed"
    if verdict.kind != "failed":
        limit = 25 * chi2_limit(galaxy.present.sum())
        if fit.predicted.chi2.min() > limit:
            assert not verdict.exact
            assert "model describes these data" in f"{verdict.reason} {verdict.warning}"
        assert (galaxy.sigma > 9e-4 * np.abs(galaxy.flux))[galaxy.present].all()
        assert np.isfinite(fit.derived["log_sfr_100myr"]).all()
    if not posterior.domain.redshift[0] <= redshift <= posterior.domain.redshift[1]:
        assert not verdict.inside
        assert not posterior.check(galaxy, draws=False)


ANYTHING = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=3),
    st.just([]),
    st.sampled_from([0, 1, 2, 50, -1, 10**9, 2**64, np.int64(7), np.nan, object()]),
)


@inputs(150)
@given(
    st.dictionaries(
        st.sampled_from(
            [
                "n",
                "seed",
                "trust",
                "galaxy",
                "sampler",
                "min_ess",
                "prior",
                "q",
                "bands",
                "resampled",
                "theta",
                "redshift",
            ]
        ),
        ANYTHING,
        min_size=1,
        max_size=2,
    )
)
def test_any_argument_is_taken_or_explained(posterior, galaxy, wrong):
    """Of the public functions: no traceback, and no draws that are not numbers."""
    wrong = {k: v for k, v in wrong.items() if k != "n" or not _long(v)}

    def everything():
        bands = wrong.get("bands", galaxy.bands)
        one = sedflow.Photometry(
            galaxy.flux, galaxy.sigma, wrong.get("redshift", galaxy.redshift), bands
        )
        fit = sedflow.fit(
            wrong.get("galaxy", one),
            wrong.get("sampler", posterior),
            n=wrong.get("n", 30),
            seed=wrong.get("seed", 1),
            trust=wrong.get("trust"),
        )
        fit.summary(wrong.get("q", (0.16, 0.5, 0.84)))
        fit.draws.resampled(wrong.get("resampled"))
        posterior.log_prob(wrong.get("theta", fit.draws.theta), one)
        posterior.model.photometry(wrong.get("theta", fit.draws.theta), one.redshift)
        return sedflow.reweight(fit, prior=wrong.get("prior"), min_ess=wrong.get("min_ess", 0))

    fit = answer(everything)
    if fit is not None:
        assert np.isfinite(fit.draws.theta).all()
        assert np.isfinite(fit.draws.weights).all()


def _long(n):
    return isinstance(n, int | float) and 1000 < n <= 1_000_000


VALUE = st.one_of(st.floats(), st.floats(-3, 15))


@inputs(60)
@given(
    st.one_of(
        arrays(float, st.integers(10, 14), elements=VALUE),
        st.dictionaries(st.sampled_from([*NAMES, "mass"]), VALUE),
    ),
    REDSHIFT,
    st.sampled_from(["exact", "fast"]),
)
def test_any_parameters_have_light_or_a_sentence(model, theta, redshift, method):
    flux = answer(model.photometry, theta, redshift, method=method)
    if flux is not None:
        assert np.isfinite(flux).all()
        assert (flux >= 0).all()


@inputs(60)
@given(arrays(float, N_PARAM, elements=st.floats(0, 1)), REDSHIFT)
def test_any_galaxy_of_the_prior_has_light_where_there_is_a_model(model, place, redshift):
    theta = LOW + place * (HIGH - LOW)
    theta[1:5] = (theta[1:5] + 1e-3) / (theta[1:5] + 1e-3).sum()
    for method in ("exact", "fast"):
        flux = answer(model.photometry, theta, redshift, method=method)
        assert flux is None or (np.isfinite(flux).all() and (flux > 0).all())


@inputs(60)
@given(arrays(float, (2, 5), elements=FLUX), arrays(float, (2, 5), elements=SIGMA), REDSHIFT)
def test_any_numbers_are_photometry_or_a_sentence(flux, sigma, redshift):
    galaxies = answer(sedflow.Photometry, flux, sigma, [redshift, 0.1])
    if galaxies is not None:
        there = galaxies.present
        assert np.isfinite(galaxies.flux[there]).all()
        assert (galaxies.sigma[there] > 0).all()
        assert there.any(1).all()
