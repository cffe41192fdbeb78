"""Small tables with the headers of real surveys and programs: the right numbers, or a sentence.

The rows are made up; right values are of the formulas that the surveys' documents give.
"""

import io
import math

import numpy as np
import pytest
from astropy import units as u
from astropy.io import fits
from astropy.table import Table

from sedflow.bands import load_band
from sedflow.catalogue.intake import read_rows, take_in
from sedflow.catalogue.read.open import open_catalogue, read_table
from sedflow.catalogue.rows import BandColumns, Mapping, guess_mapping, to_photometry
from sedflow.errors import SedflowError

LN10 = math.log(10.0)
NONE = (np.nan, np.nan)
UJY = 1 / 3.631


def mag(m, e, more=0.0):
    """AB magnitude and error as nanomaggies; more : what to add to the magnitude."""
    flux = 10 ** (0.4 * (22.5 - m - more))
    return flux, flux * e * 0.4 * LN10


def asinh(m, e, b, dim=0.0):
    """Asinh magnitude of the SDSS with softening b; dim : extinction that is removed."""
    x = -m * LN10 / 2.5 - math.log(b)
    pair = 2e9 * b * math.sinh(x), 2e9 * b * math.cosh(x) * e * LN10 / 2.5
    return tuple(p * 10 ** (0.4 * dim) for p in pair)


R, U = 1.2e-10, 1.4e-10
SKYSERVER = (
    "#Table1\nobjid,ra,dec,u,g,r,i,z,err_u,err_g,err_r,err_i,err_z,extinction_u,extinction_g,"
    "extinction_r,extinction_i,extinction_z,redshift,zErr\n1237648720693755918,150.1,2.2,23.9,18.1,"
    "17.5,17.1,16.9,0.9,0.01,0.02,0.02,0.03,0.25,0.2,0.15,0.1,0.08,0.0512,0.00001\n"
)
IPAC = (
    "\\fixlen = T\n|designation |   zsp |  j_m   |j_cmsig|w1mpro |w1sigmpro|\n"
    "|char        | double| double |double | double| double  |\n"
    "|            |       | mag    | mag   | mag   | mag     |\n"
    "|null        |  null | null   |null   | null  | null    |\n"
    " 10001+0200     0.05   15.123    0.06  14.5     0.03   \n"
    " 10002+0201     0.06   15.523    0.07  17.9     null   \n"
)
SEXTRACTOR = (
    "#   1 NUMBER                 Running object number\n"
    "#   2 FLUX_AUTO              Flux within a Kron-like elliptical aperture     [count]\n"
    "#   3 FLUXERR_AUTO           RMS error for AUTO flux                         [count]\n"
    "#   4 MAG_APER               Fixed aperture magnitude vector                 [mag]\n"
    "#   7 MAGERR_APER            RMS error vector for fixed aperture mag.        [mag]\n"
    "#  10 ZSPEC                  Redshift\n"
    "  1  3000.0  60.0  18.1 18.0 17.9  0.01 0.02 0.03  0.05\n"
    "  2  99.0    99.0  99.0 99.0 99.0  99.0 99.0 99.0  0.06\n"
)

