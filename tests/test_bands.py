"""Bands by name, from files and from arrays, against the photometry of speclite and sedpy."""

import subprocess
import sys
from pathlib import Path

import astropy.units as u
import numpy as np
import pytest
from astropy.table import Table
from fuzz import answer, damaged, inputs
from hypothesis import given

import sedflow
from sedflow import Photometry, SEDModel, bands
from sedflow.bands import (
    BAND_ALIASES,
    Band,
    ab_magnitude,
    add_band,
    band_names,
    band_weights,
    load_band,
)
from sedflow.catalogue.rows import BandColumns, ColumnMap
from sedflow.curve_hashes import check_curves, own_curves
from sedflow.errors import BadPhotometry, SedflowError, UnknownBand
from sedflow.units import as_number


@pytest.fixture
def own_bands(monkeypatch):
    """Bands that are added here are forgotten afterwards."""
    monkeypatch.setattr(bands, "_ADDED", {})


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


@pytest.mark.parametrize("name", ["galex-fuv", "galex-nuv", "sdss2010-g", "hsc2017-i"])
def test_magnitudes_of_a_spectrum_of_the_model_are_those_of_its_steps(name):
    from speclite.filters import load_filter

    model, curve = SEDModel("bc03"), load_filter(name)
    spectrum, steps = (
        model.spectrum(sedflow.Prior().sample(1, seed=4)[0], 0.1),
        (np.arange(20) + 0.5) / 20,
    )
    edges = 1.1 * model.grid.wave_edges
    wave = (edges[:-1, None] + steps * np.diff(edges)[:, None]).ravel()
    flux = np.repeat(spectrum.flux, 20) * 1e-17 * u.erg / u.s / u.cm**2 / u.AA
    mine = ab_magnitude(spectrum.flux @ band_weights([load_band(name)], edges))[0]
    assert mine == pytest.approx(curve.get_ab_magnitude(flux, wave * u.AA), abs=3e-4)


@pytest.mark.parametrize("name", ["FUV", "NUV", "J", "H", "Ks", "wise_w1", "decam_g", "sdss_r0"])
def test_magnitudes_are_those_of_sedpy(smooth, name):
    Filter = pytest.importorskip("sedpy.observate").Filter
    edges, wave, flux = smooth
    mine = ab_magnitude(flux @ band_weights([load_band(name)], edges))[0]
    theirs = Filter(BAND_ALIASES.get(name, name).replace("-", "_")).ab_mag(wave, flux * 1e-17)
    assert mine == pytest.approx(theirs, abs=1e-3)  # sedpy samples the curve on a grid of its own


@pytest.mark.parametrize("name", ["FUV", "NUV", "J", "H", "Ks"])
def test_curves_are_those_of_sedpy(name):
    """Bit for bit in GALEX, whose networks were trained on them; 2MASS up to a factor."""
    curve = pytest.importorskip("sedpy.observate").Filter(
        BAND_ALIASES[name].replace("twomass-", "twomass_")
    )
    band, response = load_band(name), curve.transmission / curve.transmission.max()
    np.testing.assert_array_equal(band.wavelength, curve.wavelength)
    if name in ("FUV", "NUV"):
        np.testing.assert_array_equal(band.response, response)
    np.testing.assert_allclose(band.response / band.response.max(), response, rtol=1e-13)


