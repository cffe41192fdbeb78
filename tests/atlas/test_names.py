"""Names and positions: what visitors write, and which galaxy it means."""

import numpy as np
import pytest
from astropy import units as u
from astropy.coordinates import SkyCoord
from fuzz import answer, count, inputs
from hypothesis import given
from hypothesis import strategies as st

import sedflow
from sedflow.atlas import names
from sedflow.atlas.catalog import NSACatalog
from sedflow.atlas.position import separation, sky_position
from sedflow.errors import BadPhotometry

# NSAID, name, heliocentric velocity [km/s] and B magnitude as the literature has them (RC3 and NED,
# rounded): written down by hand, not taken from OpenNGC.
BY_HAND = (
    ("M 87", 141541, 1284, 9.6),
    ("M 100", 141252, 1571, 10.1),
    ("M 61", 141222, 1566, 10.2),
    ("M 58", 141753, 1517, 10.5),
    ("M 99", 141115, 2407, 10.4),
    ("M 88", 141585, 2281, 10.4),
    ("M 84", 141305, 1017, 10.1),
    ("M 60", 142078, 1110, 9.8),
    ("NGC 4565", 141702, 1230, 10.4),
    ("NGC 4388", 66736, 2524, 11.8),
    ("NGC 4567", 66785, 2274, 12.1),
    ("NGC 3842", 113453, 6316, 12.8),
    ("NGC 3862", 113097, 6511, 13.7),
    ("NGC 4194", 41597, 2501, 13.0),
    ("NGC 5353", 56483, 2325, 12.0),
)


@pytest.mark.parametrize(("name", "nsaid", "velocity", "b"), BY_HAND)
def test_a_name_belongs_to_the_galaxy_that_the_literature_means(nsa, name, nsaid, velocity, b):
    assert nsa.find(name) == nsaid
    assert nsa.name(nsaid) == name
    galaxy = nsa.photometry(nsaid)
    # The redshifts of Virgo's galaxies here are above the heliocentric ones.
    assert -0.0003 < float(galaxy.redshift) - velocity / 299_792.458 < 0.0013
    assert abs(b - float(galaxy.magnitude[1]) - 0.5) < 1.5  # its apertures lose outskirts


def test_every_match_agrees_with_astropys_and_none_is_lost(nsa):
    match = nsa.match
    assert len(match.row_of) == len(match.entry_of) == 1214
    assert match.ambiguous == ("NGC 2820", "NGC 3690B", "NGC 4517A")
    rows = np.array(list(match.entry_of))
    entries = list(match.entry_of.values())
    ra, dec = nsa.positions
    there = SkyCoord([e.ra for e in entries], [e.dec for e in entries], unit="deg")
    away = SkyCoord(ra[rows], dec[rows], unit="deg").separation(there).arcsec
    size = np.nan_to_num([e.major_arcmin for e in entries])
    assert (away <= np.clip(12 * size, 5, 30) + 0.01).all()
    z = np.asarray(nsa.table["Z"], float)[rows]
    gap = np.array([e.redshift for e in entries]) - z
    assert (np.abs(gap[np.isfinite(gap)]) < 0.002).all()
    assert np.mean(away < 2) > 0.85


def test_a_galaxy_of_another_redshift_does_not_get_the_name():
    entry = names.meaning("NGC 3522")[0]
    flux = np.full((1, 7), 10 ** (0.4 * (22.5 - 13.5)))

    def matched(redshift, flux=flux, away=0.0):
        dec = entry.dec + away / 3600
        return names.cross_match([entry.ra], [dec], [redshift], flux).row_of

    assert matched(0.0042) == {"NGC 3522": 0}
    assert matched(0.0142) == {}
    assert matched(0.0042, away=10.0) == {"NGC 3522": 0}  # its major axis is 1.17 arcmin
    assert matched(0.0042, away=20.0) == {}
    assert matched(0.0042, flux / 40, away=10.0) == {}  # four magnitudes fainter: a piece of it


def test_a_piece_nearer_than_its_galaxy_leaves_the_name_out():
    entry = names.meaning("NGC 3522")[0]
    dec = [entry.dec, entry.dec + 4 / 3600]
    for faint, found in ((0, {}), (1, {"NGC 3522": 0})):
        flux = np.full((2, 7), 4000.0)
        flux[faint] /= 3
        match = names.cross_match([entry.ra] * 2, dec, [0.0042] * 2, flux)
        assert match.row_of == found
        assert match.ambiguous == (() if found else ("NGC 3522",))