#: Name, text, what is stated, and of the first row flux and sigma by band, or a sentence.
TABLES = {
    "SkyServer": (
        SKYSERVER,
        {},
        {
            "u": asinh(23.9, 0.9, U, 0.25),
            "g": mag(18.1, 0.01, -0.2),
            "r": mag(17.5, 0.02, -0.15),
            "i": mag(17.1, 0.02, -0.1),
            "z": mag(16.9, 0.03, -0.08),
        },
    ),
    "CasJobs, petroMag": (
        "objID,petroMag_r,petroMagErr_r,extinction_r,z,zErr\n1,18.2,0.03,0.1,0.08,1e-5\n",
        {},
        {"r": mag(18.2, 0.03, -0.1)},
    ),
    "CasJobs, fluxes": (
        "objID,cModelFlux_u,cModelFluxIvar_u,extinction_u,z\n1,12.5,0.25,0.3,0.08\n",
        {},
        {"u": (12.5 * 10**0.12, 2 * 10**0.12)},
    ),
    "CasJobs, dered": (
        "objID,dered_r,err_r,extinction_r,z\n1,18.2,0.03,0.1,0.08\n",
        {},
        {"r": mag(18.2, 0.03)},
    ),
    "CasJobs, -9999": (
        "objID,modelMag_u,modelMagErr_u,modelMag_r,modelMagErr_r,z\n1,-9999,-9999,18,0.1,0.08\n",
        {},
        {"u": NONE, "r": asinh(18, 0.1, R)},
    ),
    "Legacy Surveys, tractor": (
        "ls_id,type,flux_g,flux_ivar_g,mw_transmission_g,flux_w1,flux_ivar_w1,mw_transmission_w1,"
        "z_spec,dered_mag_g,snr_g\n1,SER,80,4,0.8,50,0.25,0.99,0.1,17.5,160\n",
        {},
        {"decam2014-g": (100, 0.625), "W1": (50 / 0.99, 2 / 0.99)},
    ),
    "DESI": (
        "TARGETID,Z,ZWARN,PHOTSYS,FLUX_R,FLUX_IVAR_R,MW_TRANSMISSION_R,EBV\n"
        "39627652591521181,0.1,0,S,80,4,0.8,0.1\n",
        {},
        {"decam2014-r": (100, 0.625)},
    ),
    "Legacy Surveys, one in the other's name": (
        "ls_id,flux_g,flux_ivar_g,fiberflux_g,flux_z,flux_ivar_z,z_spec\n1,80,4,10,90,0,0.1\n",
        {},
        {"decam2014-g": (80, 0.5), "decam2014-z": NONE},
    ),
    "DES DR2": (
        "COADD_OBJECT_ID,MAG_AUTO_G,MAGERR_AUTO_G,MAG_AUTO_R,MAGERR_AUTO_R,MAG_AUTO_G_DERED,"
        "EBV_SFD98,Z\n1,18,0.1,99,99,17.9,0.03,0.1\n",
        {},
        {"decam2014-g": mag(18, 0.1), "decam2014-r": NONE},
    ),
    "DES, fluxes": (
        "COADD_OBJECT_ID,FLUX_AUTO_R,FLUXERR_AUTO_R,zspec\n1,1000,20,0.1\n",
        {},
        {"decam2014-r": (1.0, 0.02)},
    ),
    "HSC": (
        "# object_id,specz_redshift,g_cmodel_mag,g_cmodel_magerr,a_g,g_cmodel_flag\n"
        "36411448540268000,0.3,20.1,0.01,0.12,f\n",
        {},
        {"hsc2017-g": mag(20.1, 0.01, -0.12)},
    ),
    "HSC, nJy": (
        "object_id,z,i_cmodel_flux,i_cmodel_fluxerr,a_i\n7,0.3,36310,363.1,0\n",
        {},
        {"hsc2017-i": (10.0, 0.1)},
    ),
    "KiDS": (
        "ID,MAG_GAAP_u,MAGERR_GAAP_u,MAG_GAAP_g,MAGERR_GAAP_g,EXTINCTION_u,EXTINCTION_g,Z_B\n"
        "1,20,.1,19,.1,.2,.1,.1\n",
        {},
        "no photometry found",
    ),
    "GALEX, MAST": (
        "objid,fuv_mag,fuv_magerr,nuv_mag,nuv_magerr,e_bv,z\n1,-999,-999,20.2,0.05,0.02,0.05\n",
        {},
        {"FUV": NONE, "NUV": mag(20.2, 0.05)},
    ),
    "GALEX, uJy": (
        "objid,nuv_flux,nuv_fluxerr,z\n1,36.31,3.631,0.05\n",
        {"unit": "uJy"},
        {"NUV": (10, 1)},
    ),
    "GALEX, no unit": (
        "objid,nuv_flux,nuv_fluxerr,z\n1,36.31,3.631,0.05\n",
        {},
        "unit of nuv_flux",
    ),
    "GALEX, VizieR": (
        "#Name: II/335/galex_ais\n\nName\tFUVmag\te_FUVmag\tNUVmag\te_NUVmag\tE(B-V)\tz\n"
        " \tmag\tmag\tmag\tmag\tmag\t \n----\t---\t---\t---\t---\t---\t---\n"
        "A1\t20.5\t0.1\t \t \t0.03\t0.05\n",
        {},
        {"FUV": mag(20.5, 0.1), "NUV": NONE},
    ),
    "Pan-STARRS, -999": (
        "objID,gMeanPSFMag,gMeanPSFMagErr,rMeanPSFMag,rMeanPSFMagErr,z_spec\n"
        "1,-999.0,-999.0,19,0.1,.1\n",
        {},
        {"panstarrs-g": NONE, "panstarrs-r": mag(19, 0.1)},
    ),
    "Pan-STARRS, stack": (
        "objID,zKronMag,zKronMagErr,yKronMag,yKronMagErr,zspec\n1,18.5,0.02,18.2,0.03,.1\n",
        {},
        {"panstarrs-z": mag(18.5, 0.02), "panstarrs-y": mag(18.2, 0.03)},
    ),
    "Pan-STARRS, VizieR": (
        "objID\tgmag\te_gmag\tymag\te_ymag\tzsp\n \tmag\tmag\tmag\tmag\t \n"
        "---\t---\t---\t---\t---\t---\n"
        "1\t19.1\t0.01\t18.2\t0.03\t.1\n",
        {},
        {"panstarrs-g": mag(19.1, 0.01), "panstarrs-y": mag(18.2, 0.03)},
    ),
    "SDSS, VizieR": (
        "#INFO\tx\n\nSDSS16;umag;e_umag;rmag;e_rmag;zsp;e_zsp\n;mag;mag;mag;mag;;\n"
        "---;---;---;---;---;---;---\n"
        "J1;24.2;0.9;17.5;0.02;0.05;0.0001\n",
        {},
        {"u": asinh(24.2, 0.9, U), "r": mag(17.5, 0.02)},
    ),
    "VizieR, 10-3Jy and errors in %": (
        "ID\tflux_r\te_flux_r\tz\n \t10-3Jy\t%\t \n---\t---\t---\t---\n1\t3.631\t5\t0.05\n",
        {},
        {"r": (1000, 50)},
    ),
    "VizieR, two-sided errors and limits": (
        "ID\trmag\te_rmag\tE_rmag\tl_rmag\tgmag\te_gmag\tz\n \tmag\tmag\tmag\t \tmag\tmag\t \n"
        "---\t---\t---\t---\t-\t---\t---\t---\n1\t18.0\t0.1\t0.3\t \t18\t0.1\t.05\n",
        {},
        {"r": mag(18, 0.2), "g": mag(18, 0.1)},
    ),
    "SExtractor, merged": (
        "NUMBER,MAG_AUTO_G,MAGERR_AUTO_G,MAG_AUTO_R,MAGERR_AUTO_R,zspec\n1,18,.1,99.0,99.0,.1\n",
        {"unit": "mag"},
        {"g": mag(18, 0.1), "r": NONE},
    ),
    "SExtractor asks for the zero point": (
        "NUMBER,FLUX_AUTO_G,FLUXERR_AUTO_G,zspec\n1,100,2,.1\n",
        {},
        "unit of FLUX_AUTO_G",
    ),
    "SExtractor, zero point": (
        "NUMBER,FLUX_AUTO_G,FLUXERR_AUTO_G,zspec\n1,100,2,.1\n",
        {"unit": "zp 25"},
        {"g": (10, 0.2)},
    ),
    "Rubin": (
        "objectId,coord_ra,r_cModelFlux,r_cModelFluxErr,r_psfFlux,r_psfFluxErr,ebv,z\n"
        "1,2,36310,363.1,1,1,0.1,0.2\n",
        {},
        {"lsst2023-r": (10, 0.1)},
    ),
    "EAZY": (
        "# id z_spec f_g e_g f_r e_r\n1 0.05 100 2 -99 -99\n",
        {"unit": "zp 25"},
        {"g": (10, 0.2), "r": NONE},
    ),
    "CIGALE": ("# id redshift sdss.up sdss.up_err\n1 0.05 0.1 0.01\n", {}, "no photometry found"),
    "COSMOS": ("ID,CFHT_u_FLUX,CFHT_u_FLUXERR,zspec\n1,2,.1,.1\n", {}, "no photometry found"),
    "S-PLUS": ("ID,r_auto,e_r_auto,z\n1,18,.1,.1\n", {}, "no photometry found"),
    "Johnson": ("ID,Umag,e_Umag,Rmag,e_Rmag,z\n1,18,.1,17,.1,.1\n", {}, "no photometry found"),
    "HyperLeda in capitals": ("ID,RMAG,E_RMAG,Z\n1,18,.1,.1\n", {}, "unit of RMAG"),
    "velocities": ("ID,rmag,e_rmag,cz\n1,18,.1,15000\n", {}, "no redshift found"),
    "TOPCAT, CSV": (
        'name,redshift,mag_r,magerr_r,class\n"NGC 1, a",0.05,18.0,0.1,"GALAXY"\n',
        {},
        {"r": mag(18, 0.1)},
    ),
    "TOPCAT, ASCII": (
        '# name redshift mag_r magerr_r mag_g magerr_g\n"NGC 1" 0.05 18.0 0.1 "" ""\n',
        {},
        {"r": mag(18, 0.1), "g": NONE},
    ),
    "astropy, basic with masked": (
        "id redshift mag_r magerr_r mag_g magerr_g\n1 0.05 18.0 0.1 -- --\n",
        {},
        {"r": mag(18, 0.1), "g": NONE},
    ),
    "pandas with an index": (
        ",id,redshift,mag_r,magerr_r\n0,7,0.05,18.0,0.1\n",
        {},
        {"r": mag(18, 0.1)},
    ),
    "Excel": (
        "\ufeffid;redshift;mag_r;magerr_r\r\n7;0,05;18,0;0,1\r\n",
        {},
        {"r": mag(18, 0.1)},
    ),
    "Fortran": (
        "id redshift flux_r flux_err_r\n1 5.0D-02 1.0D+02 2.0D+00\n",
        {"unit": "uJy"},
        {"r": (100 * UJY, 2 * UJY)},
    ),
    "units below, in brackets": (
        "id,z,flux_r,flux_err_r\n,,(mJy),(mJy)\n1,.05,3.631,.03631\n",
        {},
        {"r": (1000, 10)},
    ),
    "a unit with brackets of its own": (
        "id,z,flux_r,flux_err_r\n,,[dex(uJy)],dex\n1,.05,1,0.02\n",
        {},
        {"r": (10 * UJY, 0.2 * UJY * LN10)},
    ),
    "units of two letters": (
        "id,z,flux_r,flux_err_r\n,,Jy,%\n1,.05,3.631e-6,2\n",
        {},
        {"r": (1.0, 0.02)},
    ),
    "erg/s/cm2/Hz with a factor": (
        "id,z,flux_r,flux_err_r\n,,10^-29 erg/s/cm2/Hz,10^-29 erg/s/cm2/Hz\n1,.05,36.31,.3631\n",
        {},
        {"r": (10, 0.1)},
    ),
    "UltraVISTA, f_ and E(B-V) by law": (
        "id,z,f_r,e_r,ebv\n1,.05,36.31,.3631,.1\n",
        {"unit": "uJy", "r.ebv": "ebv", "r.coefficient": "SF11"},
        {"r": (10 * 10**0.0914, 0.1 * 10**0.0914)},
    ),
    "asinh and AB mixed up": (
        "id,z,modelMag_r,modelMagErr_r\n1,.05,24.9,.9\n",
        {"unit": "mag(AB)"},
        {"r": mag(24.9, 0.9)},
    ),
    "errors that are relative": (
        "id,z,flux_r,relerr_r\n1,.05,36.31,.05\n",
        {"unit": "uJy"},
        {"r": (10, 0.5)},
    ),
    "signal to noise": (
        "id,z,flux_r,snr_r\n1,.05,36.31,20\n",
        {"unit": "uJy"},
        {"r": (10, 0.5)},
    ),
    "variance": (
        "id,z,flux_r,flux_var_r\n1,.05,36.31,3.3124\n",
        {"unit": "uJy"},
        {"r": (10, 1.82 * UJY)},
    ),
    "redshift beside the magnitude z": (
        "id,u,err_u,z,err_z,z_spec\n1,19.0,.1,17.0,.1,.05\n",
        {"unit": "mag"},
        {"u": mag(19, 0.1), "z": mag(17, 0.1)},
    ),
    "redshift in per cent of nothing": (
        "id,z,mag_r,magerr_r\n1,5 %,18,.1\n",
        {},
        "is not a number",
    ),
    "thousands with points": (
        "id;z;flux_r;flux_err_r\n1;0,05;1.234,5;0,1\n",
        {"unit": "uJy"},
        "is not a number",
    ),
    "magnitudes named fluxes": (
        "id,z,flux_r,flux_err_r\n,,mag,mag\n1,.05,18,.1\n",
        {},
        {"r": mag(18, 0.1)},
    ),
}


