"""Bands, magnitudes, and the door through which data come in."""

import uuid
from datetime import date
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest
from astropy.table import Table
from numpy.dtypes import StringDType

import sedflow
from sedflow.bands import Band, ab_magnitude, band_weights, load_band, nanomaggies
from sedflow.catalogue.rows import guess_mapping, to_photometry
from sedflow.errors import BadPhotometry, SedflowError, UnknownBand
from sedflow.fluxes import band_flux
from sedflow.photometry import Photometry


def test_a_spectrum_flat_in_fnu_has_one_ab_magnitude_in_every_band():
    edges = np.exp(np.arange(np.log(1200), np.log(13_000), 0.0005))
    wave = np.sqrt(edges[1:] * edges[:-1])
    f_nu = 3.631e-20 * 1e-9 * 7.0  # seven nanomaggies
    flux = f_nu * 2.99792458e18 / wave**2 / 1e-17
    bands = [load_band(b) for b in ("FUV", "NUV", "u", "g", "r", "i", "z")]
    np.testing.assert_allclose(flux @ band_weights(bands, edges), 7.0, rtol=1e-5)


def test_photometry_is_that_of_speclite(model, theta):
    """An independent code on the same spectrum."""
    import astropy.units as u
    from speclite.filters import load_filters

    spectrum = model.spectrum(theta[0], 0.1)
    filters = load_filters("sdss2010-*")
    flux = spectrum.flux * 1e-17 * u.erg / u.s / u.cm**2 / u.AA
    table = filters.get_ab_maggies(flux, spectrum.wavelength * u.AA)
    theirs = np.array([table[f"sdss2010-{b}"][0] for b in "ugriz"]) * 1e9
    mine = model.photometry(theta[0], 0.1)
    # speclite samples the curve at the spectrum's wavelengths; the u band has steep edges.
    np.testing.assert_allclose(-2.5 * np.log10(mine / theirs), 0, atol=0.002)


def test_bin_integrals_of_a_band_add_up_for_any_bins():
    band = load_band("g")
    whole = band.integral(np.array([3000.0, 6000.0]), 1)
    for n in (3, 10, 1000):
        parts = band.integral(np.linspace(3000, 6000, n), 1)
        assert parts.sum() == pytest.approx(whole[0], rel=1e-12)


def test_pivot_wavelengths_are_the_published_ones():
    """SDSS pivots [A], Fukugita et al. filters as measured by Doi et al. 2010."""
    for name, pivot in (("u", 3557), ("g", 4702), ("r", 6176), ("i", 7490), ("z", 8947)):
        assert load_band(name).pivot == pytest.approx(pivot, rel=0.01)


def test_magnitudes_invert_and_negative_flux_has_none():
    assert ab_magnitude(nanomaggies(17.3)) == pytest.approx(17.3)
    assert ab_magnitude(1.0) == 22.5
    assert np.isnan(ab_magnitude([-1.0, 0.0])).all()


def test_points_of_a_flat_spectrum_lie_on_it():
    pivot, flux = band_flux([5.0, 5.0], ("g", "z"))
    assert flux[0] * pivot[0] ** 2 == pytest.approx(flux[1] * pivot[1] ** 2)


def test_one_galaxy_and_a_batch():
    one = sedflow.Photometry(np.ones(5), np.ones(5), 0.05)
    many = sedflow.Photometry(np.ones((3, 5)), np.ones((3, 5)), [0.05, 0.06, 0.07], ids=[1, 2, 3])
    assert one.shape == ()
    assert many.shape == (3,)
    assert len(many) == 3
    assert many[1].redshift == 0.06
    assert many[1].ids == 2
    assert many[many.redshift > 0.055].shape == (2,)
    assert one.flat.shape == (1,)


@pytest.mark.parametrize("n", [3, 5])
def test_an_index_of_galaxies_does_not_cut_bands(n):
    many = sedflow.Photometry(np.ones((n, 5)), np.ones((n, 5)), 0.05, ids=np.arange(n))
    for wrong in ((..., 0), (0, ...), "u"):
        with pytest.raises(sedflow.SedflowError, match=r"photometry\.select\(bands\)"):
            many[wrong]
    for wrong in (n, (slice(None), 0)):
        with pytest.raises(IndexError):
            many[wrong]
    assert many[...].shape == (n,)
    assert many[None, :2].flux.shape == (1, 2, 5)
    with pytest.raises(sedflow.SedflowError, match="has a"):
        sedflow.Draws(np.ones((n, 7, 12))).galaxy((..., 0))


