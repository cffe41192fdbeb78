"""Bands by name, from files and from arrays, against speclite's and sedpy's own photometry."""

import astropy.units as u
import numpy as np
import pytest
from astropy.table import Table
from fuzz import answer, damaged, inputs
from hypothesis import given

import sedflow
from sedflow import Photometry, SEDModel, resources
from sedflow.errors import BadPhotometry, UnknownBand
from sedflow.photometry import Band, ab_magnitude, band_weights
from sedflow.resources import BAND_ALIASES, add_band, band_names, load_band


@pytest.fixture
def own_bands(monkeypatch):
    """Bands that are added here are forgotten afterwards."""
    monkeypatch.setattr(resources, "_ADDED", {})


@pytest.fixture(scope="module")
def smooth():
    """A smooth spectrum from 900 A to 6 micron: edges [A], wavelength, F_lambda [1e-17 cgs/A]."""
    edges = np.exp(np.arange(np.log(900.0), np.log(60_000.0), 2e-4))
    wave = np.sqrt(edges[1:] * edges[:-1])
    x = np.log(wave / 5000.0)
    return edges, wave, 30.0 * np.exp(-0.8 * x - 0.5 * x**2) * (1 + 0.2 * np.sin(3 * x))


FAMILIES = {
    "SDSS": ["u", "g", "r", "i", "z"],
    "GALEX": ["galex-fuv", "galex-nuv"],
    "DECam": ["decam-g", "decam-r", "decam-i", "decam-z", "decam-Y"],
    "LSST": ["lsst-u", "lsst-g", "lsst-r", "lsst-i", "lsst-z", "lsst-y"],
    "2MASS": ["twomass-J", "twomass-H", "twomass-Ks"],
    "WISE": ["W1", "W2"],
    "HSC": ["hsc-g", "hsc-r", "hsc-i", "hsc-z", "hsc-y"],
    "Pan-STARRS": ["panstarrs-g", "panstarrs-y"],
    "Legacy": ["BASS-g", "BASS-r", "MzLS-z"],
}


@pytest.mark.parametrize("family", FAMILIES)
def test_magnitudes_are_those_of_speclite(smooth, family):
    from speclite.filters import load_filter

    edges, wave, flux = smooth
    names = FAMILIES[family]
    mine = ab_magnitude(flux @ band_weights([load_band(name) for name in names], edges))
    theirs = [
        load_filter(BAND_ALIASES.get(name, name)).get_ab_magnitude(
            flux * 1e-17 * u.erg / u.s / u.cm**2 / u.AA, wave * u.AA
        )
        for name in names
    ]
    # speclite sums over the points of the curve, which in u lie far apart between band and leak.
    np.testing.assert_allclose(mine, theirs, atol=6e-4 if "u" in names else 2e-4)


@pytest.mark.parametrize("name", ["FUV", "NUV", "J", "H", "Ks", "wise_w1", "decam_g", "sdss_r0"])
def test_magnitudes_are_those_of_sedpy(smooth, name):
    from sedpy.observate import Filter

    edges, wave, flux = smooth
    mine = ab_magnitude(flux @ band_weights([load_band(name)], edges))[0]
    theirs = Filter(BAND_ALIASES.get(name, name)).ab_mag(wave, flux * 1e-17)
    assert mine == pytest.approx(theirs, abs=1e-3)  # sedpy samples the curve on a grid of its own


@pytest.mark.slow
def test_every_name_has_a_curve():
    """All of speclite's and sedpy's, and the short names for some of them."""
    names = band_names()
    assert len(names) > 370
    assert set(BAND_ALIASES) <= set(names)
    for name in names:
        band = load_band(name)
        assert band.name == name
        assert band.extent[0] < band.pivot < band.extent[1]


@pytest.mark.parametrize(
    ("name", "near"),
    [
        ("decam-G", "decam-g"),
        ("twomas_J", "twomass_J"),
        ("lsst2023-q", "lsst2023-g"),
        ("galex", "galex-FUV"),
        ("wise3", "wise_w3"),
    ],
)
def test_an_unknown_name_is_answered_with_those_near_to_it(name, near):
    with pytest.raises(
        UnknownBand, match=f"no filter curve for band '{name}'; names near"
    ) as error:
        load_band(name)
    assert near in str(error.value)


