"""Every reader with every kind of number, against the values that were written.

The table of docs/robustness.md comes from here: `SEDFLOW_FUZZ=30 pytest -n 0 -m fuzz` with this
file. Right values are of the numbers as they were drawn, by formulas of the units alone.
"""

import bz2
import gzip
import lzma
import math
import random

import numpy as np
import pytest
import writers
from astropy.io import fits as afits
from fuzz import count_reader, inputs
from hypothesis import given
from hypothesis import strategies as st
from writers import Col

from sedflow.catalogue.read.open import read_table
from sedflow.catalogue.rows import guess_mapping, to_photometry
from sedflow.errors import SedflowError

LN10 = math.log(10.0)
#: Nanomaggies of one unit.
LINEAR = {
    "Jy": 1e9 / 3631, "mJy": 1e6 / 3631, "uJy": 1e3 / 3631, "nJy": 1 / 3631, "10-3Jy": 1e6 / 3631,
    "10-6Jy": 1e3 / 3631, "nanomaggies": 1.0, "maggies": 1e9, "nmgy": 1.0,
}  # fmt: skip
#: Nanomaggies at 0, and decades of one unit.
LOGARITHMS = {
    "mag": (1e9, -0.4), "mmag": (1e9, -0.4e-3), "dex(uJy)": (1e3 / 3631, 1.0),
    "dB(nJy)": (1 / 3631, 0.1), "mag(AB)": (1e9, -0.4),
}  # fmt: skip
STEPS = {"mag": 0.4, "mmag": 0.4e-3, "dex": 1.0, "dB": 0.1}
KINDS = ("units", "nulls", "errors", "corrections", "systems", "containers", "text")
N = 3


def six(x):
    """A number as a table has it."""
    return float(f"{x:.6g}")


class Case:
    """A table, and what is right: of each band, flux and sigma (n,) [nanomaggies]."""

    def __init__(self, rng):
        ids = rng.sample(range(10**18, 9 * 10**18), N)
        self.table = {
            "id": Col(ids),
            "redshift": Col([six(rng.uniform(0.01, 0.2)) for _ in range(N)]),
        }
        self.right, self.stated, self.always, self.wrap = {}, {}, False, None

    def add(self, band, names, columns, flux, sigma):
        self.table |= dict(zip(names, columns, strict=True))
        self.right[band] = np.array(flux), np.array(sigma)


def fluxes(rng):
    return [six(rng.uniform(5.0, 500.0)) for _ in range(N)]


def errors(rng, values, share=(0.01, 0.1)):
    return [six(abs(v) * rng.uniform(*share)) for v in values]


def plain(case, rng, band="g", unit="uJy"):
    """A band in ordinary units, so that a row stays where another is absent."""
    values = fluxes(rng)
    sigma, scale = errors(rng, values), LINEAR[unit]
    columns = [Col(values, unit), Col(sigma, unit)]
    names = (f"flux_{band}", f"flux_err_{band}")
    case.add(band, names, columns, [scale * v for v in values], [scale * s for s in sigma])


def units(rng):
    case = Case(rng)
    if rng.random() < 0.5:
        unit = rng.choice(sorted(LINEAR))
        other = rng.choice([unit, "%", "mmag", "mag", "dex"])
        values = fluxes(rng)
        flux = [LINEAR[unit] * v for v in values]
        if other == unit:
            error = errors(rng, values)
            sigma = [LINEAR[unit] * e for e in error]
        else:
            error, sigma = relative(rng, other, flux)
        names = ("flux_r", "flux_err_r")
    else:
        unit = rng.choice(sorted(LOGARITHMS))
        zero, step = LOGARITHMS[unit]
        values = [
            six((math.log10(rng.uniform(5, 500)) - math.log10(zero)) / step) for _ in range(N)
        ]
        flux = [zero * 10 ** (step * v) for v in values]
        own = {-0.4: "mag", -0.4e-3: "mmag", 1.0: "dex", 0.1: "dB"}[step]
        other = rng.choice([own, own, "%", "mag"])
        error, sigma = relative(rng, other, flux)
        names = ("mag_r", "magerr_r") if step < 0 else ("flux_r", "flux_err_r")
    case.add("r", names, [Col(values, unit), Col(error, other)], flux, sigma)
    kinds = {"error_kind": "percent"} if other == "%" else {"error_unit": other}
    case.stated = {"r.unit": unit, **{f"r.{k}": v for k, v in kinds.items()}}
    return case