@pytest.mark.parametrize(
    "item", [(slice(None), 0), (0, 1), (None, 0, 1), np.ones((5, 7), bool), ([0, 1], [0, 1])]
)
def test_an_index_of_galaxies_does_not_reach_into_their_draws(item, nsa, posterior):
    galaxies = nsa.photometry(nsa.ids[:5])
    check = posterior.check(galaxies, draws=False)
    for cut in (sedflow.Draws(np.ones((5, 7, 12))).galaxy, galaxies.__getitem__, check.__getitem__):
        with pytest.raises(IndexError, match=r"axes, where the galaxies have the shape \(5,\)"):
            cut(item)
    with pytest.raises(sedflow.SedflowError, match="has a"):
        check[..., 0]


def test_draws_of_one_galaxy_have_no_index():
    one = sedflow.Draws(np.ones((7, 12)))
    for item in (0, slice(3), np.ones(7, bool)):
        with pytest.raises(IndexError, match="leave it out, of one galaxy"):
            one.galaxy(item)
    assert one.galaxy(()).theta.shape == (7, 12)
    many = sedflow.Draws(np.ones((2, 3, 7, 12)))
    assert many.galaxy((0, 1)).theta.shape == (7, 12)
    assert many.galaxy((slice(None), [0, 2])).theta.shape == (2, 2, 7, 12)
    assert many.galaxy(np.ones((2, 3), bool)).theta.shape == (6, 7, 12)


@pytest.mark.parametrize(
    "ids",
    [
        [2**63, 5],
        [2**63, -1],
        [1237648720693755918, 1.0],
        [1237648720693755918, np.nan],
        [0.5, 1.0],
        np.array([1, np.nan], dtype=object),
        [None, 1],
        np.ma.array([1, 2], mask=[0, 1]),
        pd.array(["a", None], dtype="string"),
        ["a", pd.NA],
        ["a", np.nan],
        ["a", 1.5],
        [pd.NaT, 1],
        np.array(["a", None], dtype=StringDType(na_object=None)),
        np.array([16777217, 2], "f4"),
        np.array([2049, 2], "f2"),
    ],
)
def test_ids_that_are_not_exact_are_refused(ids):
    with pytest.raises(BadPhotometry, match=r"not exact|ID is m"):
        sedflow.Photometry(np.ones((2, 5)), np.ones((2, 5)), 0.05, ids=ids)


@pytest.mark.filterwarnings("ignore::astropy.units.UnitsWarning")
@pytest.mark.filterwarnings("ignore::astropy.io.votable.exceptions.VOWarning")
def test_short_ids_are_numbers_in_files(tmp_path):
    """FITS takes numbers of one byte for yes and no, and VOTable takes none."""
    galaxies = sedflow.Photometry(
        np.full((2, 5), 100.0), np.full((2, 5), 5.0), 0.05, ids=np.array([1, 3], np.int8)
    )
    fit = sedflow.fit(galaxies, n=20, trust=None)
    for suffix in (".fits", ".vot", ".ecsv"):
        fit.to_table(tmp_path / f"fit{suffix}")
        assert Table.read(tmp_path / f"fit{suffix}")["id"].tolist() == [1, 3]


@pytest.mark.parametrize(
    "ids",
    [
        np.array(["2026-01-01"] * 2, "M8[D]"),
        [True, False],
        [1j, 2],
        [date(2026, 1, 1)] * 2,
        ["a", date(2026, 1, 1)],
        [pd.Timestamp("2026-01-01"), 1],
        ["a", True],
    ],
)
def test_ids_of_other_kinds_are_refused(ids):
    with pytest.raises(BadPhotometry, match="whole numbers or text"):
        sedflow.Photometry(np.ones((2, 5)), np.ones((2, 5)), 0.05, ids=ids)