def mapped(table, stated):
    mapping = guess_mapping(table)
    if "unit" in stated:
        mapping = mapping.in_unit(stated["unit"])
    entries = {k: v for k, v in stated.items() if k != "unit"}
    return mapping.with_entries(entries) if entries else mapping


def read(text, stated):
    table = read_table(text.encode(), "x")
    return to_photometry(table, mapped(table, stated))


def taken_in(text, stated, folder):
    """The same as a run reads it: without types, into a Parquet file, and from there."""
    (folder / "x.txt").write_bytes(text.encode())
    catalogue = open_catalogue(folder / "x.txt")
    mapping = mapped(catalogue, stated)
    taken = take_in(catalogue, mapping, folder / "input.parquet")
    return read_rows(folder / "input.parquet", mapping.bands, taken.id_kind, 0, taken.rows)


@pytest.mark.parametrize("way", ["whole", "run"])
@pytest.mark.parametrize("name", TABLES)
def test_headers_of_surveys(name, way, tmp_path):
    text, stated, right = TABLES[name]
    more = (tmp_path,) if way == "run" else ()
    reader = {"whole": read, "run": taken_in}[way]
    if isinstance(right, str):
        try:
            rows = reader(text, stated, *more)
        except SedflowError as error:
            assert right in str(error)
        else:
            assert rows.problems and right in rows.problems[0].reason
        return
    rows = reader(text, stated, *more)
    assert not rows.problems, rows.problems
    found = rows.photometry
    pairs = {b: (found.flux[0, k], found.sigma[0, k]) for k, b in enumerate(found.bands)}
    assert set(pairs) == set(right)
    for band, pair in right.items():
        assert pairs[band] == pytest.approx(pair, rel=2e-5, nan_ok=True), band