def test_a_name_like_no_other_is_answered_with_where_to_look():
    with pytest.raises(UnknownBand, match=r"band 'qq'; use u, g, r.*band_names"):
        load_band("qq")


WAVE = np.linspace(6300.0, 6900.0, 61)
RESPONSE = np.exp(-0.5 * ((WAVE - 6600.0) / 100.0) ** 2)


@pytest.mark.parametrize("kind", ["dat", "ecsv", "nm.ecsv", "fits", "xml"])
def test_a_curve_in_a_file_is_a_band_by_its_path(tmp_path, kind, model, theta, own_bands):
    path = tmp_path / f"mine.{kind}"
    if kind == "dat":
        np.savetxt(path, np.column_stack([WAVE, RESPONSE]), header="wavelength response")
    else:
        wave = (WAVE * u.AA).to(u.nm) if kind in ("nm.ecsv", "xml") else WAVE * u.AA
        Table({"wavelength": wave, "throughput": RESPONSE}).write(
            path, format={"fits": "fits", "xml": "votable"}.get(kind, "ascii.ecsv")
        )
    band = load_band(str(path))
    np.testing.assert_allclose(band.wavelength, WAVE, rtol=1e-6)
    by_path = model.photometry(theta[:3], 0.05, bands=(str(path), "r"))
    add_band(Band("mine", WAVE, RESPONSE))
    np.testing.assert_allclose(by_path, model.photometry(theta[:3], 0.05, ("mine", "r")), rtol=1e-5)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("5 1\n6 1\n", "pivot wavelength of 5.* A, where galaxies are dark"),
        ("6500 1\n6400 1\n", "wavelengths must be positive and ascend"),
        ("6500 -1\n6600 1\n", "responses must be >= 0"),
        ("6500 nan\n6600 1\n", "responses must be >= 0"),
        ("6500\n6600\n", "cannot be read as a filter curve"),
        ("a b\nc d\n", "cannot be read as a filter curve"),
        ("", "cannot be read as a filter curve"),
        ("\xff\xfe\x00", "cannot be read as a filter curve"),
    ],
)
def test_a_file_that_is_no_curve_is_refused(tmp_path, text, why):
    path = tmp_path / "bad.dat"
    path.write_bytes(text.encode("latin-1"))
    with pytest.raises(UnknownBand, match=why):
        load_band(str(path))
    with pytest.raises(UnknownBand, match="there is no filter file"):
        load_band(str(tmp_path / "none.dat"))


TEXT = "\n".join(f"{w:.1f} {r:.4f}" for w, r in zip(WAVE, RESPONSE, strict=True)).encode()


@inputs(40)
@given(damaged(TEXT, most=12))
def test_a_damaged_curve_is_a_curve_or_a_sentence(tmp_path_factory, content):
    path = tmp_path_factory.mktemp("curve") / "mine.dat"  # a path keeps its curve
    path.write_bytes(content)
    band = answer(load_band, str(path))
    if band is not None:
        lines = [line.split() for line in path.read_text().splitlines()]
        rows = [tuple(map(float, line)) for line in lines if line and not line[0].startswith("#")]
        np.testing.assert_allclose(np.column_stack([band.wavelength, band.response]), rows)
        assert (np.diff(band.wavelength) > 0).all()
        assert np.isfinite(band.response).all()
        assert (band.response >= 0).all()


def test_a_curve_that_is_written_anew_is_not_taken_for_the_old_one(tmp_path):
    path = tmp_path / "mine.dat"
    np.savetxt(path, np.column_stack([WAVE, RESPONSE]))
    band = load_band(str(path))
    assert load_band(str(path)) is band
    np.savetxt(path, np.column_stack([WAVE + 100, RESPONSE]), fmt="%.9e")
    with pytest.raises(UnknownBand, match="has changed since this process read it"):
        load_band(str(path))
    path.unlink()
    assert load_band(str(path)) is band


def test_a_name_keeps_its_curve(own_bands):
    band = Band("mine", WAVE, RESPONSE)
    assert add_band(band) is band
    assert add_band(Band("mine", WAVE, RESPONSE)) is band
    assert "mine" in band_names()
    for name in ("mine", "r", "decam-g", "twomass_J"):
        with pytest.raises(UnknownBand, match=f"'{name}' is the name of another filter curve"):
            add_band(Band(name, WAVE, RESPONSE**2))