def test_ids_of_any_length_stay_what_they_are():
    for ids in ([2**63 - 1, -1], [2**63, 2**64 - 1], ["2", "a"], [b"2", b"a"]):
        galaxies = sedflow.Photometry(np.ones((2, 5)), np.ones((2, 5)), 0.05, ids=ids)
        assert galaxies.ids.tolist() == ids
    text = sedflow.Photometry(
        np.ones((2, 5)), np.ones((2, 5)), 0.05, ids=np.array(["2", "abc"], dtype=StringDType())
    )
    assert text.ids.tolist() == ["2", "abc"]
    column = np.array([1237648720693755918, "a"], dtype=object)  # as of pandas
    numbers = sedflow.Photometry(np.ones((1, 5)), np.ones((1, 5)), 0.05, ids=column[:1])
    assert numbers.ids.dtype == np.int64
    mixed = sedflow.Photometry(np.ones((2, 5)), np.ones((2, 5)), 0.05, ids=column)
    assert mixed.ids.tolist() == ["1237648720693755918", "a"]
    unique = [uuid.UUID(int=7), uuid.UUID(int=8)]
    known = sedflow.Photometry(np.ones((2, 5)), np.ones((2, 5)), 0.05, ids=unique)
    assert known.ids.tolist() == [str(one) for one in unique]
    decimal = [Decimal("7"), Decimal("12376487206937559180")]
    known = sedflow.Photometry(np.ones((2, 5)), np.ones((2, 5)), 0.05, ids=decimal)
    assert known.ids.tolist() == [7, 12376487206937559180]
    for wrong, words in (
        ([2**64, 1], "the ID 18446744073709551616 is beyond 2.64"),
        ([Decimal("0.5"), 1], "type Decimal"),
    ):
        with pytest.raises(BadPhotometry, match=words):
            sedflow.Photometry(np.ones((2, 5)), np.ones((2, 5)), 0.05, ids=wrong)
    galaxies = sedflow.Photometry(np.ones((2, 5)), np.ones((2, 5)), 0.05, ids=[72.0, 161.0])
    assert galaxies[1].title == "161, z = 0.0500"


def test_bands_are_selected_by_name():
    p = sedflow.Photometry([1.0, 2.0, 3.0], [1.0, 1.0, 1.0], 0.1, bands=("g", "r", "z"))
    assert p.select(("z", "g")).flux.tolist() == [3.0, 1.0]
    with pytest.raises(UnknownBand, match="the photometry has no u; it has"):
        p.select(("u", "g"))


def test_negative_flux_is_data():
    assert sedflow.Photometry([-1.0, 2, 3, 4, 5], np.ones(5), 0.05).flux[0] == -1


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"flux": [np.nan, 1, 1, 1, 1]},
            "flux = nan in band u must be finite and below",
        ),
        ({"sigma": [1, np.nan, 1, 1, 1]}, "sigma = nan in band g must be finite and > 0"),
        (
            {"flux": np.full(5, np.nan), "sigma": np.full(5, np.nan)},
            "galaxy has no flux in any",
        ),
        ({"flux": [1, np.inf, 1, 1, 1]}, "flux = inf in band g"),
        ({"sigma": [1, 1, 0, 1, 1]}, "sigma = 0.0 in band r must be finite and > 0"),
        ({"sigma": [1, 1, 1, -2, 1]}, "sigma = -2.0 in band i"),
        ({"sigma": [1, 1, 1]}, "sigma has shape .3,. but flux .5,."),
        ({"flux": [1, 2, 3]}, "last axis must hold the 5 bands"),
        ({"flux": "bright"}, "must be numbers"),
        ({"redshift": -0.1}, "redshift = -0.1 is not between 1e-06 and 100"),
        ({"redshift": [0.1, 0.2]}, "give one redshift, or one for each"),
        ({"bands": ("u", "g", "r", "i", "i")}, "name a band twice"),
        ({"ids": [1, 2]}, "ids has shape"),
    ],
)
def test_bad_photometry_is_explained(change, message):
    good = {"flux": np.ones(5), "sigma": np.ones(5), "redshift": 0.05}
    with pytest.raises(BadPhotometry, match=message):
        sedflow.Photometry(**(good | change))


@pytest.mark.parametrize("name", ["flux", "sigma", "redshift"])
@pytest.mark.parametrize("value", [5e-324, 1e-300, 1e-16, 1e-15, 1e15, 1e16, 1e300, 101.0, 1e10])
def test_photometry_and_catalogues_have_the_same_limits(name, value):
    good = {"flux": 1.0, "sigma": 0.1, "redshift": 0.05} | {name: value}
    try:
        sedflow.Photometry([good["flux"]] * 2, [good["sigma"]] * 2, good["redshift"], ("g", "r"))
        taken = True
    except BadPhotometry as error:
        words = (f"{name} = {value}", "says in catalogues that there is no value")
        assert any(word in str(error) for word in words)
        taken = False
    frame = pd.DataFrame({"id": [1], "redshift": [good["redshift"]]})
    for band in "gr":
        frame[f"flux_{band}"], frame[f"flux_err_{band}"] = good["flux"], good["sigma"]
    rows = to_photometry(frame, guess_mapping(frame).in_unit("nanomaggies"))
    assert len(rows.rows) == taken
    assert len(rows.problems) == 1 - taken