def test_gators_tables_of_2mass_and_wise():
    table = read_table(IPAC.encode(), "gator.tbl")
    bands = {
        "J": BandColumns("j_m", "j_cmsig", "Vega"),
        "W1": BandColumns("w1mpro", "w1sigmpro", "Vega"),
    }
    found = to_photometry(table, Mapping("zsp", bands, "designation")).photometry
    right = [[mag(15.123, 0.06, 0.91), mag(14.5, 0.03, 2.699)], [mag(15.523, 0.07, 0.91), NONE]]
    for k, row in enumerate(right):
        np.testing.assert_allclose(found.flux[k], [pair[0] for pair in row], rtol=1e-9)
        np.testing.assert_allclose(found.sigma[k], [pair[1] for pair in row], rtol=1e-9)
    assert found.ids.tolist() == ["10001+0200", "10002+0201"]


def test_vectors_of_sextractor_have_their_numbers_by_place():
    table = read_table(SEXTRACTOR.encode(), "test.cat")
    band = BandColumns("MAG_APER_1", "MAGERR_APER_1", "mag")
    counts = BandColumns("FLUX_AUTO", "FLUXERR_AUTO", "zp 25")
    rows = to_photometry(table, Mapping("ZSPEC", {"r": band, "g": counts}, "NUMBER"))
    assert rows.photometry.flux[0] == pytest.approx([mag(18, 0.02)[0], 300.0])
    assert rows.photometry.sigma[0] == pytest.approx([mag(18, 0.02)[1], 6.0])
    assert [problem.row for problem in rows.problems] == [1]  # 99 in both bands