def relative(rng, unit, flux):
    """Errors in a unit of logarithms or percent, and sigma."""
    shares = [rng.uniform(0.01, 0.1) for _ in flux]
    size = 0.01 if unit == "%" else LN10 * STEPS[unit]
    error = [six(s / size) for s in shares]
    return error, [f * e * size for f, e in zip(flux, error, strict=True)]


CODES = [(-99.0, 99.0), (-99.0, -99.0), (-999.0, 0.5), (-9999.0, 9999.0), (0.0, 9.9e9), (5.0, -1.0)]


def nulls(rng):
    case = Case(rng)
    plain(case, rng)
    unit, values = rng.choice(["mJy", "uJy"]), fluxes(rng)
    error, gone = errors(rng, values), [rng.random() < 0.5 for _ in range(N)]
    hidden = [False] * N
    if rng.random() < 0.5:
        hidden = gone  # by the format's own way
    else:
        code = rng.choice(CODES)
        values = [code[0] if g else v for g, v in zip(gone, values, strict=True)]
        error = [code[1] if g else e for g, e in zip(gone, error, strict=True)]
    scale = LINEAR[unit]
    flux = [math.nan if g else scale * v for g, v in zip(gone, values, strict=True)]
    sigma = [math.nan if g else scale * e for g, e in zip(gone, error, strict=True)]
    columns = [Col(values, unit, hidden), Col(error, unit)]
    case.add("r", ("flux_r", "flux_err_r"), columns, flux, sigma)
    case.stated = {"r.unit": unit, "g.unit": "uJy"}
    return case


def error_kinds(rng):
    case = Case(rng)
    values = fluxes(rng)
    sigma, name = errors(rng, values), rng.choice(["ivar", "var", "snr", "relerr", "pair"])
    made = {
        "ivar": lambda v, s: 1 / s**2,
        "var": lambda v, s: s**2,
        "snr": lambda v, s: v / s,
        "relerr": lambda v, s: s / v,
    }
    if name == "pair":
        low, high = ([six(s * f) for s in sigma] for f in (0.8, 1.4))
        names = ("flux_r", "flux_r_err_lo", "flux_r_err_hi")
        columns = [Col(values, "uJy"), Col(low, "uJy"), Col(high, "uJy")]
        sigma = [(a + b) / 2 for a, b in zip(low, high, strict=True)]
    else:
        written = [six(made[name](v, s)) for v, s in zip(values, sigma, strict=True)]
        names = ("flux_r", f"flux_{name}_r" if name != "snr" else "snr_r")
        columns = [Col(values, "uJy"), Col(written)]
        back = {
            "ivar": lambda v, e: e**-0.5,
            "var": lambda v, e: e**0.5,
            "snr": lambda v, e: v / e,
            "relerr": lambda v, e: v * e,
        }
        sigma = [back[name](v, e) for v, e in zip(values, written, strict=True)]
    scale = LINEAR["uJy"]
    case.add("r", names, columns, [scale * v for v in values], [scale * s for s in sigma])
    case.stated = {"r.unit": "uJy"}
    return case


def corrections(rng):
    case = Case(rng)
    values, dust = fluxes(rng), [six(rng.uniform(0.05, 0.5)) for _ in range(N)]
    error, how = errors(rng, values), rng.choice(["extinction", "transmission", "ebv", "of u"])
    cells, stated, scale = dust, {"r.unit": "uJy"}, LINEAR["uJy"]
    if how == "of u":  # a band that is not there
        extra, factor = "extinction_u", [1.0] * N
    elif how == "extinction":
        extra, factor = "extinction_r", [10 ** (0.4 * a) for a in dust]
    elif how == "ebv":
        extra, factor = "EBV", [10 ** (0.4 * 2.285 * a) for a in dust]
        stated |= {"r.ebv": "EBV", "r.coefficient": "SF11"}
    else:
        extra, cells = "mw_transmission_r", [six(10 ** (-0.4 * a)) for a in dust]
        factor = [1 / t for t in cells]
    columns = [Col(values, "uJy"), Col(error, "uJy"), Col(cells)]
    flux = [scale * v * f for v, f in zip(values, factor, strict=True)]
    sigma = [scale * e * f for e, f in zip(error, factor, strict=True)]
    case.add("r", ("flux_r", "flux_err_r", extra), columns, flux, sigma)
    case.stated, case.always = stated, how == "ebv"
    return case


