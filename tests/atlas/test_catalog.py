"""The atlas: packaged sample and both published layouts."""

import tracemalloc

import numpy as np
import pytest
from astropy.table import Table
from atlas_files import FLAGGED, WORDS, flag_columns, new_layout, old_layout, write
from fuzz import answer, inputs
from hypothesis import given
from hypothesis import strategies as st

import sedflow
from sedflow.atlas.catalog import summarise
from sedflow.errors import BadPhotometry, SedflowError, UnknownBand
from sedflow.files.fits_table import fits_columns
from sedflow.files.packaged import checked_path


def test_the_sample_holds_what_it_should(nsa):
    assert len(nsa) == 9440
    assert nsa.ids[0] == 72
    assert nsa.observed().all()
    assert 0 < nsa.observed(("FUV", "u")).sum() < len(nsa)


def test_the_sample_is_read_as_astropy_reads_it(nsa):
    table = Table.read(checked_path("nsa_sample.fits"))
    columns = fits_columns(checked_path("nsa_sample.fits"))
    assert list(columns) == table.colnames == nsa.table.colnames
    for name, values in columns.items():
        assert values.dtype == table[name].dtype
        np.testing.assert_array_equal(values, np.asarray(table[name]))
    assert nsa.table.meta["TITLE"] == "NASA-Sloan Atlas galaxies with ugriz photometry"


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
    with pytest.raises(BadPhotometry, match="no galaxy with NSAID -1 in this catalogue of 9,440"):
        nsa.photometry(-1)
    with pytest.raises(UnknownBand, match="the atlas has no J"):
        nsa.photometry(72, bands=("J",))


def test_the_older_layout_is_read_as_it_is(tmp_path):
    rows = old_layout()
    nsa = sedflow.load_nsa(write(tmp_path / "v0.fits", rows))
    np.testing.assert_array_equal(nsa.photometry(1).flux, rows["NMGY"][1, 2:])
    np.testing.assert_allclose(nsa.photometry(1).sigma, np.sqrt(rows["NMGY"][1, 2:]), rtol=1e-6)
    assert nsa.photometry(2, ("FUV", "z")).flux.tolist() == rows["NMGY"][2, [0, 6]].tolist()
    assert nsa.table["IAUNAME"][1] == "J000001.00+000000.0"
    assert (nsa.source.version, nsa.source.flux, nsa.source.rows) == ("v0_1_2", "NMGY", 3)
    with pytest.raises(SedflowError, match=r"has one kind of flux .NMGY., but flux = 'sersic'"):
        sedflow.load_nsa(tmp_path / "v0.fits", flux="sersic")


def test_the_newer_layout_is_corrected_for_extinction(tmp_path):
    rows = new_layout()
    path = write(tmp_path / "v1.fits", rows)
    flux = rows["ELPETRO_FLUX"][1, 2:]
    brighter = 10 ** (0.4 * rows["EXTINCTION"][1, 2:])
    galaxy = sedflow.load_nsa(path, flux="elpetro").photometry(1)
    np.testing.assert_allclose(galaxy.flux, flux * brighter, rtol=1e-5)
    np.testing.assert_allclose(galaxy.sigma, np.sqrt(flux) * brighter, rtol=1e-5)
    sersic = sedflow.load_nsa(path, flux="sersic").photometry(1)
    np.testing.assert_allclose(sersic.flux, 2 * galaxy.flux, rtol=1e-6)
    # What the survey corrected itself is not corrected twice.
    done = sedflow.load_nsa(path, flux="elpetro_nmgy").photometry(1)
    np.testing.assert_allclose(done.flux, 5 * flux, rtol=1e-6)


def test_the_kind_of_flux_must_be_said(tmp_path):
    path = write(tmp_path / "v1.fits", new_layout())
    with pytest.raises(SedflowError, match="several kinds; choose flux='elpetro'"):
        sedflow.load_nsa(path)
    with pytest.raises(SedflowError, match="flux = 'petro' is unknown; choose one of elpetro"):
        sedflow.load_nsa(path, flux="petro")
    with pytest.raises(SedflowError, match="sample holds one kind of flux"):
        sedflow.load_nsa(flux="elpetro")