def ldac():
    """SExtractor's FITS_LDAC: the header of the image as a cell of text, and the objects."""
    cards = "".join(f"{f'KEY{k:05d} = {k}':80s}" for k in range(160))
    head = fits.Column("Field Header Card", f"{len(cards)}A", array=[cards])
    column = fits.Column
    objects = [
        column("NUMBER", "J", array=[1, 2]),
        column("MAG_AUTO_R", "E", unit="mag", array=[18.0, 99.0]),
        column("MAGERR_AUTO_R", "E", unit="mag", array=[0.1, 99.0]),
        column("MAG_AUTO_G", "E", unit="mag", array=[18.5, 19.0]),
        column("MAGERR_AUTO_G", "E", unit="mag", array=[0.1, 0.1]),
        column("ZSPEC", "D", array=[0.05, 0.06]),
    ]
    out = io.BytesIO()
    tables = [
        fits.BinTableHDU.from_columns([head], name="LDAC_IMHEAD"),
        fits.BinTableHDU.from_columns(objects, name="LDAC_OBJECTS"),
    ]
    fits.HDUList([fits.PrimaryHDU(), *tables]).writeto(out)
    return out.getvalue()


def test_ldac_is_read_past_the_header_of_the_image():
    table = read_table(ldac(), "test.ldac")
    rows = to_photometry(table, guess_mapping(table))
    found = dict(zip(rows.photometry.bands, rows.photometry.flux.T, strict=True))
    assert found["r"] == pytest.approx([mag(18, 0.1)[0], np.nan], nan_ok=True)
    assert found["g"] == pytest.approx([mag(18.5, 0.1)[0], mag(19, 0.1)[0]])


