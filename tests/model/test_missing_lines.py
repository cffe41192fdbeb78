"""Lines that a grid lacks are named by redshift and band, for blue galaxies alone."""

from dataclasses import replace

import numpy as np
import pytest

import sedflow
from sedflow.bands import load_band, nanomaggies
from sedflow.model.lines import line_wavelength
from sedflow.model.missing_lines import band_of_line, missing_lines
from sedflow.model.sed import default_model
from sedflow.model.ssp import load_ssp
from sedflow.photometry import Photometry

BLUE, RED = [18.2, 17.3, 16.9, 16.7, 16.6], [19.0, 17.4, 16.6, 16.2, 15.9]


def galaxy(magnitudes, redshift, bands="ugriz"):
    flux = nanomaggies(np.array(magnitudes))
    return Photometry(flux, 0.03 * flux, redshift, tuple(bands))


@pytest.mark.parametrize("name", ["H-alpha", "[O III] 5007", "[O II] 3729"])
@pytest.mark.parametrize("redshift", [0.002, 0.02, 0.06, 0.12, 0.25])
def test_a_line_is_in_the_band_that_passes_most_of_it(name, redshift):
    found = band_of_line(name, redshift, "ugriz")
    wave = line_wavelength(name) * (1 + redshift)
    share = {b: np.interp(wave, load_band(b).wavelength, load_band(b).response) for b in "ugriz"}
    if found:
        assert share[found] > 0
        low, high = load_band(found).extent
        assert low < wave < high
    else:
        assert max(share[b] / load_band(b).response.max() for b in "ugriz") <= 0.2


def test_h_alpha_moves_from_r_through_i_to_z():
    found = [band_of_line("H-alpha", z, "ugriz") for z in np.arange(0.0, 0.31, 0.01)]
    moves = [band for k, band in enumerate(found) if band and band not in found[:k]]
    assert moves == ["r", "i", "z"]
    assert band_of_line("H-alpha", 0.1, "ugriz") == "i"
    assert band_of_line("H-alpha", 0.1, "ugz") == ""


def test_blue_galaxies_without_gas_are_told_and_red_ones_are_not():
    fsps = load_ssp("fsps")
    (text,) = missing_lines(galaxy(BLUE, 0.1), fsps).reshape(-1)
    assert "H-alpha falls into i" in text and "fsps-gas" in text and "metallicity" in text
    assert missing_lines(galaxy(RED, 0.1), fsps)[()] == ""
    nearby = missing_lines(galaxy(BLUE, 0.01), fsps)[()]
    assert "H-alpha falls into r" in nearby and "metallicity" not in nearby
    assert missing_lines(galaxy(BLUE, 0.1), load_ssp("bc03"))[()]
    assert missing_lines(galaxy(BLUE, 0.1), load_ssp("fsps-gas"))[()] == ""
    assert "[O III]" in missing_lines(galaxy(BLUE[:2] + BLUE[3:4], 0.05, "ugr"), fsps)[()]
    assert missing_lines(galaxy(BLUE[2:], 0.1, "riz"), fsps)[()] == ""  # no colour


def test_nothing_is_said_about_a_grid_of_which_nothing_is_known():
    own = replace(load_ssp("fsps"))
    assert missing_lines(galaxy(BLUE, 0.1), own)[()] == ""


def test_a_batch_has_a_sentence_for_each():
    flux = nanomaggies(np.array([BLUE, RED, BLUE]))
    flux[2, 1] = np.nan
    many = Photometry(flux, 0.03 * flux, np.array([0.1, 0.1, 0.1]), tuple("ugriz"))
    said = missing_lines(many, load_ssp("fsps"))
    assert [bool(text) for text in said] == [True, False, False]


def test_check_and_fit_name_the_line(posterior):
    blue = galaxy(BLUE, 0.1)
    assert any(
        "H-alpha falls into i" in note for note in posterior.check(blue, draws=False).notes[()]
    )
    assert not posterior.check(galaxy(RED, 0.1), draws=False).notes[()]
    draws = sedflow.Draws(sedflow.Prior().sample(30, seed=1))
    fit = sedflow.fits.Fit(blue, draws, default_model("fsps"))
    assert "H-alpha falls into i" in fit.notes[0]
    assert "H-alpha falls into i" in fit._repr_html_()
    assert replace(fit, model=default_model("fsps-gas")).notes == ()


def test_a_galaxy_of_noise_alone_is_called_neither_blue_nor_red():
    flux = nanomaggies(np.array(BLUE))
    noisy = Photometry(flux, 4.0 * flux, 0.1, tuple("ugriz"))
    assert missing_lines(noisy, load_ssp("fsps"))[()] == ""