def test_without_sedpy_the_core_curves_are_there_and_others_name_the_extra():
    code = """
import sys
from pathlib import Path
sys.modules["sedpy"] = None
from sedflow.bands import BAND_ALIASES, band_names, load_band
from sedflow.errors import UnknownBand
for name in BAND_ALIASES:
    assert load_band(name).name == name in band_names()
try:
    load_band("acs_wfc_f814w")
except UnknownBand as error:
    print(error)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "needs pip install 'sedflow-explorer[filters]'" in done.stdout


@pytest.mark.slow
def test_every_name_has_a_curve():
    """All of speclite's and sedpy's, and the short names for some of them."""
    pytest.importorskip("sedpy")
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
        ("0.005 1\n0.006 1\n", "names no unit, where galaxies are dark"),
        ("# wave[A] response\n5 1\n6 1\n", "pivot wavelength of 5.* A, where galaxies are dark"),
        ("2000 1\n2200 1\n", "2100 A in the ultraviolet or 2100 nm in the infrared; put the unit"),
        ("# wave[km/s] t\n2000 1\n2200 1\n", "names no unit"),
        ("6500 1\n6400 1\n6600 1\n", "they turn 1 times; keep one curve"),
        ("6500 1\n6600 1\n6600 0\n", "6600 A appears twice"),
        ("6500 1\n6600 1\nend\n", "line 3 is not numbers: 'end'"),
        ("wave u g r\n6500 1 2 3\n", "none of them is alone the wavelength or the response"),
        ("6500 1 2 3\n6600 1 2 3\n", "4 numbers a line and no names of columns"),
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


SHAPE = np.exp(-0.5 * ((np.linspace(1900, 2400, 81) - 2150) / 80) ** 2)
NEAR = np.linspace(19_000, 24_000, 81)  # [A]


def lines(wave, response, head="", between=" "):
    body = "\n".join(f"{w:.7g}{between}{r:.7g}" for w, r in zip(wave, response, strict=True))
    return f"{head}\n{body}\n" if head else body + "\n"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (lines(NEAR / 10, SHAPE, "# wavelength[nm] response"), "in nm, as the file says"),
        (lines(NEAR / 10, SHAPE, "# lambda (nanometers), transmission", ","), "in nm, as"),
        (lines(NEAR / 10, SHAPE, "wave_nm,throughput", ","), "in nm, as the file says"),
        (lines(NEAR / 10, SHAPE, "Wavelength(nm);Transmission(%)", ";"), "in nm, as the file"),
        (lines(NEAR / 1e4, SHAPE, "# wavelength in microns"), "in um, as the file says"),
        (lines(NEAR / 1e4, SHAPE), "wavelengths around 2.15 are taken as um"),
        (lines(NEAR[::-1] / 1e4, SHAPE[::-1]), "descend in the file, and were sorted"),
        (lines(NEAR, np.r_[-1e-4, SHAPE[1:]]), "below zero, noise, were set to zero"),
        (lines(NEAR, 100 * SHAPE, "# wave trans[%]"), "count as per cent"),
        (lines(2.99792458e9 / NEAR[::-1], SHAPE[::-1], "# frequency[GHz] response"), "in GHz"),
        ("\ufeff" + lines(NEAR / 1e4, SHAPE, "# \u03bb[\u03bcm] T"), "in um, as the file says"),
        (lines(NEAR, SHAPE), "names no unit; wavelengths around 2.15e+04 are taken as Angstrom"),
    ],
)
def test_a_curve_is_read_in_the_unit_of_its_file_and_says_so(tmp_path, text, told):
    path = tmp_path / "mine.dat"
    path.write_text(text, "utf-8")
    band = load_band(str(path))
    assert told in band.about
    assert band.pivot == pytest.approx(Band("right", NEAR, SHAPE).pivot, rel=2e-4)
    assert f"pivot {band.pivot:.5g} A" in band.about


@pytest.mark.parametrize("detector", [0, 1])
def test_what_a_detector_counts_is_read_from_the_observatory_s_file(tmp_path, detector):
    """A response per energy is one per photon, divided by the wavelength."""
    path = tmp_path / "svo.xml"
    cells = "".join(
        f"<TR><TD>{w}</TD><TD>{r}</TD></TR>" for w, r in zip(WAVE, RESPONSE, strict=True)
    )
    path.write_text(
        '<?xml version="1.0"?><VOTABLE version="1.1"><RESOURCE type="results"><TABLE>'
        f'<PARAM name="DetectorType" value="{detector}" datatype="char" arraysize="*"/>'
        '<PARAM name="PhotCalID" value="My/Filter/Vega" datatype="char" arraysize="*"/>'
        '<FIELD name="Wavelength" unit="Angstrom" datatype="double"/>'
        '<FIELD name="Transmission" unit="" datatype="double"/>'
        f"<DATA><TABLEDATA>{cells}</TABLEDATA></DATA></TABLE></RESOURCE></VOTABLE>"
    )
    band = load_band(str(path))
    right = RESPONSE if detector else RESPONSE / WAVE
    shape = band.response / band.response.max()
    np.testing.assert_allclose(shape, right / right.max(), rtol=1e-9)
    assert ("per energy" in band.about) == (detector == 0)
    assert "My/Filter/Vega" in band.about


@pytest.mark.parametrize(
    ("head", "is_magnitude"),
    [
        ("# wave transmission [mag]", True),
        ("# wavelength(A) transmission_mag", True),
        ("# wavelength[A] response in magnitudes", True),
        ("# wavelength[A] absorption (mag)", True),
        ("# wavelength[A] -2.5 log T", True),
        ("# wavelength[A] transmission  (mag)", True),
        ("# atmospheric extinction (mag) 0.12 applied\n# wavelength[A] response", False),
        ("# extinction_mag = 0.1\n# wavelength[A] response", False),
        ("# transmission in mag", True),
        ("# wave T_mag", True),
        ("# wave sens[mag]", True),
        ("# wavelengths in A; response; m = -2.5 log(f)", False),
        ("# Response (magnitudes are AB)\n# wavelength[A] response", False),
        ("# wavelength[A] response (mag system: AB)", False),
        ("# AB: m = -2.5 log10(fnu) - 48.60\n# wavelength[A] transmission", False),
        ("# wavelength[A] transmission, extinction in mag/airmass", False),
        ("# extinction (mag/airmass) 0.1 is included\n# wavelength[A] transmission", False),
        ("# Lambda[A] Transmission\n# Magnitude system: AB", False),
        ("# wavelength (A) transmission\n# mag zeropoint 25.0", False),
        ("# wavelength (A) Response; mag system AB", False),
        ("# r band, AB magnitudes\n# wavelength[A] transmission", False),
        ("# wavelength[A] response of the Magellan telescope", False),
    ],
)
def test_responses_in_magnitudes_are_refused(tmp_path, head, is_magnitude):
    wave = np.linspace(4500.0, 6500.0, 201)
    path = tmp_path / "mine.dat"
    path.write_text(lines(wave, 1 + np.exp(-0.5 * ((wave - 5500) / 250) ** 2), head))
    if is_magnitude:
        with pytest.raises(SedflowError, match="its responses are in magnitudes; give 10"):
            load_band(str(path))
    else:
        assert load_band(str(path)).pivot > 5000


@pytest.mark.parametrize("name", ["absorbance", "optical_depth", "log_transmission", "ln(T)"])
def test_logarithms_of_responses_are_refused(tmp_path, name):
    path = tmp_path / "mine.dat"
    wave = np.linspace(4500.0, 6500.0, 201)
    path.write_text(lines(wave, np.exp(-0.5 * ((wave - 5500) / 250) ** 2), f"# wave[A] {name}"))
    with pytest.raises(SedflowError, match="is not the response; give the response itself"):
        load_band(str(path))


@pytest.mark.parametrize(
    ("head", "energy"),
    [
        ("# wavelength[A] response per energy", True),
        ("# wavelength[A] transmission (in energy units)", True),
        ("# wavelength[A] energy-weighted transmission", True),
        ("# wavelength[A] response_energy", True),
        ("# wavelength(A) energy response", True),
        ("# wavelength[A] QE [electrons/erg]", True),
        ("# DetectorType = energy counter\n# wavelength[A] T", True),
        ("# wavelength[A] response per photon", False),
        ("# wavelength[A] electrons/photon", False),
        ("# wavelength[A] transmission, photon counting", False),
    ],
)
def test_a_text_file_says_whether_it_counts_energy(tmp_path, head, energy):
    wave = np.linspace(4500.0, 6500.0, 201)
    response = np.exp(-0.5 * ((wave - 5500) / 250) ** 2)
    path = tmp_path / "mine.dat"
    path.write_text(lines(wave, response, head))
    right = Band("right", wave, response / wave if energy else response)
    band = load_band(str(path))
    assert band.pivot == pytest.approx(right.pivot, abs=0.05)
    assert ("per energy" in band.about) == energy


def test_curves_given_as_arrays_may_descend_but_not_be_in_another_unit():
    band = Band("mine", WAVE[::-1], RESPONSE[::-1])
    np.testing.assert_array_equal(band.wavelength, WAVE)
    np.testing.assert_array_equal(band.response, RESPONSE)
    with pytest.raises(UnknownBand, match=r"0.6\d+ A, where galaxies are dark; .* unit"):
        Band("micron", WAVE / 1e4, RESPONSE)


TEXT = "\n".join(f"{w:.1f} {r:.4f}" for w, r in zip(WAVE, RESPONSE, strict=True)).encode()


@inputs(40)
@given(damaged(TEXT, most=12))
def test_a_damaged_curve_is_a_curve_or_a_sentence(tmp_path_factory, content):
    path = tmp_path_factory.mktemp("curve") / "mine.dat"  # a path keeps its curve
    path.write_bytes(content)
    band = answer(load_band, str(path))
    if band is not None:
        lines = [line.split() for line in path.read_text().splitlines()]
        rows = [[*map(as_number, line)] for line in lines if line and line[0][0] not in "#!%;\\|}"]
        rows = np.array(rows)[:: 1 if rows[0][0] < rows[-1][0] else -1]
        scale = 1.0 if "taken as Angstrom" in band.about else 10 if "as nm" in band.about else 1e4
        np.testing.assert_allclose(band.wavelength, scale * rows[:, 0])
        np.testing.assert_allclose(band.response, np.maximum(rows[:, 1], 0))
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


@pytest.mark.parametrize("width", [1e3, 1.0, 0.3, 0.1, 1e-3, 2e-4, 1e-6])
def test_narrow_curves_keep_their_digits(width):
    """A triangle, whose integrals are known: base times height over two, at its wavelength."""
    wave = np.array([5000.0 - width / 2, 5000.0, 5000.0 + width / 2])
    band = Band("triangle", wave, np.array([0.0, 1.0, 0.0]))
    everything, area = np.array([0.0, np.inf]), (wave[2] - wave[0]) / 2
    low, high = (wave[1] - wave[0]) / 5000.0, (wave[2] - wave[1]) / 5000.0
    inverse = (1 + 1 / high) * np.log1p(high) + (1 - 1 / low) * -np.log1p(-low)
    if width < 1:  # these logarithms lose digits, too: the series of (ln(1 + x) - x) / x
        inverse = area / 5000.0 * (1 + (width / 2 / 5000.0) ** 2 / 6)
    assert band.integral(everything, 1)[0] == pytest.approx(area * 5000.0, rel=1e-6)
    assert band.integral(everything, -1)[0] == pytest.approx(inverse, rel=2e-6)
    assert band.pivot == pytest.approx(5000.0, abs=max(width**2 / 2e4, 0.02 * width))
    inner = band.integral(np.linspace(wave[0], wave[2], 9), 1)
    assert (inner > 0).all()
    assert inner.sum() == pytest.approx(area * 5000.0, rel=1e-6)


@pytest.mark.parametrize(
    ("wave", "response"),
    [
        ([5000.0, 5100.0, 5200.0], [1e300, 1e304, 1e300]),
        ([1e-300, 1.0, 1e300], [1.0, 1.0, 1.0]),
        ([5000.0, 5100.0, np.inf], [1.0, 1.0, 1.0]),
        ([1e150, 2e150, 3e150], [1.0, 1.0, 1.0]),
        ([5000.0, 5100.0, 5200.0], [5e-324, 0.0, 0.0]),
    ],
)
def test_a_curve_whose_integral_cannot_be_computed_is_refused(wave, response):
    with pytest.raises(UnknownBand, match="beyond what can be computed"):
        Band("far", np.array(wave), np.array(response))


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
    note = "the network does not know decam-g, lsst-y, J and ignores the data in them"
    for one in (
        truth[1],
        Photometry(
            *(np.stack([a, a]) for a in (truth[1].flux, truth[1].sigma)), 0.06, truth[1].bands
        ),
    ):
        check = posterior.check(one, draws=False)
        assert all(note in found[-1] for found in np.ravel(check.notes))
    assert not any("does not know" in text for text in posterior.check(galaxy).notes[()])


@pytest.mark.heavy
def test_weights_take_in_the_bands_that_the_network_does_not_know(posterior, truth):
    """The network sees r alone; the exact posterior, all four."""
    _, galaxy = truth
    fit = sedflow.fit(galaxy, posterior, n=4000, seed=2, trust="auto")
    assert fit.verdict.kind in ("exact (weights)", "exact (adapted weights)")
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


@pytest.mark.parametrize("letter", "ugriz")
def test_a_curve_read_from_its_file_is_that_of_speclite(letter):
    from speclite.filters import load_filter

    curve, band = load_filter(f"sdss2010-{letter}"), load_band(letter)
    np.testing.assert_array_equal(band.wavelength, curve.wavelength)
    np.testing.assert_array_equal(band.response, curve.response)


def curve(path, centre=6000.0):
    wave = np.linspace(centre - 900, centre + 900, 61)
    np.savetxt(path, np.c_[wave, np.exp(-0.5 * ((wave - centre) / 300) ** 2)])
    return str(path)


@pytest.mark.parametrize("how", ["spelling", "link", "copy", "height"])
def test_one_curve_under_two_names_does_not_count_twice(how, tmp_path):
    first = curve(tmp_path / "a.dat")
    second = f"{tmp_path}/./a.dat" if how == "spelling" else str(tmp_path / "b.dat")
    if how == "link":
        Path(second).symlink_to(first)
    elif how != "spelling":
        wave, response = np.loadtxt(first).T
        np.savetxt(second, np.c_[wave, response * (2 if how == "height" else 1)])
    with pytest.raises(BadPhotometry, match="names of one filter curve"):
        Photometry([1.0, 1.0], [0.1, 0.1], 0.05, (first, second))
    other = curve(tmp_path / "c.dat", 7000.0)
    assert Photometry([1.0, 1.0], [0.1, 0.1], 0.05, (first, other)).bands == (first, other)


def test_what_is_stored_of_a_curve_must_be_the_curve_that_is_here(tmp_path):
    own = curve(tmp_path / "a.dat")
    stored = own_curves(("u", own, "decam2014-g"))
    assert list(stored) == [own]
    check_curves(stored, ("u", own), "the fit")
    with pytest.warns(UserWarning, match="kept no hash"):
        check_curves({}, ("u", own), "the fit")
    with pytest.raises(UnknownBand, match="the fit was made with another filter curve"):
        check_curves({own: "0" * 64}, (own,), "the fit")
    with pytest.raises(UnknownBand, match="is not here"):
        gone = str(tmp_path / "gone.dat")
        check_curves({gone: "0" * 64}, (gone,), "the fit")


def test_a_mapping_keeps_the_hash_of_its_curves(tmp_path):
    own = curve(tmp_path / "a.dat")
    mapping = ColumnMap("z", {own: BandColumns("f", "e", "nmgy")})
    (tmp_path / "m.toml").write_text(mapping.to_toml())
    assert ColumnMap.from_toml(tmp_path / "m.toml") == mapping
    changed = mapping.to_toml().replace(own_curves([own])[own], "0" * 64)
    (tmp_path / "m.toml").write_text(changed)
    with pytest.raises(SedflowError, match="another filter curve"):
        ColumnMap.from_toml(tmp_path / "m.toml")