def topcat_fits():
    """TOPCAT's fits-plus: a VOTable as bytes of the primary image, and integers with TNULL."""
    column = fits.Column
    columns = [
        column("objid", "K", array=[1237648720693755918, 2]),
        column("zspec", "D", array=[0.05, 0.06]),
        column("flux_r", "J", unit="uJy", null=-2147483648, array=[50, -2147483648]),
        column("flux_err_r", "E", unit="uJy", array=[2.0, 2.0]),
        column("flux_g", "I", unit="uJy", null=-32768, array=[40, 41]),
        column("flux_err_g", "E", unit="uJy", array=[2.0, np.nan]),
    ]
    out = io.BytesIO()
    primary = fits.PrimaryHDU(np.frombuffer(b"<?xml version='1.0'?><VOTABLE/>", dtype=np.uint8))
    primary.header["VOTMETA"] = True
    fits.HDUList([primary, fits.BinTableHDU.from_columns(columns)]).writeto(out)
    return out.getvalue()


def test_topcats_fits_has_nulls_of_integers():
    table = read_table(topcat_fits(), "x.fits")
    rows = to_photometry(table, guess_mapping(table))
    assert rows.ids.tolist() == [1237648720693755918, 2]
    assert [p.row for p in rows.problems] == [1]  # of which neither band is left
    flux = dict(zip(rows.photometry.bands, rows.photometry.flux[0], strict=True))
    assert flux == pytest.approx({"r": 50 * UJY, "g": 40 * UJY})


