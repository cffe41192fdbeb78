"""Files in the layouts of the NASA-Sloan Atlas, of galaxies that are made up."""

import numpy as np
from astropy.table import Table


def old_layout(n=3, **more):
    """Rows as in nsa_v0_1_2.fits, of made-up galaxies: the columns read, and a few more."""
    rng = np.random.default_rng(0)
    flux = rng.uniform(10, 100, (n, 7)).astype("f4")
    return {
        "IAUNAME": np.array([f"J{k:06d}.00+000000.0" for k in range(n)]),
        "SUBDIR": np.full(n, "00h/p00/J000000.00+000000.0"),
        "NSAID": np.arange(n, dtype="i4"),
        "RA": rng.uniform(0, 360, n),
        "DEC": rng.uniform(0, 60, n),
        "ISDSS": np.arange(n, dtype="i4")[::-1] - 1,
        "FIELD": np.arange(n, dtype="i2"),
        "Z": np.full(n, 0.03, "f4"),
        "ZDIST": np.full(n, 0.031, "f4"),
        "NMGY": flux,
        "NMGY_IVAR": 1 / flux,
        "DFLAGS": np.zeros((n, 7), "i4"),
    } | more


def new_layout(n=3, **more):
    """Rows as in nsa_v1_0_1.fits."""
    rows = old_layout(n)
    flux = rows.pop("NMGY")
    rows.pop("NMGY_IVAR")
    rows["EXTINCTION"] = np.linspace(0.7, 0.1, 7, dtype="f4") * np.ones((n, 1), "f4")
    for kind, factor in (("ELPETRO", 1), ("SERSIC", 2)):
        rows[f"{kind}_FLUX"] = factor * flux
        rows[f"{kind}_FLUX_IVAR"] = 1 / flux
        rows[f"{kind}_NMGY"] = 5 * factor * flux
        rows[f"{kind}_NMGY_IVAR"] = 3 / flux
    return rows | more


def write(path, rows):
    Table(rows).write(path, overwrite=True)
    return path


BIT = {
    "PEAKCENTER": 5,
    "NOTCHECKED": 19,
    "PSF_FLUX_INTERP": 47,
    "BAD_COUNTS_ERROR": 40,
    "CR": 12,
    "INTERP_CENTER": 44,
    "SATURATED": 18,
    "NOPROFILE": 7,
    "BINNED1": 28,
    "EDGE": 2,
}

# Galaxy by galaxy: its flags, and whether it stays.
FLAGGED = [
    (("BINNED1",), True),
    ((), False),
    (("BINNED1", "EDGE", "CR"), True),
    (("BINNED1", "INTERP_CENTER"), True),
    (("BINNED1", "INTERP_CENTER", "CR"), False),
    *(
        (("BINNED1", name), False)
        for name in (
            "PEAKCENTER",
            "NOTCHECKED",
            "PSF_FLUX_INTERP",
            "BAD_COUNTS_ERROR",
            "SATURATED",
            "NOPROFILE",
        )
    ),
]

WORDS = np.array([sum(1 << BIT[f] for f in names) for names, _ in FLAGGED], dtype="i8")


def flag_columns(how):
    low, high = (WORDS & 0xFFFFFFFF).astype("u4").view("i4"), (WORDS >> 32).astype("i4")
    if how == "one word":
        return {"FLAGS": WORDS}
    if how == "two words of the object":
        return {"OBJC_FLAGS": low, "OBJC_FLAGS2": high}
    if how == "two words, unsigned":
        return {"OBJC_FLAGS": low.view("u4"), "OBJC_FLAGS2": high.view("u4")}
    bands = np.zeros((2, len(low), 5), "i4")
    bands[:, :, 2] = low, high  # the r band; the others have none, not even BINNED1
    return {"FLAGS": bands[0], "FLAGS2": bands[1], "OBJC_FLAGS": low * 0, "OBJC_FLAGS2": high * 0}
