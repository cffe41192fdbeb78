"""One galaxy's fluxes in several layouts of columns side by side: read right, asked, or refused.

Each table has the same fluxes two or three times: in other units, under other names, in some of
the bands, with errors or without. Whatever a table is read as, its numbers are these; and what has
errors and is not read is named in a note.
"""

import random

import astropy.units as u
import numpy as np
import pytest
from astropy.table import Table

from sedflow.bands import band_names
from sedflow.catalogue import guess
from sedflow.catalogue.guess import guess_mapping
from sedflow.catalogue.named_units import split_name
from sedflow.catalogue.owners import words_of
from sedflow.catalogue.rows import to_photometry
from sedflow.errors import SedflowError

BANDS, N = "ugriz", 6
_RNG = np.random.default_rng(1)
FLUX = 10 ** _RNG.uniform(1, 2.5, (N, len(BANDS)))  # nanomaggies
SIGMA = FLUX * _RNG.uniform(0.02, 0.06, FLUX.shape)
REDSHIFT = _RNG.uniform(0.02, 0.08, N)
PER_NANOMAGGY = {"nmgy": 1.0, "uJy": 3.6307805, "mJy": 3.6307805e-3, "Jy": 3.6307805e-6}
FLUXES = {
    "flux_{b}": ("flux_err_{b}", "fluxerr_{b}", "flux_{b}_err", "e_flux_{b}", "flux_ivar_{b}"),
    "modelflux_{b}": ("modelflux_err_{b}", "modelflux_{b}_err"),
    "f_{b}": ("e_f_{b}", "f_{b}_err", "ef_{b}"),
    "{b}_flux": ("{b}_flux_err", "{b}_fluxerr", "{b}_err"),
    "{b}": ("{b}_err", "err_{b}", "e_{b}", "{b}err"),
}
MAGNITUDES = {
    "mag_{b}": ("magerr_{b}", "mag_err_{b}", "mag_{b}_err", "e_mag_{b}", "err_{b}"),
    "{b}_mag": ("{b}_magerr", "e_{b}_mag", "{b}_mag_err", "{b}_err"),
    "{b}mag": ("e_{b}mag", "{b}magerr"),
    "{b}": ("{b}_err", "e_{b}", "magerr_{b}"),  # err_u beside u is of asinh magnitudes
}
IN_NAMES = ("{name}", "{name}", "{name} ({unit})", "{name} [{unit}]", "{name}_{unit}")


def layout(rng):
    """One way to write the fluxes of some bands, with its columns."""
    unit = rng.choice(["mag", *PER_NANOMAGGY])
    names = MAGNITUDES if unit == "mag" else FLUXES
    value = rng.choice(list(names))
    error = rng.choice(names[value])
    style = rng.choice(IN_NAMES[:4] if unit == "mag" else IN_NAMES)
    said = unit if rng.random() < 0.4 else None
    with_errors = rng.random() < 0.75
    columns, owners = {}, {}
    for band in BANDS if rng.random() < 0.7 else rng.sample(BANDS, rng.randint(1, 4)):
        flux, sigma = FLUX[:, BANDS.index(band)], SIGMA[:, BANDS.index(band)]
        if unit == "mag":
            flux, sigma = 22.5 - 2.5 * np.log10(flux), 2.5 / np.log(10) * sigma / flux
        else:
            flux, sigma = flux * PER_NANOMAGGY[unit], sigma * PER_NANOMAGGY[unit]
        name = style.format(name=value.format(b=band), unit=unit)
        columns[name] = flux, said
        if with_errors:
            ivar = "ivar" in error
            error_name = style.format(name=error.format(b=band), unit=unit)
            error_name = error.format(b=band) if ivar else error_name
            columns[error_name] = (sigma**-2, None) if ivar else (sigma, said)
            owners[error_name] = name
    return columns, owners


def a_table(seed):
    """A table of two or three layouts, and the value of each error; None if they share a column."""
    rng = random.Random(seed)
    layouts = [layout(rng) for _ in range(rng.choice([2, 2, 3]))]
    redshift = rng.choice(["redshift", "z"])
    table = Table({"id": [f"g{k}" for k in range(N)], redshift: REDSHIFT})
    for columns, _ in layouts:
        for name, (values, unit) in columns.items():
            if name in table.colnames:
                return None
            table[name] = values
            if unit is not None:
                table[name].unit = u.Unit(unit, parse_strict="silent")
    if rng.random() < 0.2 and "redshift_err" not in table.colnames:
        table["redshift_err"] = 1e-4
    return table, {error: value for _, owners in layouts for error, value in owners.items()}