def test_the_bad_galaxy_of_a_batch_is_named():
    flux = np.ones((3, 5))
    flux[1, 2] = np.nan
    with pytest.raises(BadPhotometry, match="flux = nan in band r of galaxy 20"):
        sedflow.Photometry(flux, np.ones((3, 5)), 0.1, ids=[10, 20, 30])


def test_nan_in_flux_and_sigma_is_an_absent_band():
    flux, sigma = np.ones((2, 5)), np.ones((2, 5))
    flux[1, :2] = sigma[1, :2] = np.nan
    p = sedflow.Photometry(flux, sigma, 0.05, ids=[10, 20])
    assert p.present.tolist() == [[True] * 5, [False, False, True, True, True]]
    assert p[1].select(("i", "r")).present.all()
    with pytest.raises(BadPhotometry, match="galaxy 20 has no flux in any of u, g"):
        p.select(("u", "g"))


def test_photometry_is_laid_out_in_the_bands_of_another():
    p = sedflow.Photometry([[1.0, 2.0], [3.0, 4.0]], np.ones((2, 2)), 0.1, ("z", "g"), [7, 8])
    q = p.in_bands(("u", "g", "z"))
    np.testing.assert_array_equal(q.flux, [[np.nan, 2, 1], [np.nan, 4, 3]])
    np.testing.assert_array_equal(q.present, [[False, True, True]] * 2)
    assert q.ids.tolist() == [7, 8]


@pytest.mark.parametrize("name", ["sdss2010-g", "sdss-g"])
def test_bands_of_another_are_known_by_their_curves(name):
    p = sedflow.Photometry([1.0, 2.0], [0.1, 0.2], 0.1, (name, "twomass-J"))
    q = p.in_bands(("J", "g", "r"))
    np.testing.assert_array_equal(q.flux, [2.0, 1.0, np.nan])
    assert q.bands == ("J", "g", "r")


def test_data_cannot_be_changed_afterwards():
    p = sedflow.Photometry(np.ones(5), np.ones(5), 0.05)
    with pytest.raises(ValueError, match="read-only"):
        p.flux[0] = 2


@pytest.mark.parametrize(
    ("wave", "response"),
    [
        ([1.0, 2.0], [1.0]),
        ([2.0, 1.0], [1.0, 1.0]),
        ([1.0, 2.0], [0.0, 0.0]),
        ([1.0, 2.0], [-1, 1]),
    ],
)
def test_a_bad_filter_curve_is_refused(wave, response):
    with pytest.raises(UnknownBand, match="band 'x'"):
        Band("x", np.array(wave), np.array(response))


@pytest.mark.parametrize(
    "bands", [("u", "sdss-u"), ("J", "r", "2mass-J"), ("sdss2010-g", "g", "r")]
)
def test_one_curve_by_two_names_does_not_count_twice(bands):
    with pytest.raises(BadPhotometry, match="names of one filter curve"):
        sedflow.Photometry(np.ones(len(bands)), np.ones(len(bands)), 0.05, bands)
    sedflow.Photometry([1.0, 1.0], [1.0, 1.0], 0.05, ("u", "decam-u"))


def test_fluxes_that_look_like_magnitudes_are_named_once():
    with pytest.warns(UserWarning, match="looks like magnitudes") as said:
        galaxy = sedflow.Photometry(
            [18.5, 17.0, 16.4, 16.0, 15.7], [0.05, 0.02, 0.02, 0.02, 0.03], 0.042
        )
        parts = galaxy.flat[0], galaxy.flat[:1], galaxy.flat
    assert len(said) == 1
    assert all(np.array_equal(part.flux.ravel(), galaxy.flux) for part in parts)


