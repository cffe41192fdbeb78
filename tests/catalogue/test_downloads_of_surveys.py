"""Tables as archives hand them out: column names, units and nulls of their documents.

Names and units are those of SDSS's CasJobs (nsatlas, mangaDrpAll, PhotoObj, SpecPhoto), of MaNGA's
drpall files, of the NASA-Sloan Atlas v0_1_2 and v1_0_1, of the Astro Data Lab (ls_dr9, ls_dr10),
of DESI's redshift catalogues, of MAST's Pan-STARRS and of VizieR. Some numbers are those that the
archives print; the right values are worked out by hand: a flux f with the inverse variance w has
sigma 1 / sqrt(w); extinction A multiplies both by 10^(0.4 A); m AB is 10^(0.4 (22.5 - m)).
"""

import io
import math

import numpy as np
import pytest
from astropy.io import fits
from click.testing import CliRunner

from sedflow.catalogue.guess import guess_mapping, mapping_of
from sedflow.catalogue.presets import presets
from sedflow.catalogue.read.open import open_catalogue, read_table
from sedflow.catalogue.rows import BandColumns, Mapping, preview, to_photometry
from sedflow.catalogue.run import infer_catalogue
from sedflow.catalogue.sampler_for_bands import foreign_bands, usable
from sedflow.cli import main
from sedflow.errors import SedflowError

LN10 = math.log(10.0)
NONE = (np.nan, np.nan)


def mag(m, e):
    """AB magnitude and error as nanomaggies."""
    flux = 10 ** (0.4 * (22.5 - m))
    return flux, flux * e * 0.4 * LN10


def by_ratio(m, snr):
    """AB magnitude and flux over error as nanomaggies."""
    flux = 10 ** (0.4 * (22.5 - m))
    return flux, flux / snr


def of_letters(pattern, letters="fnugriz"):
    return ",".join(pattern.format(b=b) for b in letters)


NSATLAS = (
    "nsaid,iauname,mag,z,zdist,"
    + of_letters("elpetro_flux_{b}")
    + ",elpetro_flux_r_original,"
    + of_letters("elpetro_flux_ivar_{b}")
    + ","
    + of_letters("extinction_{b}")
    + "\n72,J095641.38+005057.1,15.2,0.0488,0.0489,1,2,30,75,100,130,150,100,"
    + "4,4,1,1,0.25,1,1,0.2,0.2,0.25,0,0.5,0,0\n"
)
DRPALL = (
    "plateifu,mangaid,nsa_nsaid,nsa_z,z,"
    + of_letters("nsa_elpetro_flux_{b}")
    + ","
    + of_letters("nsa_elpetro_flux_ivar_{b}")
    + "\n7443-12701,1-1,9,0.02,0.021,1,2,30,75,100,130,150,4,4,1,1,0.25,1,1\n"
    + "7443-12702,1-2,-9999,-9999,0.03,"
    + ",".join(["-9999"] * 14)
    + "\n"
)
DATA_LAB = (
    "ls_id,ra,dec,z_phot_median,z_phot_std,z_spec,dered_mag_g,dered_mag_r,dered_mag_w1,"
    "dered_mag_w2,snr_g,snr_r,snr_w1,snr_w2\n"
    "10,150.0001,1.9977,0.817497,0.344019,0.4237,24.02235,23.497692,22.62755,NaN,6.424314,"
    "6.621605,1.55841,-0.445872\n"
    "11,149.9970,2.0004,0.647819,0.146599,-99,22.979948,22.324043,22.477175,21.90846,14.184462,"
    "19.305738,1.773364,1.389925\n"
)
MAST = (
    "objName,objID,raMean,decMean,gQfPerfect,gMeanPSFMag,gMeanPSFMagErr,gMeanKronMag,"
    "gMeanKronMagErr,rMeanPSFMag,rMeanPSFMagErr,rMeanKronMag,rMeanKronMagErr,gFlags,z_spec\n"
    "PSO J090.98,123410909864043425,90.986,12.844,-999.0,-999.0,-999.0,-999.0,-999.0,21.2239,"
    "0.089408,21.3762,0.097529,114720,0.1\n"
)
FUJI = (
    "targetid,z,zerr,zwarn,spectype,release,brickid,brick_objid,flux_g,flux_r,flux_z,flux_ivar_g,"
    "flux_ivar_r,flux_ivar_z,ebv,flux_w1,flux_ivar_w1\n"
    "39628414323262865,0.1,1e-5,0,GALAXY,9010,321344,3,80,100,120,4,1,0.25,0.05,50,0.25\n"
)
GALEX_SDSS = (
    "objid,plate,mjd,fiberid,fuv_mag,nuv_mag,dered_u,dered_g,modelMagErr_u,modelMagErr_g,"
    "fuv_magerr,nuv_magerr,e_bv,redshift\n1,266,51602,1,-999,20.2,17.5,16.5,.02,.01,-999,.05,.03,"
    ".05\n"
)
JOINED = (
    "objID,z,modelMag_g,modelMagErr_g,modelMag_r,modelMagErr_r,ls_id,flux_g,flux_ivar_g,flux_r,"
    "flux_ivar_r\n7,.05,16.5,.01,15.9,.01,12,80,4,100,1\n"
)
IN_FULL = "id,redshift,flux_g,flux_err_g,flux_decam2014-g,flux_err_decam2014-g\n1,.05,10,1,12,.5\n"