def is_clear(table, owners):
    """Whether names say whose the errors are: u_err beside u_mag and "u (uJy)" may be of either."""
    for error, value in owners.items():
        words, unit = words_of(error)[0], split_name(error)[1]
        named = [name for name in table.colnames if words_of(name) == (words, False)]
        if named and (value not in named or (not unit and len(named) > 1)):
            return False
    return True


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("block", range(5))
def test_a_table_of_several_layouts_is_read_right_asked_or_refused(block):
    read = 0
    for seed in range(80 * block, 80 * (block + 1)):
        made = a_table(seed)
        if made is None:
            continue
        table, owners = made
        try:
            mapping = guess_mapping(table)
            known = [band for band in mapping.bands if band not in mapping.open]
            if not known:
                continue
            photometry = to_photometry(table, mapping.select(known)).photometry
        except SedflowError:
            continue
        where = f"seed {seed}: {mapping.in_words()}"
        columns = [BANDS.index(band) for band in photometry.bands]
        np.testing.assert_allclose(photometry.flux, FLUX[:, columns], rtol=2e-3, err_msg=where)
        if is_clear(table, owners):
            sigma = SIGMA[:, columns]
            np.testing.assert_allclose(photometry.sigma, sigma, rtol=2e-3, err_msg=where)
        read += 1
    assert read > 20


def test_what_has_errors_and_is_not_read_is_named():
    table = {"redshift": REDSHIFT, "f_u (uJy)": FLUX[:, 0], "e_f_u (uJy)": SIGMA[:, 0]}
    table |= {f"flux_{b}": FLUX[:, 1] for b in "ri"} | {f"flux_{b}_err": SIGMA[:, 1] for b in "ri"}
    mapping = guess_mapping(table)
    assert set(mapping.bands) == set("ri")
    assert any("f_u (uJy)" in note and note.startswith("not read:") for note in mapping.notes)


def test_the_layout_with_the_most_bands_is_read_whatever_it_is_called():
    """Two magnitudes were read, and five fluxes with units in their names were not."""
    table = {"redshift": REDSHIFT}
    for k, band in enumerate(BANDS):
        table |= {f"{band}_uJy": FLUX[:, k], f"{band}_uJy_err": SIGMA[:, k]}
    for band in "ur":
        table |= {f"petromag_{band}": FLUX[:, 0], f"petromag_{band}_err": SIGMA[:, 0]}
    mapping = guess_mapping(table)
    assert [one.value for one in mapping.bands.values()] == [f"{b}_uJy" for b in BANDS]
    assert any("petromag_u, petromag_r" in note for note in mapping.notes)


def test_an_error_is_of_the_value_that_it_names():
    """u_magerr went to a flux u, where u_mag was there with a unit in its name."""
    table = {"redshift": REDSHIFT}
    for k, band in enumerate("ugri"):
        table |= {f"{band}_mag (AB)": FLUX[:, k], f"{band}_magerr": SIGMA[:, k]}
        table |= {band: FLUX[:, k], f"{band}_err": SIGMA[:, k]}
    one = guess_mapping(table).bands["u"]
    assert (one.value, one.error) in {("u", "u_err"), ("u_mag (AB)", "u_magerr")}


def test_the_names_of_all_filters_are_looked_up_once(monkeypatch):
    """A file of 4 kB held the server's worker for three seconds."""
    times = 0

    def counted(*args):
        nonlocal times
        times += 1
        return of_band(*args)

    of_band = guess._of_band
    monkeypatch.setattr(guess, "_of_band", counted)
    filters = [name for name in band_names() if "-" in name]
    table = {"redshift": [0.1], **{f"flux_{name}_uJy": [1.0] for name in filters}}
    with pytest.raises(SedflowError, match="no photometry"):
        guess.guess_mapping(table)
    assert times < 600 * len(filters)


MAG, MAG_ERROR = 22.5 - 2.5 * np.log10(FLUX), 2.5 / np.log(10) * SIGMA / FLUX
UJY = PER_NANOMAGGY["uJy"]


def columns(form, values, bands=BANDS):
    return {form.format(b=b): values[:, BANDS.index(b)] for b in bands}


@pytest.mark.parametrize(
    ("table", "units", "value", "error"),
    [
        (
            columns("f_{b}", FLUX * UJY) | columns("err_{b}", SIGMA * UJY) | columns("{b}", MAG),
            {"f_{b}": "uJy", "err_{b}": "uJy"},
            "f_{b}",
            "err_{b}",
        ),
        (
            columns("flux_{b}", FLUX) | columns("ivar_{b}", SIGMA**-2) | columns("{b}", MAG),
            {},
            "flux_{b}",
            "ivar_{b}",
        ),
        (
            columns("flux_{b}", FLUX) | columns("snr_{b}", FLUX / SIGMA) | columns("{b}", MAG),
            {},
            "flux_{b}",
            "snr_{b}",
        ),
        (
            columns("flux_{b}", FLUX) | columns("sigma_{b}", SIGMA) | columns("{b}", MAG),
            {"flux_{b}": "nmgy", "{b}": "mag"},
            "flux_{b}",
            "sigma_{b}",
        ),
        (
            columns("flux_{b}", FLUX) | columns("ivar_{b}", SIGMA**-2) | {"r": 5.0 + 0 * REDSHIFT},
            {},
            "flux_{b}",
            "ivar_{b}",
        ),
        (
            columns("mag_{b}", MAG) | columns("err_{b}", MAG_ERROR) | {"r": 5.0 + 0 * REDSHIFT},
            {},
            "mag_{b}",
            "err_{b}",
        ),
        (
            columns("{b}", MAG) | columns("err_{b}", MAG_ERROR) | columns("dered_{b}", MAG - 0.1),
            {},
            "dered_{b}",
            "err_{b}",
        ),
    ],
)
@pytest.mark.parametrize("redshift", ["z_spec", "z"])
def test_errors_that_name_a_band_alone_are_settled(table, units, value, error, redshift):
    """All of them went to a plain u, wherever there was one: to magnitudes, or to a radius."""
    if redshift in table:
        pytest.skip("z is a band here")
    made = Table({redshift: REDSHIFT, **table})
    for form, unit in units.items():
        for band in BANDS:
            if form.format(b=band) in made.colnames:
                made[form.format(b=band)].unit = u.Unit(unit)
    mapping = guess_mapping(made)
    assert mapping.redshift == redshift
    read = {band: (one.value, one.error) for band, one in mapping.bands.items()}
    assert read == {b: (value.format(b=b), error.format(b=b)) for b in BANDS}


