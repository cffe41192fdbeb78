"""Units of fluxes and magnitudes as catalogues spell them, against astropy's conversions."""

import numpy as np
import pandas as pd
import pytest
from astropy import units as u
from astropy.table import Column
from hypothesis import given, settings
from hypothesis import strategies as st

import sedflow
from sedflow import Photometry
from sedflow.bands import load_band
from sedflow.errors import BadPhotometry, SedflowError
from sedflow.flux_units import error_step, flux_unit, same_flux_unit
from sedflow.zero_points import SOFTENING, pair_to_nanomaggies, to_nanomaggies

FLUX = np.array([110.0, 275.0, 378.0, 474.0, 529.0])  # [uJy]
SIGMA = np.array([7.0, 6.0, 8.0, 10.0, 21.0])
WANT, ERROR = FLUX / 3.631, SIGMA / 3.631
LN10 = np.log(10.0)


@pytest.mark.parametrize(
    ("text", "unit"),
    [
        ("UJY", u.uJy),
        ("uJy", u.uJy),
        ("microJansky", u.uJy),
        ("\u00b5Jy", u.uJy),
        ("10-3Jy", u.mJy),
        ("10-6 Jy", u.uJy),
        ("10**-6 Jy", u.uJy),
        ("1e-6Jy", u.uJy),
        ("mJy", u.mJy),
        ("JY", u.Jy),
        ("nJy", u.nJy),
        ("3.631e-6 Jy", 3.631 * u.uJy),
        ("nanomaggie", 3.631 * u.uJy),
        ("NANOMAGGY", 3.631 * u.uJy),
        ("nMgy", 3.631 * u.uJy),
        ("maggies", 3631 * u.Jy),
        ("erg/s/cm2/Hz", u.erg / u.s / u.cm**2 / u.Hz),
        ("ergs/cm^2/s/Hz", u.erg / u.s / u.cm**2 / u.Hz),
        ("erg s-1 cm-2 Hz-1", u.erg / u.s / u.cm**2 / u.Hz),
        ("10^-29 erg/s/cm2/Hz", u.uJy),
        ("W/m2/Hz", u.W / u.m**2 / u.Hz),
    ],
)
def test_spellings_of_flux_densities_are_astropys_units(text, unit):
    unit = unit if isinstance(unit, u.Quantity) else 1 * unit
    assert flux_unit(text).scale == pytest.approx(unit.to_value(3.631 * u.uJy), rel=1e-9)


@pytest.mark.parametrize("text", ["mag", "AB", "mag_AB", "ABmag", "AB mag", "mag(AB)", "mag(mgy)"])
def test_spellings_of_ab_magnitudes(text):
    assert to_nanomaggies(17.3, flux_unit(text))[0] == pytest.approx(10 ** (0.4 * (22.5 - 17.3)))


@pytest.mark.parametrize(
    "text",
    ["erg/s/cm2/A", "erg/cm^2/s/Angstrom", "erg s-1 cm-2 A-1", "ergs/cm2/s/AA", "flam"],
)
def test_flux_densities_per_wavelength_need_the_pivot(text):
    with pytest.raises(SedflowError, match="needs the pivot"):
        to_nanomaggies(1e-17, flux_unit(text))
    pivot = load_band("r").pivot
    flam = 3e-17 * u.erg / u.s / u.cm**2 / u.AA
    right = flam.to_value(3.631 * u.uJy, u.spectral_density(pivot * u.AA))
    found = to_nanomaggies(3e-17, flux_unit(text), pivot=pivot)[0]
    assert found == pytest.approx(right, rel=1e-9)
    scaled = to_nanomaggies(3.0, flux_unit("1e-17 erg/s/cm2/A"), pivot=pivot)[0]
    assert scaled == pytest.approx(right, rel=1e-9)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("MJY", "millijansky or megajansky"),
        ("[uJy]", "logarithm"),
        ("dex", "dex of what"),
        ("counts/s", "zero point"),
        ("adu", "zero point"),
        ("km/s", "neither a flux density"),
        ("mag arcsec-2", "neither a flux density"),
        ("uJy/beam", "neither a flux density"),
        ("0 Jy", "neither a flux density"),
        ("1e-400 Jy", "neither a flux density"),
        ("furlong", "neither a flux density"),
        ("", "neither a flux density"),
    ],
)
def test_what_may_be_two_units_or_none_is_refused(text, why):
    with pytest.raises(SedflowError, match=why):
        flux_unit(text)