def ab(m):
    return 10 ** (0.4 * (22.5 - m))


def asinh_r(m, e):
    """Of the SDSS in r (Lupton et al. 1999)."""
    b = 1.2e-10
    x = -m * LN10 / 2.5 - math.log(b)
    return 2e9 * b * math.sinh(x), 2e9 * b * math.cosh(x) * e * LN10 / 2.5


SYSTEMS = (
    ("r", "modelMag_r", "modelMagErr_r", "", "asinh"),
    ("r", "mag_r", "magerr_r", "", "Vega"),
    ("r", "mag_r", "magerr_r", "", "AB"),
    ("panstarrs-r", "rKronMag", "rKronMagErr", "", "AB"),
    ("hsc2017-r", "r_cmodel_mag", "r_cmodel_magerr", "", "AB"),
    ("decam2014-r", "MAG_AUTO_R", "MAGERR_AUTO_R", "COADD_OBJECT_ID", "AB"),
    ("lsst2023-r", "r_cModelFlux", "r_cModelFluxErr", "", "nJy"),
    ("decam2014-r", "flux_r", "flux_ivar_r", "brickid", "nanomaggies"),
    ("W1", "flux_w1", "flux_ivar_w1", "brickid", "nanomaggies"),
)


def systems(rng):
    case = Case(rng)
    band, value, error, mark, system = rng.choice(SYSTEMS)
    if mark:
        case.table[mark] = Col([rng.randrange(10**6) for _ in range(N)])
    if mark == "COADD_OBJECT_ID":  # which is then the ID
        case.table["COADD_OBJECT_ID"] = case.table.pop("id")
    if system in ("nJy", "nanomaggies"):
        values = [six(rng.uniform(20, 2000)) for _ in range(N)]
        sigma, scale = errors(rng, values), LINEAR[system]
        ivar = "ivar" in error
        written = [six(s**-2) for s in sigma] if ivar else sigma
        sigma = [w**-0.5 for w in written] if ivar else sigma
        flux, sigma = [scale * v for v in values], [scale * s for s in sigma]
    else:
        values = [six(rng.uniform(16.0, 23.0)) for _ in range(N)]
        written = [six(rng.uniform(0.01, 0.1)) for _ in range(N)]
        if system == "asinh":
            pairs = [asinh_r(m, e) for m, e in zip(values, written, strict=True)]
        else:
            more = 0.16 if system == "Vega" else 0.0
            pairs = [
                (ab(m + more), ab(m + more) * e * 0.4 * LN10)
                for m, e in zip(values, written, strict=True)
            ]
        flux, sigma = zip(*pairs, strict=True)
    case.add(band, (value, error), [Col(values), Col(written)], flux, sigma)
    if system == "Vega":
        case.stated, case.always = {"r.unit": "Vega"}, True
    return case


def containers(rng):
    case = Case(rng)
    plain(case, rng, "r", rng.choice(["mJy", "uJy"]))
    case.stated = {"r.unit": case.table["flux_r"].unit}
    case.wrap = rng.choice(["another table before", gzip.compress, bz2.compress, lzma.compress])
    return case


WRITTEN = (repr, "{:+.5e}".format, lambda x: f"{x:.5E}".replace("E", "D"), "{:010.4f}".format)


def text(rng):
    """Numbers as text in formats that have text; as spelled, everywhere else."""
    case = Case(rng)
    how, values = rng.choice(WRITTEN), fluxes(rng)
    cells = [how(v) for v in values]
    error = errors(rng, values)
    scale = LINEAR["mJy"]
    flux = [scale * float(c.replace("D", "E")) for c in cells]
    columns = [Col(cells, "mJy"), Col(error, "mJy")]
    case.add("r", ("flux_r", "flux_err_r"), columns, flux, [scale * e for e in error])
    case.table["note"] = Col([rng.choice(["plain", "-99", "1e5x"]) for _ in range(N)])
    case.stated = {"r.unit": "mJy"}
    return case