@pytest.mark.parametrize(
    ("table", "words"),
    [
        (
            columns("{b}", MAG) | columns("{b}_err", MAG_ERROR) | columns("{b}_flux", FLUX * 0.1),
            "u_err, which may be the error of .*u.*; write a mapping",
        ),
        (
            columns("mag_{b}", MAG) | columns("err_{b}", MAG_ERROR) | columns("{b}", FLUX * UJY),
            "err_u, which may be the error of .*u.*; write a mapping",
        ),
        (
            columns("flux_{b} (uJy)", FLUX * UJY)
            | columns("err_{b} (uJy)", SIGMA * UJY)
            | columns("{b}", MAG),
            "have no columns of errors beside them",
        ),
    ],
)
def test_errors_that_may_be_of_two_columns_are_asked_for(table, words):
    with pytest.raises(SedflowError, match=words):
        guess_mapping({"z_spec": REDSHIFT, **table})


@pytest.mark.parametrize("ratio", [1e-3, 0.5])
def test_the_size_of_errors_does_not_say_whose_they_are(ratio):
    """Fluxes with errors of a thousandth lost them to the magnitudes beside them."""
    table = columns("flux_{b}", FLUX) | columns("sigma_{b}", FLUX * ratio) | columns("{b}", MAG)
    mapping = guess_mapping({"z_spec": REDSHIFT, **table})
    assert mapping.bands["u"].value == "flux_u"
    table = columns("mag_{b}", MAG) | columns("err_{b}", ratio + 0 * MAG)
    one_more = {"flux_r": FLUX[:, 2]}
    mapping = guess_mapping({"z_spec": REDSHIFT, **table, **one_more})
    assert [one.value for one in mapping.bands.values()] == [f"mag_{b}" for b in BANDS]
    with pytest.raises(SedflowError, match="err_u, which may be the error of mag_u or of flux_u"):
        guess_mapping({"z_spec": REDSHIFT, **table, **columns("flux_{b}", FLUX)})


def test_a_correction_that_one_band_alone_has_is_not_used():
    table = columns("mag_{b}", MAG) | columns("magerr_{b}", MAG_ERROR)
    mapping = guess_mapping({"z_spec": REDSHIFT, **table, "extinction_r": 0.1 + 0 * REDSHIFT})
    assert not any(one.correction for one in mapping.bands.values())
    assert any(note.startswith("not used: extinction_r") for note in mapping.notes)
    all_of_them = columns("extinction_{b}", 0.1 + 0 * MAG)
    mapping = guess_mapping({"z_spec": REDSHIFT, **table, **all_of_them})
    assert all(one.correction for one in mapping.bands.values())


@pytest.mark.parametrize("bands", [None, "ugriz"])
def test_one_band_of_a_survey_does_not_take_over_a_table_of_ones_own(bands):
    table = columns("mag_{b}", MAG) | columns("magerr_{b}", MAG_ERROR)
    table |= {"petroMag_r": MAG[:, 2] - 1, "petroMagErr_r": MAG_ERROR[:, 2]}
    mapping = guess_mapping({"z_spec": REDSHIFT, **table}, bands)
    assert [one.value for one in mapping.bands.values()] == [f"mag_{b}" for b in BANDS]


def test_a_spectroscopic_redshift_goes_before_a_photometric_one():
    table = columns("modelMag_{b}", MAG) | columns("modelMagErr_{b}", MAG_ERROR)
    assert guess_mapping({"zphot": REDSHIFT, "z": REDSHIFT, **table}).redshift == "z"


def test_an_error_in_magnitudes_may_be_of_either_of_two_fluxes():
    """A ValueError: nothing was left of those that are in magnitudes."""
    table = columns("f_{b}", FLUX) | columns("{b}_flux", FLUX) | columns("err_{b}", MAG_ERROR)
    made = Table({"z_spec": REDSHIFT, **table})
    for band in BANDS:
        made[f"err_{band}"].unit = u.mag
        made[f"f_{band}"].unit = made[f"{band}_flux"].unit = u.Unit("uJy")
    assert guess_mapping(made).bands["u"].error == "err_u"