def test_units_are_the_same_or_not():
    assert same_flux_unit("uJy", "10-6Jy")
    assert same_flux_unit("mag", "mag(Vega)")  # mag alone says nothing of the system
    assert not same_flux_unit("mag(AB)", "mag(Vega)")
    assert not same_flux_unit("uJy", "mJy")
    assert not same_flux_unit("uJy", "furlong")
    assert (error_step("mag"), error_step("dex"), error_step("uJy")) == (0.4, 1.0, None)


def _is_right(galaxy, rtol=1e-9):
    np.testing.assert_allclose(galaxy.flux, WANT, rtol=rtol)
    np.testing.assert_allclose(galaxy.sigma, ERROR, rtol=rtol)


def test_photometry_takes_every_kind_of_quantity():
    flux, sigma = FLUX * u.uJy, SIGMA * u.uJy
    relative = SIGMA / FLUX
    at_pivot = u.spectral_density([load_band(b).pivot for b in "ugriz"] * u.AA)
    flam = u.erg / u.s / u.cm**2 / u.AA
    for pair in (
        (flux.to(u.ABmag), relative * 2.5 / LN10 * u.mag),
        (flux.to(u.dex(u.uJy)), relative / LN10 * u.dex),
        (flux.to(u.dB(u.mJy)), 10 * relative / LN10 * u.dB),
        (flux.to(u.mag(u.Jy)), 2.5 * relative / LN10 * u.mag),
        (flux.to(flam, at_pivot), sigma.to(flam, at_pivot)),
        (Column(FLUX, unit="uJy"), Column(SIGMA * 1e-3, unit="mJy")),
    ):
        _is_right(sedflow.Photometry(*pair, 0.05))
        _is_right(sedflow.Photometry(*([p, p] for p in pair), 0.05)[1])
    st_mag = flux.to(u.STmag, at_pivot)
    _is_right(sedflow.Photometry(st_mag, 2.5 * relative / LN10 * u.mag, 0.05), rtol=1e-3)


def test_photometry_takes_plain_numbers_in_a_stated_unit():
    magnitude = 23.9 - 2.5 * np.log10(FLUX)
    _is_right(sedflow.Photometry(FLUX, SIGMA, 0.05, unit="uJy"))
    mags = sedflow.Photometry(magnitude, 2.5 / LN10 * SIGMA / FLUX, 0.05, unit="mag(AB)")
    _is_right(mags, rtol=1e-4)
    assert mags.unit == "nanomaggies"
    with pytest.raises(BadPhotometry, match="does not name a system"):
        sedflow.Photometry(magnitude, SIGMA, 0.05, unit="mag")


def test_magnitudes_of_other_systems_have_their_zero_points():
    made = sedflow.Photometry.from_magnitudes
    vega = made([18.0, 17.0], [0.1, 0.1], 0.05, ("J", "H"), zero_point=["1594 Jy", "1024 Jy"])
    right = np.array([1594.0, 1024.0]) / 3631 * 1e9 * 10 ** (-0.4 * np.array([18.0, 17.0]))
    np.testing.assert_allclose(vega.flux, right, rtol=1e-9)
    np.testing.assert_allclose(vega.sigma, right * 0.1 * LN10 / 2.5, rtol=1e-9)
    same = made([18.0, 17.0], [0.1, 0.1], 0.05, ("J", "H"), zero_point=[1594 * u.Jy, 1024 * u.Jy])
    np.testing.assert_allclose(same.flux, right, rtol=1e-9)
    offset = made([18.0], [0.1], 0.05, ("J",), system="Vega").flux
    np.testing.assert_allclose(offset, 10 ** (0.4 * (22.5 - 18.91)), rtol=1e-9)
    with pytest.raises(BadPhotometry, match="zero point of wise2010-W3"):
        made([18.0], [0.1], 0.05, ("wise2010-W3",), system="Vega")
    with pytest.raises(BadPhotometry, match="no softening"):
        made([18.0], [0.1], 0.05, ("J",), system="asinh")


