"""Ways in: magnitudes, quantities, letters of bands, names checked, what looks wrong said."""

import numpy as np
import pytest
from astropy import units as u

import sedflow
from sedflow.errors import BadPhotometry, UnknownBand

MAG, ERR = np.array([18.79, 17.80, 17.45, 17.21, 17.09]), np.full(5, 0.02)


def test_magnitudes_come_back_as_they_were_given():
    galaxy = sedflow.Photometry.from_magnitudes(MAG, ERR, 0.0488)
    np.testing.assert_allclose(galaxy.magnitude, MAG)
    np.testing.assert_allclose(galaxy.magnitude_error, ERR)
    unit = sedflow.Photometry.from_magnitudes(MAG * u.ABmag, ERR * u.mag, 0.0488)
    np.testing.assert_allclose(unit.flux, galaxy.flux)
    many = sedflow.Photometry.from_magnitudes(np.stack([MAG, MAG + 1]), ERR * np.ones((2, 5)), 0.05)
    assert many.shape == (2,)
    some = sedflow.Photometry.from_magnitudes([np.nan, 17.8], [np.nan, 0.02], 0.05, "ug")
    assert some.observed.bands == ("g",)


def test_systems_differ_by_their_offsets():
    ab = sedflow.Photometry.from_magnitudes(MAG, ERR, 0.05)
    sdss = sedflow.Photometry.from_magnitudes(MAG, ERR, 0.05, system="SDSS")
    np.testing.assert_allclose(sdss.magnitude - ab.magnitude, [-0.04, 0, 0, 0, 0.02], atol=1e-12)
    vega = sedflow.Photometry.from_magnitudes([14.0], [0.1], 0.05, ["Ks"], system="vega")
    assert vega.magnitude[0] == pytest.approx(15.85)
    with pytest.raises(BadPhotometry, match="choose one of AB, SDSS, Vega"):
        sedflow.Photometry.from_magnitudes(MAG, ERR, 0.05, system="ST")
    with pytest.raises(BadPhotometry, match="Vega zero point of FUV is not known"):
        sedflow.Photometry.from_magnitudes([14.0], [0.1], 0.05, "FUV", system="Vega")


@pytest.mark.parametrize(
    "mag, err, words",
    [
        ([18.0, 17.0], [0.1], "one error per magnitude"),
        ([18.0], [0.1], "must hold the 2 bands g, r"),
        ([99.0, 17.0], [0.1, 0.1], "magnitude = 99 is outside"),
        ([18.0, 17.0], [-0.1, 0.1], "error = -0.1 mag must be > 0"),
    ],
)
def test_magnitudes_that_are_none_are_refused(mag, err, words):
    with pytest.raises(BadPhotometry, match=words):
        sedflow.Photometry.from_magnitudes(mag, err, 0.05, "gr")


def test_letters_are_bands_and_names_are_checked_when_given():
    galaxy = sedflow.Photometry([1.0, 2.0], [0.1, 0.1], 0.05, bands="gr")
    assert galaxy.bands == ("g", "r")
    assert sedflow.Photometry([1.0], [0.1], 0.05, bands="FUV").bands == ("FUV",)
    with pytest.raises(UnknownBand, match="no filter curve for band 'Z'"):
        sedflow.Photometry([1.0, 2.0], [0.1, 0.1], 0.05, bands=("g", "Z"))


def test_fluxes_that_look_like_magnitudes_say_so(nsa, recwarn):
    with pytest.warns(UserWarning, match="looks like magnitudes, but is taken as nanomaggies"):
        sedflow.Photometry(MAG, ERR, 0.05)
    recwarn.clear()
    sedflow.Photometry(MAG[::-1], ERR, 0.05)  # rises to the red, as fluxes do
    nsa.photometry(nsa.ids)
    for nsaid in nsa.ids[:200]:
        _ = nsa[nsaid]
    assert not recwarn.list


def test_the_atlas_is_asked_by_nsaid(nsa):
    assert nsa[72].ids == 72
    assert nsa[[72, 2490]].ids.tolist() == [72, 2490]
    assert 72 in nsa
    assert next(iter(nsa)) == nsa.ids[0]
    for places in (slice(3), nsa.ids > 100):
        with pytest.raises(BadPhotometry, match="takes NSAIDs"):
            _ = nsa[places]


def test_a_network_is_named_as_its_grid_is():
    assert sedflow.load_posterior("bc03").name == "nsa-ugriz-bc03"
    assert sedflow.SEDModel("bc03").grid.name == "bc03"


def test_a_table_without_units_is_told_its_unit():
    import pandas as pd

    columns = {"id": [1], "redshift": [0.0488]}
    for band, m in zip("ugriz", MAG, strict=True):
        columns |= {band: [m], f"{band}_err": [0.05]}
    table = pd.DataFrame(columns)
    results = sedflow.infer_table(table, unit="mag", n=200)
    assert results.status.tolist() == ["ok"]
    assert results.flux_r[0] == pytest.approx(10 ** (0.4 * (22.5 - MAG[2])))
    with pytest.raises(sedflow.SedflowError, match="unit"):
        sedflow.infer_table(table, n=200)


def test_a_table_takes_the_words_that_a_galaxy_takes():
    table = {"id": [1], "redshift": [0.0488]}
    for band, m in zip("ugriz", MAG, strict=True):
        table |= {f"mag_{band}": [m], f"magerr_{band}": [0.05]}
    one = sedflow.infer_table(table, posterior="bc03", n=50)
    named = sedflow.infer_table(table, sampler="bc03", n=50)
    assert named.log_mstar_p50[0] == one.log_mstar_p50[0]
    fewer = sedflow.infer_table(table, bands="gri", n=50)
    assert (one.n_band[0], fewer.n_band[0]) == (5, 3)
    for given, why in (
        ({"sampler": "fsps", "posterior": "bc03"}, "two names of one argument"),
        ({"sampler": sedflow.MCMCSampler()}, "by a network, not by MCMCSampler; give the name"),
        ({"bands": "gq"}, "no filter curve for band 'gq'"),
    ):
        with pytest.raises(sedflow.SedflowError, match=why):
            sedflow.infer_table(table, n=50, **given)