@pytest.mark.parametrize(
    "text",
    [
        "ngc3522",
        "NGC 3522",
        " ngc  3522 ",
        "NGC-3522",
        "ngc_3522",
        "N3522",
        "NGC 03522",
        "ugc 6159",
    ],
)
def test_every_spelling_of_a_number_means_its_galaxy(nsa, text):
    assert nsa.find(text) == 111607


@pytest.mark.parametrize(
    ("text", "nsaid"),
    [
        ("M87", 141541),
        ("m 87", 141541),
        ("Messier 87", 141541),
        ("messier087", 141541),
        ("Virgo A", 141541),
        ("the needle galaxy", 141702),
        ("NEEDLE", 141702),
        ("Medusa Galaxy Merger", 41597),
        ("NGC 5317", 144118),  # the same galaxy as NGC 5364
        ("72", 72),
        ("NSAID 72", 72),
        ("#72", 72),
    ],
)
def test_other_names_and_numbers_mean_their_galaxies(nsa, text, nsaid):
    assert nsa.find(text) == nsaid


# RA 166.67, Dec 20.08
POSITIONS = (
    "166.67 +20.08",
    "166.67 20.08",
    "166.67, 20.08",
    "166.67,+20.08",
    "166.67+20.08",
    "166.67d +20.08d",
    "166.67° +20.08°",
    "RA=166.67 Dec=20.08",
    "ra: 166.67, dec: +20.08",
    "11:06:40.8 +20:04:48",
    "11:06:40.8+20:04:48 (J2000)",
    "11 06 40.8 +20 04 48",
    "11 06 40.8 20 04 48",
    "11h06m40.8s +20d04m48s",
    "11H06M40.8S, +20°04′48″",
    "11h06.68m +20d04.8m",
    "11h 06m 40.8s +20d 04' 48\"",
    "J110640.8+200448",
    "SDSS J110640.80+200448.0",
    "166d40m12s +20d04m48s",
)


@pytest.mark.parametrize("text", POSITIONS)
def test_every_spelling_of_a_position_is_the_same_position(nsa, text):
    np.testing.assert_allclose(sky_position(text), (166.67, 20.08), atol=2e-6)
    assert nsa.find(text) == 111607


@inputs(200)
@given(
    st.floats(0, 359.9999),
    st.floats(-89.9999, 89.9999),
    st.sampled_from(["hmsdms", "colon", "deg"]),
)
def test_a_position_is_what_astropy_reads(ra, dec, style):
    place = SkyCoord(ra, dec, unit="deg")
    if style == "deg":
        text = f"{ra:.6f} {dec:+.6f}"
        expected = SkyCoord(text, unit="deg")
    else:
        text = place.to_string("hmsdms", precision=2)
        if style == "colon":
            text = place.to_string("hmsdms", sep=":", precision=2)
        expected = SkyCoord(text, unit=(u.hourangle, u.deg))
    found = sky_position(text)
    assert SkyCoord(*found, unit="deg").separation(expected).arcsec < 1e-3
    count("law kept")


@inputs(100)
@given(st.floats(0, 360), st.floats(-90, 90), st.floats(0, 360), st.floats(-90, 90))
def test_a_separation_is_astropys(ra, dec, other_ra, other_dec):
    expected = SkyCoord(ra, dec, unit="deg").separation(SkyCoord(other_ra, other_dec, unit="deg"))
    assert separation(ra, dec, [other_ra], [other_dec])[0] == pytest.approx(expected.deg, abs=1e-6)
    count("law kept")


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("12:99:99 +95", "99 minutes in its RA, and the limit is 60"),
        ("12:10:61 +9", "61 seconds in its RA"),
        ("400 5", "RA of 400 degrees, and the limits are 0 to 360"),
        ("12 95", "Dec of 95 degrees, and the limits are -90 to 90"),
        ("25h 5d", "RA of 375 degrees"),
        ("10 -80", "no galaxy within 5 deg of '10 -80'; enter its fluxes yourself (Your data"),
        ("166.67 20.5", "18.8 arcmin away; NSAID 111607 (NGC 3522), 24.9 arcmin away"),
        ("Sombrero", "'Sombrero' (NGC 4594) is not among the 9,440 galaxies of this catalogue"),
        ("Sombraro", "did you mean Sombrero Galaxy?"),
        ("siamese twins", "means NGC 4567 (NSAID 66785) and NGC 4568 (NSAID 162105)"),
        ("NGC 7000", "NGC 7000 is not a galaxy of OpenNGC"),
        ("ngc 3690", "a pair of galaxies, is not among"),
        (
            "ic 1101",
            "(NSAID 165966 has redshift 0.0215 in this catalogue, and IC 1101 has 0.0778",
        ),
        ("NGC 3690A", "(NSAID 159897 has redshift 0.0103 in this catalogue, and NGC 3690A has"),
        ("NGC 4517A", "(NSAID 1498 may be another galaxy, or a piece of it)"),
        ("999999", "no galaxy with NSAID 999999"),
        ("-5", "'-5' is neither an NSAID nor a known name nor a position"),
        ("NSAID -72", "'NSAID -72' is neither an NSAID"),
        ("1e999 0", "neither an NSAID nor a known name nor a position"),
        ("nan nan", "neither an NSAID nor a known name nor a position"),
        ("", "'' is neither"),
        ("3C 273", "neither an NSAID"),
    ],
)
def test_what_means_no_galaxy_is_one_sentence(nsa, text, sentence):
    with pytest.raises(BadPhotometry) as error:
        nsa.find(text)
    assert sentence in str(error.value)
    assert "\n" not in str(error.value)