@settings(deadline=None)
@given(st.sampled_from("ugriz"), st.floats(14.0, 26.0), st.floats(0.001, 1.5))
def test_asinh_magnitudes_are_the_inverse_of_the_surveys_definition(band, magnitude, error):
    """m = -2.5 / ln 10 (asinh(f / 2b) + ln b), by the survey's own equation."""
    flux, sigma = pair_to_nanomaggies(magnitude, error, "asinh", "mag", band=band, pivot=None)
    b = SOFTENING[band]
    back = -2.5 / LN10 * (np.arcsinh(flux * 1e-9 / (2 * b)) + np.log(b))
    assert back == pytest.approx(magnitude, abs=1.3e-5)
    step = 1e-4
    slope = (
        pair_to_nanomaggies(magnitude - step, 1, "asinh", "mag", band=band, pivot=None)[0]
        - pair_to_nanomaggies(magnitude + step, 1, "asinh", "mag", band=band, pivot=None)[0]
    ) / (2 * step)
    assert sigma == pytest.approx(slope * error, rel=0.1)


@settings(deadline=None)
@given(
    st.sampled_from(["uJy", "mJy", "nJy", "1e-17 erg/s/cm2/A", "dex(uJy)", "mag(Jy)", "dB(Jy)"]),
    st.floats(0.1, 50.0),
    st.floats(0.001, 0.5),
    st.sampled_from(["u", "z", "J", "W1"]),
)
def test_conversions_are_astropys(text, value, error, band):
    pivot = load_band(band).pivot * u.AA
    unit = u.Unit("1e-17 erg/(s cm2 Angstrom)") if "erg" in text else u.Unit(text)
    quantity = value * unit if "(" not in text or "erg" in text else unit * value
    quantity = u.Quantity(quantity) if "(" not in text or "erg" in text else quantity.physical
    right = quantity.to_value(3.631 * u.uJy, u.spectral_density(pivot))
    errors = {"dex(uJy)": "dex", "mag(Jy)": "mag", "dB(Jy)": "dB"}.get(text, text)
    flux, sigma = pair_to_nanomaggies(value, error, text, errors, band=band, pivot=pivot.value)
    assert flux == pytest.approx(right, rel=1e-6)
    step = {"dex": 1.0, "mag": 0.4, "dB": 0.1}.get(errors)
    wanted = right * LN10 * step * error if step else right / value * error
    assert sigma == pytest.approx(wanted, rel=1e-6)


@pytest.mark.parametrize("zero", [25.0, 0, object(), "25", {"J": 1}])
def test_a_zero_point_that_is_no_flux_density_is_told(zero):
    with pytest.raises(BadPhotometry, match=r"zero.point"):
        Photometry.from_magnitudes([18.0, 17.0], [0.1, 0.1], 0.05, ("J", "H"), zero_point=zero)


def test_labels_of_pandas_that_say_another_band_are_refused():
    """Values count by their place: those of z taken for u gave another galaxy."""
    flux, sigma = [30.4, 75.8, 104.4, 130.5, 145.7], [2.0, 1.6, 2.1, 2.9, 5.7]
    frame = pd.DataFrame([flux], columns=list("ugriz"))
    errors = pd.DataFrame([sigma], columns=list("ugriz"))
    assert Photometry(frame, errors, [0.05]).flux.tolist() == [flux]
    assert Photometry(frame[list("gr")], errors[list("gr")], [0.05], bands="gr").shape == (1,)
    sdss = frame.rename(columns=lambda b: f"sdss-{b}")
    assert Photometry(sdss, errors.to_numpy(), [0.05]).flux.tolist() == [flux]
    for wrong in (frame[list("zirgu")], frame.rename(columns={"u": "NUV"})):
        with pytest.raises(BadPhotometry, match="flux has the labels"):
            Photometry(wrong, errors, [0.05])
    with pytest.raises(BadPhotometry, match="sigma has the labels"):
        Photometry(frame.iloc[0], errors.iloc[0][::-1], 0.05)
    with pytest.raises(BadPhotometry, match="magnitude has the labels"):
        Photometry.from_magnitudes(frame.iloc[0][::-1] / 10, sigma, 0.05)
