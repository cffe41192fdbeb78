import numpy as np
import pytest

import sedflow
from sedflow.catalogue.mapping import BandColumns, ColumnMap
from sedflow.catalogue.rows import to_photometry
from sedflow.errors import SedflowError
from sedflow.model.floors import far_below_floor, floor_notes, floor_share, with_floor
from sedflow.photometry import Photometry


def mapping(**floors):
    bands = {b: BandColumns(b, f"e{b}", "nanomaggies", floor=floors.get(b, "")) for b in "ugriz"}
    return ColumnMap("redshift", bands)


def raw_errors():
    """Bright galaxies with the errors that photons alone leave."""
    nsa = sedflow.load_nsa()
    galaxies = nsa.photometry(nsa.ids[:20], tuple("ugriz"))
    return Photometry(galaxies.flux, 0.005 * galaxies.flux, galaxies.redshift, galaxies.bands)


def as_table(galaxies):
    columns = {"redshift": galaxies.redshift}
    for k, band in enumerate(galaxies.bands):
        columns[band], columns[f"e{band}"] = galaxies.flux[:, k], galaxies.sigma[:, k]
    return columns


def test_a_floor_is_added_in_quadrature():
    np.testing.assert_allclose(with_floor([100.0], [3.0], 0.04), [5.0])
    np.testing.assert_allclose(with_floor([-100.0], [3.0], 0.04), [5.0])
    assert with_floor([100.0], [3.0], 0.0) == [3.0]


@pytest.mark.parametrize("text", ["two", "-1 %", "150 %", "nan", "1.0"])
def test_what_is_not_a_floor_gets_a_sentence(text):
    with pytest.raises(SedflowError, match="give a share of the flux"):
        floor_share(text, "r")


def test_a_mapping_adds_its_floors_to_the_errors():
    galaxies = raw_errors()
    rows = to_photometry(as_table(galaxies), mapping(u="recommended", r="2 %"))
    ratio = (rows.photometry.sigma / rows.photometry.flux).T
    np.testing.assert_allclose(ratio[0], np.hypot(0.005, 0.05))
    np.testing.assert_allclose(ratio[2], np.hypot(0.005, 0.02))
    np.testing.assert_allclose(ratio[3], 0.005)


def test_floors_survive_a_mapping_file_and_are_told():
    whole = mapping().with_floor("recommended")
    assert ColumnMap.from_dict(whole.to_dict()) == whole
    assert "floor 5 %" in whole.in_words()
    some = mapping().with_floor("u=5 %, r=0.02")
    assert [band.floor for band in some.bands.values()] == ["5 %", "", "0.02", "", ""]
    with pytest.raises(SedflowError, match="the floor is of 'K'"):
        mapping().with_floor("K=2 %")


def test_small_errors_are_noticed_and_those_of_the_atlas_are_not():
    notes = floor_notes(raw_errors())
    assert len(notes) == 1  # and not one for each band
    assert "in u, g, r, i, z are 0.5 % of the flux" in notes[0]
    assert "below the 5, 2, 2, 2, 3 % that" in notes[0]
    nsa = sedflow.load_nsa()
    assert floor_notes(nsa.photometry(nsa.ids[:50], tuple("ugriz"))) == ()


def test_the_domain_check_sees_errors_without_a_floor():
    posterior = sedflow.load_posterior()
    check = posterior.check(raw_errors(), draws=False)
    assert not check.inside.any()
    assert all("floor" in causes for causes in check.causes)
    floored = to_photometry(as_table(raw_errors()), mapping().with_floor("recommended"))
    causes = posterior.check(floored.photometry, draws=False).causes
    assert not any("floor" in one for one in causes)


def test_few_simulated_errors_are_far_below_the_floor():
    _, galaxies = sedflow.simulate(2000, seed=3)
    causes = sedflow.load_posterior().check(galaxies, draws=False).causes
    assert sum("floor" in one for one in causes) < 100


def test_a_redshift_beyond_the_networks_says_what_to_do():
    galaxy = sedflow.load_nsa().photometry(72, tuple("ugriz"))
    far = Photometry(galaxy.flux, galaxy.sigma, 0.4, galaxy.bands)
    (reason,) = (r for r in sedflow.load_posterior().check(far, draws=False).reasons[()][:1])
    assert "MCMCSampler" in reason and "0.311" in reason and "bc03" in reason
    top = sedflow.SEDModel().max_redshift(tuple("ugriz"))
    assert top == pytest.approx(0.311, abs=5e-4)  # what the sentence says
    assert sedflow.SEDModel("bc03").max_redshift(tuple("ugriz")) == 0.5


def test_a_curve_has_one_floor_under_all_of_its_names():
    """sdss2010-r had 5 %, where r has 2, and nothing was said of its errors."""
    for band in "ugriz":
        for name in (f"sdss-{band}", f"sdss2010-{band}"):
            assert floor_share("recommended", name) == floor_share("recommended", band)
    galaxies = raw_errors()
    names = tuple(f"sdss2010-{band}" for band in galaxies.bands)
    named = Photometry(galaxies.flux, galaxies.sigma, galaxies.redshift, names)
    assert len(floor_notes(named)) == len(floor_notes(galaxies)) == 1
    assert (far_below_floor(named) != "").tolist() == (far_below_floor(galaxies) != "").tolist()
    assert (far_below_floor(named) != "").any()
