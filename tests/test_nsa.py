"""The atlas: packaged sample and both published layouts."""

import numpy as np
import pytest
from astropy.table import Table

import sedflow
from sedflow.errors import BadPhotometry, SedflowError, UnknownBand


def test_the_sample_holds_what_it_should(nsa):
    assert len(nsa) == 9440
    assert nsa.ids[0] == 72
    assert nsa.observed().all()
    assert 0 < nsa.observed(("FUV", "u")).sum() < len(nsa)


def test_the_papers_galaxy_has_the_papers_magnitudes(nsa):
    galaxy = nsa.photometry(72)
    printed = [18.794628, 17.801994, 17.454891, 17.212591, 17.092417]
    np.testing.assert_allclose(galaxy.magnitude, printed, atol=1e-5)
    np.testing.assert_allclose(
        galaxy.magnitude_error, [0.07235, 0.02256, 0.02213, 0.02401, 0.04271], rtol=1e-4
    )
    assert galaxy.ids == 72


def test_an_array_of_ids_is_a_batch(nsa):
    batch = nsa.photometry(nsa.ids[[5, 3]])
    assert batch.shape == (2,)
    np.testing.assert_array_equal(batch[1].flux, nsa.photometry(nsa.ids[3]).flux)
    assert nsa.photometry(nsa.ids[:4].reshape(2, 2)).flux.shape == (2, 2, 5)


def test_galex_on_request(nsa):
    with_uv = nsa.ids[nsa.observed(("FUV", "NUV", "u"))][0]
    assert nsa.photometry(with_uv, bands=("FUV", "NUV", "u")).bands == ("FUV", "NUV", "u")
    assert nsa.photometry(72, bands=("FUV", "u")).present.tolist() == [False, True]
    with pytest.raises(BadPhotometry, match="has no flux in any of FUV, NUV"):
        nsa.photometry(72, bands=("FUV", "NUV"))


def test_unknown_galaxies_and_bands_are_refused(nsa):
    with pytest.raises(BadPhotometry, match="no galaxy with NSAID -1 in this catalogue of 9440"):
        nsa.photometry(-1)
    with pytest.raises(UnknownBand, match="the atlas has no J"):
        nsa.photometry(72, bands=("J",))


def _rows(n=3):
    rng = np.random.default_rng(0)
    return {
        "NSAID": np.arange(n), "RA": rng.uniform(0, 360, n), "DEC": rng.uniform(0, 60, n),
        "Z": np.full(n, 0.03, "f4"), "ZDIST": np.full(n, 0.031, "f4"),
    }, rng.uniform(10, 100, (n, 7)).astype("f4")  # fmt: skip


def test_the_older_layout_is_read_as_it_is(tmp_path):
    rows, flux = _rows()
    Table({**rows, "NMGY": flux, "NMGY_IVAR": 1 / flux}).write(tmp_path / "v0.fits")
    nsa = sedflow.load_nsa(tmp_path / "v0.fits")
    np.testing.assert_allclose(nsa.photometry(1).flux, flux[1, 2:], rtol=1e-6)


def test_the_newer_layout_is_corrected_for_extinction(tmp_path):
    rows, flux = _rows()
    extinction = np.linspace(0.7, 0.1, 7, dtype="f4") * np.ones((3, 1), "f4")
    columns = {}
    for kind, factor in (("ELPETRO", 1), ("SERSIC", 2)):
        columns[f"{kind}_FLUX"] = factor * flux
        columns[f"{kind}_FLUX_IVAR"] = 1 / flux
    Table({**rows, **columns, "EXTINCTION": extinction}).write(tmp_path / "v1.fits")
    brighter = 10 ** (0.4 * extinction[1, 2:])
    galaxy = sedflow.load_nsa(tmp_path / "v1.fits").photometry(1)
    np.testing.assert_allclose(galaxy.flux, flux[1, 2:] * brighter, rtol=1e-5)
    np.testing.assert_allclose(galaxy.sigma, np.sqrt(flux[1, 2:]) * brighter, rtol=1e-5)
    sersic = sedflow.load_nsa(tmp_path / "v1.fits", flux="sersic").photometry(1)
    np.testing.assert_allclose(sersic.flux, 2 * galaxy.flux, rtol=1e-6)


def test_other_files_are_refused(tmp_path):
    rows, flux = _rows()
    Table(rows).write(tmp_path / "other.fits")
    with pytest.raises(SedflowError, match="has the columns of neither NSA v0_1_2"):
        sedflow.load_nsa(tmp_path / "other.fits")
    (tmp_path / "text.fits").write_text("not a FITS file")
    with pytest.raises(SedflowError, match=r"text\.fits cannot be read as an NSA FITS file"):
        sedflow.load_nsa(tmp_path / "text.fits")
    with pytest.raises(SedflowError, match="cannot be read"):
        sedflow.load_nsa(tmp_path / "nowhere.fits")
    rows["NSAID"] = np.array([1, 1, 2])
    Table({**rows, "NMGY": flux, "NMGY_IVAR": flux}).write(tmp_path / "twice.fits")
    with pytest.raises(SedflowError, match="NSAID 1 stands 2 times"):
        sedflow.load_nsa(tmp_path / "twice.fits")