def test_a_grid_says_which_bands_it_reaches(model, bc03, theta):
    bands = ("u", "decam-g", "lsst-i", "hsc-y", "J")
    assert (model.photometry(theta[:2], 0.05, bands) > 0).all()
    assert (bc03.photometry(theta[:2], 0.05, ("FUV", *bands, "H")) > 0).all()
    for name in ("W1", "FUV"):
        with pytest.raises(UnknownBand, match=f"'{name}' .* outside the 'fsps' SSP grid"):
            model.photometry(theta[0], 0.05, ("r", name))


@pytest.mark.slow
def test_fast_photometry_agrees_in_any_band(model, bc03, theta):
    bands = ("decam-g", "decam-z", "lsst-u", "hsc-i", "J", "H")
    for one in (model, bc03):
        exact = ab_magnitude(one.photometry(theta[:60], 0.1, bands))
        fast = ab_magnitude(one.photometry(theta[:60], 0.1, bands, method="fast"))
        assert np.abs(fast - exact).max() < 0.003


@pytest.fixture(scope="module")
def truth(model):
    """A simulated galaxy in bands of three surveys, none of which the network knows but r."""
    bands = ("r", "decam-g", "lsst-y", "J")
    theta = sedflow.Prior().sample(1, seed=8)[0]
    theta[0] = 10.5
    flux = model.photometry(theta, 0.06, bands)
    sigma = 0.03 * flux
    noisy = flux + sigma * np.random.default_rng(1).standard_normal(len(bands))
    return theta, Photometry(noisy, sigma, 0.06, bands)


def test_the_network_says_which_bands_it_knows(posterior, truth):
    foreign = truth[1].select(("decam-g", "J"))
    with pytest.raises(
        UnknownBand,
        match=r"trained on u, g, r, i, z, but the photometry is in decam-g, J; .* or use MCMC",
    ):
        posterior.sample(foreign, n=10)


def test_the_check_says_which_bands_the_network_leaves_aside(posterior, truth, galaxy):
    note = "the network does not know decam-g, lsst-y, J and leaves the data in there aside"
    for one in (truth[1], Photometry(*(np.stack([a, a]) for a in (truth[1].flux, truth[1].sigma)),
                                     0.06, truth[1].bands)):  # fmt: skip
        check = posterior.check(one, draws=False)
        assert all(note in found[-1] for found in np.ravel(check.notes))
    assert not any("does not know" in text for text in posterior.check(galaxy).notes[()])


@pytest.mark.heavy
def test_weights_take_in_the_bands_that_the_network_does_not_know(posterior, truth):
    """The network sees r alone; the exact posterior, all four."""
    _, galaxy = truth
    fit = sedflow.fit(galaxy, posterior, n=4000, seed=2, trust="auto")
    assert fit.verdict.kind in ("amortized", "reweighted")
    assert fit.predicted.flux.shape[-1] == 4
    pull = (fit.draws.quantile(fit.predicted.flux[..., 3], 0.5) - galaxy.flux[3]) / galaxy.sigma[3]
    assert abs(float(pull)) < 2
    r_only = sedflow.fit(galaxy.select("r"), posterior, n=4000, seed=2, trust="auto")
    width, wide = (
        np.ptp(f.draws.quantile(f.draws["log_mstar"], [0.16, 0.84])) for f in (fit, r_only)
    )
    assert width < 0.8 * wide


@pytest.mark.heavy
def test_mcmc_and_weights_agree_in_any_bands(posterior, truth):
    galaxy = truth[1]
    fit = sedflow.fit(galaxy, posterior, n=4000, seed=2, trust="auto")
    draws = sedflow.MCMCSampler().sample(galaxy, n=4000, seed=1)
    assert draws.convergence.converged
    apart = sedflow.validation.distance(fit.draws, draws, seed=1)
    assert apart.wasserstein.mean() < 2 * apart.wasserstein_floor.mean() + 0.03


def test_mcmc_names_a_redshift_that_a_band_does_not_allow():
    galaxy = Photometry([1.0, 2.0], [0.1, 0.1], 0.4, ("u", "J"))
    with pytest.raises(BadPhotometry, match=r"redshift 0.4 is beyond .* stops covering u, J"):
        sedflow.MCMCSampler().sample(galaxy, n=10)


def test_a_model_takes_any_bands_as_its_own(theta):
    model = SEDModel(bands=("decam-g", "J"))
    assert model.photometry(theta[:2], 0.1).shape == (2, 2)