#: Name, text, what is stated, and of the first row flux and sigma by band.
TABLES = {
    "nsatlas in CasJobs": (
        NSATLAS,
        {},
        {
            "FUV": (10**0.08, 0.5 * 10**0.08),
            "NUV": (2 * 10**0.08, 0.5 * 10**0.08),
            "u": (30 * 10**0.1, 10**0.1),
            "g": (75, 1),
            "r": (100 * 10**0.2, 2 * 10**0.2),
            "i": (130, 1),
            "z": (150, 1),
        },
    ),
    "mangaDrpAll in CasJobs": (
        DRPALL,
        {},
        {
            "FUV": (1, 0.5),
            "NUV": (2, 0.5),
            "u": (30, 1),
            "g": (75, 1),
            "r": (100, 2),
            "i": (130, 1),
            "z": (150, 1),
        },
    ),
    "NSA's NMGY by letters": (
        "nsaid,z,elpetro_nmgy_u,elpetro_nmgy_ivar_u,extinction_u\n1,.05,100,.25,.3\n",
        {},
        {"u": (100, 2)},
    ),
    "Astro Data Lab, magnitudes and S/N": (
        DATA_LAB,
        {},
        {
            "decam2014-g": by_ratio(24.02235, 6.424314),
            "decam2014-r": by_ratio(23.497692, 6.621605),
            "W1": by_ratio(22.62755, 1.55841),
            "W2": NONE,
        },
    ),
    "Astro Data Lab, mag_g": (
        "ls_id,z_spec,mag_g,snr_g,mw_transmission_g\n1,.1,20,50,.8\n",
        {},
        {"decam2014-g": (10 / 0.8, 0.2 / 0.8)},
    ),
    "MAST, -999": (MAST, {}, {"panstarrs-g": NONE, "panstarrs-r": mag(21.3762, 0.097529)}),
    "MAST, apertures": (
        "objid,gmeanapmag,gmeanapmagerr,z_spec\n1,20.0,0.05,.1\n",
        {},
        {"panstarrs-g": mag(20, 0.05)},
    ),
    "DESI, fuji": (
        FUJI,
        {},
        {
            "decam2014-g": (80, 0.5),
            "decam2014-r": (100, 1),
            "decam2014-z": (120, 2),
            "W1": (50, 2),
        },
    ),
    "GALEX beside SDSS": (
        GALEX_SDSS,
        {},
        {"u": mag(17.5, 0.02), "g": mag(16.5, 0.01), "FUV": NONE, "NUV": mag(20.2, 0.05)},
    ),
    "two surveys, the first": (JOINED, {}, {"g": mag(16.5, 0.01), "r": mag(15.9, 0.01)}),
    "two surveys, both": (
        JOINED,
        {"bands": ("g", "decam2014-g", "decam2014-r")},
        {"g": mag(16.5, 0.01), "decam2014-g": (80, 0.5), "decam2014-r": (100, 1)},
    ),
    "two surveys, the second": (
        JOINED,
        {"preset": "legacy-surveys"},
        {"decam2014-g": (80, 0.5), "decam2014-r": (100, 1)},
    ),
    "filters named in full": (
        IN_FULL,
        {"unit": "nanomaggies"},
        {"g": (10, 1), "decam2014-g": (12, 0.5)},
    ),
}


@pytest.mark.parametrize("name", TABLES)
def test_a_download_has_the_values_that_its_documents_give(name):
    text, stated, right = TABLES[name]
    table = read_table(text.encode(), "x.csv")
    known = {key: stated[key] for key in ("bands", "preset") if key in stated}
    mapping = guess_mapping(table, **known)
    rows = to_photometry(table, mapping.in_unit(stated["unit"]) if "unit" in stated else mapping)
    assert 0 not in [problem.row for problem in rows.problems], rows.problems
    found = rows.photometry
    pairs = {b: (found.flux[0, k], found.sigma[0, k]) for k, b in enumerate(found.bands)}
    assert set(pairs) == set(right)
    for band, pair in right.items():
        # Asinh magnitudes this bright are AB to two parts in a million.
        assert pairs[band] == pytest.approx(pair, rel=1e-5, nan_ok=True), band