def test_a_band_without_flux_is_absent(tmp_path):
    rows = old_layout()
    rows["NMGY"][0, :2], rows["NMGY_IVAR"][0, :2] = -9999.0, 0.0
    rows["NMGY"][1, 3] = np.nan
    nsa = sedflow.load_nsa(write(tmp_path / "v0.fits", rows))
    assert nsa.photometry(0, ("FUV", "NUV", "u")).present.tolist() == [False, False, True]
    assert nsa.photometry(1).present.tolist() == [True, False, True, True, True]
    assert nsa.observed().tolist() == [True, False, True]


STAYS = [keep for _, keep in FLAGGED]


@pytest.mark.parametrize(
    "how", ["one word", "two words of the object", "two words, unsigned", "words by band"]
)
def test_the_papers_cuts_are_made_where_the_flags_are_there(tmp_path, how):
    path = write(tmp_path / "v0.fits", old_layout(len(WORDS), **flag_columns(how)))
    nsa = sedflow.load_nsa(path)
    assert nsa.ids.tolist() == np.flatnonzero(STAYS).tolist()
    assert nsa.source.removed == STAYS.count(False)
    assert set(nsa.source.checked.values()) == {len(WORDS)}
    assert set(nsa.source.failed.values()) == {1}  # each cut finds its galaxy
    assert set(nsa.cuts(0).values()) == {True}
    whole = sedflow.load_nsa(path, cuts=False)
    assert len(whole) == len(WORDS)
    assert [name for name, ok in whole.cuts(4).items() if ok is False] == ["INTERP_CENTER and CR"]


def test_half_of_the_flags_make_half_of_the_cuts(tmp_path):
    low = flag_columns("two words of the object")["OBJC_FLAGS"]
    nsa = sedflow.load_nsa(write(tmp_path / "v0.fits", old_layout(len(low), OBJC_FLAGS=low)))
    known = {name for name, ok in nsa.cuts(0).items() if ok is not None}
    assert known == {"PEAKCENTER", "NOTCHECKED", "SATURATED", "NOPROFILE", "BINNED1"}
    assert 8 in nsa.ids  # BAD_COUNTS_ERROR, which nobody could see


def test_without_flags_nothing_is_cut_and_the_column_says_so(tmp_path):
    nsa = sedflow.load_nsa(write(tmp_path / "v0.fits", old_layout()))
    assert len(nsa) == 3
    assert nsa.table["CUTS_CHECKED"].tolist() == [0, 0, 0]
    assert set(nsa.cuts(0).values()) == {None}
    assert set(sedflow.load_nsa().cuts(72).values()) == {None}


def test_flags_come_from_the_surveys_catalogue_by_its_row_numbers(tmp_path):
    """ISDSS counts the rows of sdss_atlas.fits; -1 is a galaxy that SDSS did not name."""
    path = write(tmp_path / "v0.fits", old_layout(5))  # ISDSS = 3, 2, 1, 0, -1
    words = WORDS[[1, 0, 5, 0]]
    sdss = write(
        tmp_path / "sdss_atlas.fits",
        {"OBJC_FLAGS": words.astype("i4"), "OBJC_FLAGS2": (words >> 32).astype("i4")},
    )
    nsa = sedflow.load_nsa(path, sdss=sdss)
    assert nsa.ids.tolist() == [0, 2, 4]
    assert nsa.table["CUTS_CHECKED"].tolist() == [255, 255, 0]
    with pytest.raises(SedflowError, match=r"points to row 3 of short\.fits, which has 2"):
        sedflow.load_nsa(path, sdss=write(tmp_path / "short.fits", {"FLAGS": words[:2]}))
    with pytest.raises(SedflowError, match=r"v0\.fits has none of the columns FLAGS"):
        sedflow.load_nsa(path, sdss=path)