def test_the_line_of_a_galaxy_has_its_magnitudes_and_errors():
    galaxy = Photometry.from_magnitudes(
        [19.21, 17.95, 17.31, 16.95, 16.72], [0.06, 0.02, 0.02, 0.02, 0.05], 0.071
    )
    assert repr(galaxy) == (
        "<Photometry z = 0.0710: u 19.21 ± 0.06, g 17.95 ± 0.02, r 17.31 ± 0.02, i 16.95 ± 0.02, "
        "z 16.72 ± 0.05 AB mag>"
    )
    assert repr(galaxy[...].select("gu")).endswith("g 17.95 ± 0.02, u 19.21 ± 0.06 AB mag>")
    microjansky = Photometry(3.631 * galaxy.flux, 3.631 * galaxy.sigma, 0.071)
    assert "r 15.91 ± 0.02" in repr(microjansky)  # 1.4 mag too bright
    of_errors = Photometry(galaxy.flux, galaxy.flux / galaxy.sigma, 0.071)  # S/N instead
    assert "u 21 ± 18, g 66 ± 54 nanomaggies, r 17.31 ± 0.49" in repr(of_errors)


def test_the_line_of_a_galaxy_says_of_which_flux_there_is_no_magnitude():
    galaxy = Photometry([-0.31, np.nan, 100.0], [0.4, np.nan, 0.05], 0.05, "ugr")
    assert repr(galaxy) == (
        "<Photometry z = 0.0500: u -0.31 ± 0.4 nanomaggies, g not observed, r 17.5000 ± 0.0005 "
        "AB mag>"
    )


def test_the_line_of_many_galaxies_has_medians(recwarn):
    flux = np.array([[10.0, 100.0, -1.0], [10.0, np.nan, -2.0], [20.0, 100.0, -3.0]])
    many = Photometry(flux, 0.1 * np.abs(flux), [0.02, 0.05, 0.2], "gri")
    text = "median AB mag g 20.00, r 17.50, i none, z = 0.02 to 0.2"
    assert repr(many) == f"<Photometry of 3 galaxies: {text}>"
    cells = many._repr_html_()
    assert "20.00</td>" in cells and "2</td>" in cells and "0.109</td>" in cells
    assert repr(many[:0]) == "<Photometry of 0 galaxies: median AB mag g none, r none, i none>"
    assert not recwarn.list


def test_an_error_of_zero_in_magnitudes_is_answered_in_magnitudes():
    with pytest.raises(BadPhotometry, match=r"^error = 0 mag must be > 0; give .* in magnitudes"):
        Photometry.from_magnitudes([19.0, 18.0], [0.1, 0.0], 0.05, "gr")


def test_a_series_with_an_index_of_its_own_is_not_taken_by_place(nsa):
    """A mask of a sorted table chose other galaxies."""
    galaxies = nsa.photometry([72, 2489, 2490])
    mask = pd.Series([True, False, False])
    assert galaxies[mask].ids.tolist() == [72]
    for sorted_by_id in (mask.set_axis([2490, 2489, 72]), mask.set_axis([2, 1, 0])):
        with pytest.raises(SedflowError, match=r"give its to_numpy\(\) in the order"):
            galaxies[sorted_by_id]


def test_labels_of_rows_that_differ_are_refused():
    """Galaxy a was given the redshift of c."""
    flux = pd.DataFrame(
        10.0 + np.arange(15).reshape(3, 5), index=list("abc"), columns=list("ugriz")
    )
    z = pd.Series([0.05, 0.06, 0.07], index=list("abc"))
    assert Photometry(flux, 0.1 * flux, z).shape == (3,)
    for sigma, redshift in ((0.1 * flux, z[::-1]), (0.1 * flux[::-1], z)):
        with pytest.raises(BadPhotometry, match="have different labels"):
            Photometry(flux, sigma, redshift)


def test_a_negative_error_is_refused_with_what_to_give_for_a_limit():
    with pytest.raises(
        BadPhotometry, match=r"sigma = -1\.0 in band g .*flux 0 and sigma = limit / n"
    ):
        Photometry([3.0, 6.0], [0.1, -1.0], 0.05, "ug")
    with pytest.raises(BadPhotometry, match=r"sigma = 0\.0 in band g .*give the one-sigma error"):
        Photometry([3.0, 6.0], [0.1, 0.0], 0.05, "ug")
    assert Photometry([3.0, 0.0], [0.1, 2.0], 0.05, "ug").present.all()


def test_the_bands_in_which_many_were_observed_are_not_those_of_one():
    many = Photometry(np.ones((3, 2)), np.ones((3, 2)), np.full(3, 0.05), ("g", "r"))
    with pytest.raises(BadPhotometry, match=r"these are 3 galaxies.*photometry\[k\].observed"):
        _ = many.observed
    assert many[0].observed.bands == many.bands