def test_a_survey_that_is_named_reads_what_is_recognized():
    tried = 0
    for text, stated, _ in TABLES.values():
        table = read_table(text.encode(), "x.csv")
        guess = guess_mapping(table)
        for preset in presets():
            if not stated and f"look like those of {preset.title}" in guess.notes[0]:
                named = guess_mapping(table, preset=preset.name)
                assert (named.bands, named.id) == (guess.bands, guess.id)
                assert named.redshift == guess.redshift
                tried += 1
    assert tried >= 9


def test_redshifts_and_ids_of_downloads():
    for text, ids, redshift in (
        (NSATLAS, [72], 0.0488),
        (DRPALL, ["7443-12701", "7443-12702"], 0.021),
        (FUJI, [39628414323262865], 0.1),
        (MAST, [123410909864043425], 0.1),
        (DATA_LAB, [10, 11], 0.4237),
    ):
        table = read_table(text.encode(), "x.csv")
        rows = to_photometry(table, guess_mapping(table))
        assert rows.ids.tolist() == ids
        assert rows.redshift[0] == redshift
    assert [(p.row, "-99" in p.reason) for p in rows.problems] == [(1, True)]  # of the Data Lab
    table = read_table(DRPALL.encode(), "x.csv")
    assert [p.row for p in to_photometry(table, guess_mapping(table)).problems] == [1]


def vectors(name, width, version):
    """A row of an NSA or drpall file: fluxes, inverse variances and extinction as vectors."""
    columns = [
        fits.Column("NSAID", "J", array=[72]),
        fits.Column("Z", "E", array=[np.float32(0.0488)]),
        fits.Column(name, f"{width}E", array=[np.arange(1.0, width + 1)]),
        fits.Column(f"{name}_IVAR", f"{width}E", array=[np.full(width, 4.0)]),
    ]
    extinction = "nsa_extinction" if name.startswith("nsa") else "EXTINCTION"
    columns.append(fits.Column(extinction, f"{width}E", array=[np.full(width, 0.5)]))
    out = io.BytesIO()
    hdu = fits.BinTableHDU.from_columns(columns, name=version)
    fits.HDUList([fits.PrimaryHDU(), hdu]).writeto(out)
    return out.getvalue()


@pytest.mark.parametrize(
    ("name", "width"),
    [
        ("SERSICFLUX", 5),
        ("SERSIC_FLUX", 7),
        ("ELPETRO_FLUX", 7),
        ("nsa_elpetro_flux", 7),
        ("nsa_sersicflux", 7),
        ("nsa_petroflux_el", 7),
    ],
)
def test_vectors_of_the_nsa_of_either_version_and_of_drpall(name, width):
    table = read_table(vectors(name, width, "NSA"), "nsa.fits")
    rows = to_photometry(table, guess_mapping(table))
    assert rows.photometry.bands == ("FUV", "NUV", "u", "g", "r", "i", "z")[-width:]
    np.testing.assert_allclose(rows.photometry.flux[0], np.arange(1, width + 1) * 10**0.2)
    np.testing.assert_allclose(rows.photometry.sigma[0], np.full(width, 0.5 * 10**0.2))


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("objid,ra,dec,u,g,r,i,z,class,redshift\n1,2,3,19,18,17,16,15,G,.1\n", "u, g, r, i, z"),
        ("objID,z,modelMag_u,modelMag_g\n1,.05,19,18\n", "modelMag_u, modelMag_g have no"),
        ("id,redshift,mag_g,mag_r\n1,.1,18,17\n", "mag_g, mag_r have no columns of errors"),
        ("id,redshift,colour\n1,.1,18\n", "no photometry found among the columns id, redshift"),
        ("id,redshift,uRaw,uErr\n1,.1,18,1\n", "no photometry found among the columns"),
    ],
)
def test_what_is_missing_is_said(text, why):
    with pytest.raises(SedflowError, match="no photometry found") as caught:
        guess_mapping(read_table(text.encode(), "x.csv"))
    assert why in str(caught.value)