def test_of_a_wide_file_only_the_needed_columns_are_read(tmp_path):
    """Peak memory is that of the columns kept, not that of the file."""
    n = 20_000
    wide = old_layout(n, PROFMEAN=np.zeros((n, 500), "f4"))
    path = write(tmp_path / "wide.fits", wide)
    kept = n * (8 + 8 + 8 + 8 + 4 + 8 + 4 + 19 + 2 * 7 * 4 + 2 * 2)
    tracemalloc.start()
    nsa = sedflow.load_nsa(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert len(nsa) == n
    assert peak < 3 * kept < 0.3 * path.stat().st_size


def test_other_files_are_refused(tmp_path):
    rows = old_layout()
    Table({k: rows[k] for k in ("NSAID", "RA", "DEC", "Z")}).write(tmp_path / "other.fits")
    with pytest.raises(SedflowError, match="has the columns of neither NSA v0_1_2"):
        sedflow.load_nsa(tmp_path / "other.fits")
    (tmp_path / "text.fits").write_text("not a FITS file")
    with pytest.raises(SedflowError, match=r"text\.fits cannot be read as an NSA FITS file"):
        sedflow.load_nsa(tmp_path / "text.fits")
    with pytest.raises(SedflowError, match="cannot be read"):
        sedflow.load_nsa(tmp_path / "nowhere.fits")
    write(tmp_path / "twice.fits", old_layout(NSAID=np.array([1, 1, 2])))
    with pytest.raises(SedflowError, match="NSAID 1 appears 2 times"):
        sedflow.load_nsa(tmp_path / "twice.fits")
    write(tmp_path / "five.fits", old_layout(NMGY=np.ones((3, 5))))
    with pytest.raises(SedflowError, match=r"column NMGY holds .5,. per galaxy, not .7,."):
        sedflow.load_nsa(tmp_path / "five.fits")
    write(tmp_path / "words.fits", old_layout(Z=np.array(["a", "b", "c"])))
    with pytest.raises(SedflowError, match="column Z holds no numbers"):
        sedflow.load_nsa(tmp_path / "words.fits")


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9, 0.999])
def test_a_file_cut_short_is_refused(tmp_path, share):
    whole = write(tmp_path / "v0.fits", old_layout(200)).read_bytes()
    (tmp_path / "cut.fits").write_bytes(whole[: int(share * len(whole))])
    with pytest.raises(SedflowError, match=r"cut\.fits cannot be read as an NSA FITS file"):
        sedflow.load_nsa(tmp_path / "cut.fits")


@inputs(20)
@given(st.binary(max_size=6000), st.integers(0, 20_000))
def test_damage_is_a_clear_error_or_no_damage(tmp_path_factory, junk, where):
    """Bytes overwritten anywhere: the galaxies are read, or one sentence says why not."""
    folder = tmp_path_factory.mktemp("damage")
    content = bytearray(write(folder / "v0.fits", old_layout(20)).read_bytes())
    content[where : where + len(junk)] = junk
    (folder / "v0.fits").write_bytes(content)
    read = answer(sedflow.load_nsa, folder / "v0.fits", cuts=False)
    if read is not None and len(read):
        galaxies = read.photometry(read.ids[read.observed()])  # each of which is photometry
        assert galaxies.present.all()


def test_a_catalogue_of_every_size_finds_its_galaxies(nsa):
    none = nsa.select(np.zeros(len(nsa), bool))
    with pytest.raises(BadPhotometry, match="no galaxy with NSAID 72 in this catalogue of 0"):
        none.photometry(72)
    few = nsa.select([5, 0])
    assert few.photometry(72).ids == 72
    assert len(few) == 2


def test_a_catalogue_of_unknown_origin_has_no_summary(nsa):
    with pytest.raises(SedflowError, match="does not say which file it is from; read it with"):
        summarise(type(nsa)(nsa.table[:5]))


@pytest.mark.parametrize("wrong", [72.9, [72, 80.5], np.ma.array([72], mask=[True]), None])
def test_what_is_no_nsaid_is_no_galaxy(nsa, wrong):
    """72.9 was galaxy 72, and so was the number under a mask."""
    with pytest.raises(BadPhotometry, match="is not one of the atlas"):
        nsa.rows(wrong)


def test_whole_nsaids_of_any_type_are_galaxies(nsa):
    for good in (72, 72.0, np.float32(72), "72", np.int16(72), np.ma.array(72)):
        assert nsa.rows(good) == nsa.rows(72)