@pytest.mark.parametrize("form", ["binary", "binary2", "tabledata"])
def test_votables_of_every_serialization(form):
    table = Table({"objid": [2**60 + 1, 2], "zspec": [0.05, 0.06]}, masked=True)
    for name, values in {"flux_r": [50.0, 1.0], "flux_err_r": [2.0, 2.0]}.items():
        table[name] = values
        table[name].unit = u.uJy
    table["flux_r"].mask = [False, True]
    table["flux_g"], table["flux_err_g"] = [5.0, 5.0] * u.mJy, [0.5, 0.5] * u.mJy
    out = io.BytesIO()
    table.write(out, format="votable", tabledata_format=form)
    found = read_table(out.getvalue(), "x.vot")
    rows = to_photometry(found, guess_mapping(found))
    flux = dict(zip(rows.photometry.bands, rows.photometry.flux.T, strict=True))
    assert flux["r"] == pytest.approx([50 * UJY, np.nan], nan_ok=True)
    assert flux["g"] == pytest.approx([5000 * UJY] * 2)
    assert rows.ids.tolist() == [2**60 + 1, 2]


#: Lines of a header, and columns of a wavelength [A] and a response (0 to 1).
CURVES = {
    "Rubin": ("# Wavelength(nm)  Throughput(0-1)", lambda w, r: (w / 10, r)),
    "IRSA": ("# wave(um)  response(electrons/photon)", lambda w, r: (w / 1e4, r)),
    "JWST": ("Wave_um,Throughput", lambda w, r: (w / 1e4, r)),
    "Keck": ("# Wavelength (Angstroms)   Transmission (%)", lambda w, r: (w, 100 * r)),
    "frequencies": ("freq_GHz,response", lambda w, r: (2.99792458e9 / w, r)),
    "wavenumbers": ("wavenumber_cm-1,response", lambda w, r: (1e8 / w, r)),
    "descending": ("lambda_nm response", lambda w, r: ((w / 10)[::-1], r[::-1])),
    "per energy": ("# DetectorType: 0\n# Wavelength [A]  T", lambda w, r: (w, r)),
    "EAZY": ("60 my filter lambda_c= 5500", lambda w, r: (np.arange(1, len(w) + 1), w, r)),
}


@pytest.mark.parametrize("name", CURVES)
def test_headers_of_filter_curves(name, tmp_path):
    wave = np.linspace(4500.0, 6500.0, 201)
    response = np.exp(-0.5 * ((wave - 5500) / 250) ** 2)
    head, columns = CURVES[name]
    lines = zip(*columns(wave, response), strict=True)
    mark = "," if "," in head else " "
    path = tmp_path / f"{name.replace(' ', '')}.dat"
    path.write_text("\n".join([head, *(mark.join(f"{x:.12g}" for x in line) for line in lines)]))
    per_photon = response / wave if name == "per energy" else response
    pivot = math.sqrt(np.trapezoid(per_photon * wave, wave) / np.trapezoid(per_photon / wave, wave))
    try:
        band = load_band(str(path))
    except SedflowError as error:
        assert name == "EAZY" and "60 my filter" in str(error)
        return
    assert band.pivot == pytest.approx(pivot, abs=0.5)