def test_columns_that_are_not_read_are_named():
    table = read_table(JOINED.encode(), "x.csv")
    told = " ".join(guess_mapping(table).notes)
    assert "not read: flux_g, flux_r, which look like those of the DESI Legacy Surveys" in told
    assert "name decam2014-g, decam2014-r, ... as bands" in told
    assert "not read" not in " ".join(guess_mapping(table, ("g", "decam2014-g")).notes)
    text = "objid,FUV,e_FUV,dered_u,modelMagErr_u,redshift\n1,20,.1,17.5,.02,.05\n"
    told = " ".join(guess_mapping(read_table(text.encode(), "x.csv")).notes)
    assert "not read: FUV, whose unit is not known" in told


def test_bands_are_asked_for_by_name_or_refused():
    table = read_table(JOINED.encode(), "x.csv")
    mapping = guess_mapping(table)
    assert list(mapping_of(table, mapping, "r").bands) == ["r"]
    assert list(mapping_of(table, None, ["decam2014-r"]).bands) == ["decam2014-r"]
    for bands, why in (
        (("g", "W1"), "there are no columns of W1, with their errors"),
        (("g", "q"), "no filter curve for band 'q'"),
    ):
        with pytest.raises(SedflowError, match=why):
            guess_mapping(table, bands)
    with pytest.raises(SedflowError, match="the mapping has no i; it has g, r"):
        mapping_of(table, mapping, ["i"])
    with pytest.raises(SedflowError, match="'flux_g' is mapped twice"):
        guess_mapping({"z": [0.1], "flux_g": [1.0], "ivar_g": [1.0]}, ("g", "decam2014-g"))


def test_one_curve_by_its_long_name_is_the_network_s_own(posterior):
    one = BandColumns("f", "e", "uJy")
    used = usable(Mapping("z", {"sdss2010-g": one}), posterior)
    assert list(used.bands) == ["g"]
    assert used.bands["g"] == one


def test_foreign_bands_are_told_with_their_cost(posterior):
    one, two = BandColumns("f", "e", "uJy"), BandColumns("f2", "e2", "uJy")
    assert foreign_bands(Mapping("z", {"g": one}), posterior, 9, "x") == ""
    both = foreign_bands(Mapping("z", {"g": one, "decam2014-g": two}), posterior, 9, "x")
    assert both.startswith("Left out: decam2014-g, which")
    assert "those of g alone" in both
    none = foreign_bands(Mapping("z", {"decam2014-g": one}), posterior, 100, "x.csv")
    assert "knows none of decam2014-g" in none
    assert "sedflow infer x.csv -o OUT --trust auto: about 12 s a galaxy, 20 minutes" in none


def test_the_preview_of_two_systems_shows_both_with_few_digits(tmp_path):
    path = tmp_path / "joined.csv"
    path.write_text(JOINED.replace(".05,16.5", ".04876399785280228,16.5"))
    result = CliRunner().invoke(
        main, ["infer", str(path), "--preview", "--bands", "g,decam2014-g"], catch_exceptions=False
    )
    assert result.exit_code == 0, result.output
    shown = result.output.splitlines()[-1].split()
    assert shown[:2] == ["7", "0.048764"]
    assert shown[2:] == ["251.19", "2.3135", "80", "0.5"]
    assert open_catalogue(path).n_rows == 1


def test_a_bad_line_beyond_the_first_rows_leaves_their_preview_alone(tmp_path):
    lines = [f"g{i},0.05,17.{i:02d},0.03" for i in range(20)]
    lines[2], lines[15] = "a,0.05,17,0.03,9", "b,0.05,17,0.03,9"
    path = tmp_path / "long.csv"
    path.write_text("\n".join(["name,redshift,mag_g,magerr_g", *lines]))
    table = read_table(path)
    shown = preview(table, guess_mapping(table))
    assert len(shown) == 10 and [bool(why) for why in shown["problem"]].index(True) == 2
    assert sorted(table.meta["problems"]) == [2, 15]
    result = CliRunner().invoke(main, ["infer", str(path), "--preview"])
    assert result.exit_code == 0, result.output


@pytest.mark.slow
def test_a_run_of_two_systems_says_which_bands_it_leaves_out(tmp_path):
    path = tmp_path / "joined.csv"
    path.write_text(JOINED)
    said: list[str] = []
    about = {"bands": ["g", "r", "decam2014-g"], "n": 50, "workers": 0, "log": said.append}
    summary = infer_catalogue(path, tmp_path / "out", **about)
    assert summary["rows"] == summary["status"]["ok"] == 1
    assert "ignored, as nsa-ugriz-fsps was not trained on them: decam2014-g" in said
    with pytest.raises(SedflowError, match="but the network nsa-ugriz-fsps was trained on"):
        infer_catalogue(path, tmp_path / "other", **about | {"bands": "decam2014-g"})