_WORDS = st.sampled_from(
    [
        *("NGC", "m", "ic", "Messier", "J", "ra", "dec", "h", "d", ":", "+", "-", "−", ",", "°"),
        *("'", '"', "87", "0", "00", "3522", "1e400", "nan", ".5", "٣", "²", "\x00", " ", "9" * 20),
    ]
)
_ANY = (
    st.text(max_size=300)
    | st.lists(_WORDS, max_size=14).map(" ".join)
    | st.lists(_WORDS, max_size=14).map("".join)
)


@inputs(500)
@given(_ANY)
def test_any_text_means_a_galaxy_or_is_refused_in_a_sentence(nsa, text):
    found = answer(nsa.find, text)
    if found is not None:
        assert type(found) is int
        assert found in nsa.ids


@inputs(100)
@given(st.sampled_from(["galaxy", " ", "0", "ngc", "1:", "+1", "m1", "j", "a", "12d", "''"]))
def test_a_long_text_takes_no_time(nsa, piece):
    answer(nsa.find, (piece * 200)[:200])
    answer(nsa.find, piece * 100_000)


def test_every_name_leads_back_to_its_galaxy(nsa):
    shared = 0
    for row, entry in nsa.match.entry_of.items():
        for name in entry.names:
            if len(names.meaning(name)) == 1:
                assert nsa.find(name) == nsa.ids[row]
            else:
                shared += 1
    assert shared < 12


def test_a_file_of_the_atlas_has_names_by_position_not_by_number(nsa):
    table = nsa.table[nsa.rows(np.array([111607, 141541]))].copy()
    table["NSAID"] = [1, 2]  # as in another version of the atlas
    other = NSACatalog(table)
    assert other.find("NGC 3522") == 1
    assert other.name(2) == "M 87"
    assert other.select([False, True]).find("M 87") == 2


def test_an_empty_catalogue_finds_nothing(nsa):
    empty = nsa.select(np.zeros(len(nsa), bool))
    for text in ("M 87", "166.67 +20.08"):
        with pytest.raises(BadPhotometry, match="no galaxy of it has a position"):
            empty.find(text)


def test_a_galaxy_without_a_name_has_none(nsa):
    assert nsa.name(72) == ""
    assert nsa.names(72) == ()
    with pytest.raises(BadPhotometry, match="no galaxy with NSAID"):
        nsa.name(1)


def test_a_sky_viewer_opens_at_the_galaxy(nsa):
    from urllib.parse import parse_qs, urlsplit

    from sedflow.atlas.sky import LINK_ATTRIBUTES, VIEWERS

    for viewer in VIEWERS:
        parts = urlsplit(nsa.sky_link(111607, viewer))
        assert parts.scheme == "https"
        shown = " ".join(value for values in parse_qs(parts.query).values() for value in values)
        assert "166.66862" in shown
        assert "20.08554" in shown
    assert "noopener" in LINK_ATTRIBUTES["rel"]
    assert LINK_ATTRIBUTES["target"] == "_blank"
    with pytest.raises(BadPhotometry, match="not a position on the sky"):
        nsa.sky_link(72)
    with pytest.raises(sedflow.SedflowError, match="choose one of legacy, sdss, aladin"):
        nsa.sky_link(111607, "javascript:alert(1)")


@pytest.mark.parametrize("text", ["ngc 1 2", "m 8 7", "NGC 45 67"])
def test_numbers_with_a_blank_in_them_are_no_names(text):
    """ "ngc 1 2" was NGC 12."""
    assert names.meaning(text) == ()