MAKE = dict(
    zip(KINDS, (units, nulls, error_kinds, corrections, systems, containers, text), strict=True)
)
FIRST = {"CSV": writers.csv, "ECSV": writers.ecsv, "TSV, VizieR": writers.vizier}
WRITERS = FIRST | {
    "IPAC": writers.ipac,
    "MRT": writers.mrt,
    "FITS": writers.fits_table,
    "VOTable": writers.votable,
    "Parquet": writers.parquet,
    "HDF5": writers.hdf5,
    "Arrow, in memory": writers.arrow,
    "npz, in memory": writers.npz,
}
OTHER = {
    "FITS": [afits.BinTableHDU.from_columns([afits.Column("key", "J", array=[1, 2])])],
    "VOTable": '<TABLE><FIELD name="key" datatype="int"/><DATA><TABLEDATA><TR><TD>1</TD></TR>'
    "</TABLEDATA></DATA></TABLE>",
    "HDF5": [("attributes", np.arange(4))],
}


def table_of(reader, case):
    write = WRITERS[reader]
    before = case.wrap == "another table before" and reader in OTHER
    content = write(case.table, OTHER[reader]) if before else write(case.table)
    if not isinstance(content, bytes):
        return content
    if callable(case.wrap):
        content = case.wrap(content)
    return read_table(content, "x")


def found(reader, case):
    """What the package makes of a case: rows, or None where it refuses in a sentence."""
    try:
        table = table_of(reader, case)
        mapping = guess_mapping(table)
        states = reader.startswith("npz") or case.always
        if states or mapping.open:
            own = {k: v for k, v in case.stated.items() if k.split(".")[0] in mapping.bands}
            mapping = mapping.with_entries(own)
        return to_photometry(table, mapping)
    except SedflowError as error:
        assert 10 < len(str(error)) < 700, str(error)
        return None


def differences(rows, case):
    """What is not as it was written; nothing, if all is."""
    bands = rows.photometry.bands
    if set(bands) != set(case.right):
        return f"bands {bands}, not {list(case.right)}"
    name = "COADD_OBJECT_ID" if "COADD_OBJECT_ID" in case.table else "id"
    if rows.ids.tolist() != case.table[name].cells:
        return f"IDs {rows.ids.tolist()}"
    for k, row in enumerate(rows.rows):
        if rows.photometry.redshift[k] != case.table["redshift"].cells[row]:
            return f"redshift {rows.photometry.redshift[k]}"
        for j, band in enumerate(bands):
            right = [values[row] for values in case.right[band]]
            pair = rows.photometry.flux[k, j], rows.photometry.sigma[k, j]
            if not np.allclose(pair, right, rtol=2e-5, atol=0.0, equal_nan=True):
                return f"row {row} in {band}: {pair}, not {right}"
    return ""


@pytest.mark.parametrize("reader", WRITERS)
@inputs(7)
@given(kind=st.sampled_from(KINDS), seed=st.integers(0, 2**32 - 1))
def test_a_table_has_the_values_that_were_written(reader, kind, seed):
    case = MAKE[kind](random.Random(seed))
    rows = found(reader, case)
    if callable(case.wrap) and "memory" not in reader:
        reader = "compressed (gzip, bzip2, xz)"
    if rows is None or rows.problems:
        count_reader(reader, kind, "refused")
        return
    wrong = differences(rows, case)
    count_reader(reader, kind, "different" if wrong else "right")
    assert not wrong, wrong


@pytest.mark.parametrize("reader", WRITERS)
def test_what_is_in_ordinary_units_is_not_refused(reader):
    for kind in ("nulls", "errors", "systems"):
        case = MAKE[kind](random.Random(3))
        rows = found(reader, case)
        assert rows is not None and not rows.problems, (kind, rows)
        assert differences(rows, case) == ""


def test_a_wrong_number_is_a_difference():
    case = MAKE["units"](random.Random(1))
    rows = found("ECSV", case)
    assert differences(rows, case) == ""
    flux, sigma = case.right["r"]
    case.right["r"] = flux * 1.001, sigma
    assert "not [" in differences(rows, case)
