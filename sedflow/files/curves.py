"""Filter curves in files of any kind: which columns, in which units, counting what.

A file says these things in its header, in the names or units of its columns, or not at all. What
it does not say is taken only where the numbers leave no doubt, and told in `Curve.about`; else the
sentence says what to write into the file.
"""

import re
import warnings
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from sedflow.files.bounds import FILTER_BYTES
from sedflow.files.guard import reading
from sedflow.files.votable import parse_votable
from sedflow.units import parsed_unit

_KINDS = {".ecsv": "ascii.ecsv", ".fits": "fits", ".fit": "fits", ".xml": "votable"}
_KINDS |= {".vot": "votable", ".votable": "votable"}
_NUMBER = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)([eEdD][-+]?\d+)?|nan|[-+]?inf", re.IGNORECASE)
#: Spellings of units of wavelength, in small letters, and astropy's.
_SPELLINGS = {
    "Angstrom": ("a", "aa", "å", "ang", "angs", "angstrom", "angstroms", "ångström", "0.1nm"),
    "nm": ("nm", "nanometer", "nanometers", "nanometre", "nanometres"),
    "um": (
        *("um", "µm", "μm", "micron", "microns", "mum"),
        *("micrometer", "micrometers", "micrometre", "micrometres"),
    ),
    "mm": ("mm",),
    "cm": ("cm",),
    "m": ("m", "meter", "meters", "metre", "metres"),
    "Hz": ("hz",),
    "GHz": ("ghz",),
    "THz": ("thz",),
    "1/cm": ("1/cm", "cm-1", "cm^-1", "cm**-1", "kayser"),
    "eV": ("ev",),
}
_UNIT_OF = {word: unit for unit, words in _SPELLINGS.items() for word in words}
#: Words that name a unit wherever they stand in a header; letters alone do not.
_IN_TEXT = re.compile(
    r"(?<![\w/])(angstroms?|ångström|aa|å|nm|nanomet(?:er|re)s?|um|µm|μm|microns?|"
    r"micromet(?:er|re)s?|t?g?hz|cm-1|cm\^-1)(?![\w/])",
    re.IGNORECASE,
)
_WAVE = re.compile(r"^(#|\W)*(wave|lambda|lam\b|lam_|wl\b|wl_|λ|freq|nu\b|wvl)", re.IGNORECASE)
_RESPONSE = re.compile(r"trans|throughput|thru|resp|sens|rsr|\bqe\b|effic|pass|area", re.IGNORECASE)
_ENERGY = re.compile(
    r"energy[ -]?(count|integrat|detect|weight|resp|throughput|trans|sensitivity)|"
    r"detectortype\W{1,4}(0|energy)|per unit energy|"
    r"(resp\w*|throughput|trans\w*|sensitivity)(\W+|_)((per|in)(\W+|_))?((unit|of)\W+)*"
    r"(energy|erg)(?![a-z])|(electrons?|e-|counts?)\s*/\s*erg\b",
    re.IGNORECASE,
)
#: In a line of names: responses in magnitudes, by their unit and not by a system of magnitudes.
_MAGNITUDES = re.compile(
    r"(trans\w*?|throughput|resp\w*?|absorption|extinction)"
    r"( *[\[(] *m?mag(s|nitudes?)?(\((ab|st)\))? *[\])]|_m?mag(s|nitudes?)?(?![a-z_])|"
    r" in (units of )?m?mag(s|nitudes?)?(?![a-z/]))|"
    r"-\s*2\.5\s*\*?\s*log(10)?[\s(]*(t\b|trans|throughput|resp)",
    re.IGNORECASE,
)
#: How such a line begins; a comment begins otherwise.
_NAMES = re.compile(r"\W*(wave|lambda|lam\b|wl\b|trans|throughput|resp|sens)", re.IGNORECASE)
#: The end of a name whose column is in magnitudes.
_MAG_NAME = re.compile(r"[\[( _]m?mag(s|nitudes?)?[\])]?$", re.IGNORECASE)
#: Names of columns that hold another measure than the response itself.
_OF_LOGARITHMS = re.compile(r"^(log|ln)(10)?([_(\s]|t)|absorbance|optical.?depth", re.IGNORECASE)
_NEGATIVE = 0.01  # of the peak, that the noise of a measured curve reaches below zero
#: Wavelengths that numbers without a unit stand for without doubt: low, high, unit.
_PLAIN = ((0.09, 60.0, "um"), (91.2, 912.0, "nm"), (3000.0, np.inf, "Angstrom"))


@dataclass(frozen=True)
class Curve:
    """A filter curve: wavelength (n,) ascending [A], and response (n,) per photon.

    about : what was read, and what had to be done to it, in sentences
    """

    wavelength: np.ndarray
    response: np.ndarray
    about: tuple[str, ...]


@dataclass
class _Columns:
    """What a file holds, before anything is made of it."""

    wave: np.ndarray
    response: np.ndarray
    unit: str = ""  # of the wavelengths, as the file says
    response_unit: str = ""
    energy: bool = False
    notes: list[str] = field(default_factory=list)


def read_curve(path: str | Path) -> Curve:
    """The filter curve in a file: text, ECSV, FITS or VOTable.

    Raises
    ------
    ValueError
        With what is wrong with the file, and what to state in it.
    """
    path = Path(path)
    size = path.stat().st_size
    if size > FILTER_BYTES:
        raise ValueError(f"it has {size:,} bytes, where {FILTER_BYTES:,} are read at most")
    kind = _KINDS.get(path.suffix.lower(), "text")
    head = path.read_bytes()[:4096]
    if head.startswith(b"SIMPLE  ="):
        kind = "fits"
    elif re.search(rb"<([\w.-]+:)?VOTABLE[\s>]", head):
        kind = "votable"
    elif head.startswith(b"# %ECSV"):
        kind = "ascii.ecsv"
    found = _of_text(path) if kind == "text" else _of_table(path, kind)
    return _curve(found)


# What the file says


def _of_table(path, kind):
    from astropy.table import Table
    from astropy.utils.exceptions import AstropyWarning

    notes, energy = [], False
    with warnings.catch_warnings(), reading(path):
        warnings.simplefilter("ignore", AstropyWarning)  # of "Angstrom", for one
        if kind == "votable":
            with open(path, "rb") as file:
                table = parse_votable(file, path.name)
            energy, notes = _of_params(path.read_text("utf-8", "replace"))
        else:
            table = Table.read(path, format=kind)
    first, second = _chosen(table.colnames)
    said = f"{dict(table.meta)!r} ; {second} ; {table[second].unit}"
    energy = energy or bool(_ENERGY.search(said))
    wave, response = (
        np.asarray(np.ma.filled(np.ma.asarray(table[c]).astype(float), np.nan))
        for c in (first, second)
    )
    _refuse_magnitudes(f"wave transmission [{table[second].unit or ''}]\nwave {second}", second)
    unit = str(table[first].unit or "") or _unit_in_name(first)
    return _Columns(wave, response, unit, str(table[second].unit or ""), energy, notes)


def _refuse_magnitudes(said, name=""):
    """Refuse responses that are magnitudes or logarithms, by lines of names and their column."""
    lines = [line for line in said.split("\n") if _NAMES.match(line)]
    if _MAG_NAME.search(name) or any(map(_MAGNITUDES.search, lines)):
        raise ValueError("its responses are in magnitudes; give 10 ** (-0.4 * magnitude)")
    if _OF_LOGARITHMS.search(name):
        raise ValueError(f"its column {name[:40]!r} is not the response; give the response itself")


def _of_params(text):
    """What the PARAMs of a VOTable of the SVO say: what the detector counts, and the system."""
    values = {}
    for tag in re.findall(r"<(?:[\w.-]+:)?PARAM\b[^>]*>", text):
        found = dict(re.findall(r"""([\w.:-]+)\s*=\s*["']([^"']*)["']""", tag))
        values[found.get("name", "").lower()] = found.get("value", "").strip()
    energy = values.get("detectortype", "").lower() in ("0", "energy", "energy counter")
    notes = []
    if system := values.get("photcalid", ""):
        notes.append(f"its calibration is {system[:60]}; fluxes are AB all the same")
    return energy, notes


def _of_text(path):
    content = path.read_bytes()
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        content = content.decode("utf-16").encode()
    if b"\0" in content:
        raise ValueError("there are bytes that are not text")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = content.decode("latin-1")
    header, names, rows, line_of = [], [], [], []
    for number, line in enumerate(text.splitlines(), 1):
        bare = line.strip()
        cells = _cells(bare)
        if not bare:
            continue
        if bare[0] in "#!%;\\|}" or bare.startswith(("//", "/*", "typedef")):
            header.append(bare.lstrip("#!%;/| "))
            continue
        if len(cells) > 2 and not _NUMBER.fullmatch(cells[0]) and _are_numbers(cells[1:]):
            cells = cells[1:]  # a Yanny file: the name of the structure comes first
        if _are_numbers(cells):
            rows.append([float(c.lower().replace("d", "e")) for c in cells])
            line_of.append(number)
        elif not rows and _is_header(bare, cells):
            header.append(bare)
            names = _names(bare) or names
        else:
            raise ValueError(f"line {number} is not numbers: {bare[:60]!r}")
    if not rows:
        raise ValueError("there are no lines of two numbers")
    width = len(rows[0])
    for cells, number in zip(rows, line_of, strict=True):
        if len(cells) != width:
            raise ValueError(
                f"line {number} has {len(cells)} numbers, but line {line_of[0]} has {width}"
            )
    table = np.array(rows)
    if not names:
        fitting = (_names(line) for line in reversed(header))
        names = next((n for n in fitting if len(n) == width and _WAVE.search(" ".join(n))), [])
    if width == 3 and len(names) != 3 and (np.diff(table[:, 0]) == 1).all():
        table, width, names = table[:, 1:], 2, []  # numbers of the lines, as EAZY has them
    if len(names) == width:
        first, second = _chosen(names)
        k, m = names.index(first), names.index(second)
        unit, response = _unit_in_name(first), second
    elif width == 2:
        k, m, unit, response = 0, 1, "", ""
    else:
        raise ValueError(
            f"there are {width} numbers a line and no names of columns; keep the wavelength and "
            "the response, or name the columns in the first line"
        )
    together = " ; ".join(header)
    unit = unit or _unit_in_text(together)
    _refuse_magnitudes("\n".join(header), response)
    energy = bool(_ENERGY.search(together))
    percent = "%" if re.search(r"%|percent", together, re.IGNORECASE) else ""
    return _Columns(table[:, k], table[:, m], unit, percent, energy)


def _cells(line):
    between = r"[,;|]" if re.search(r"[,;|]", line) else r"\s+"
    cells = [c.strip().strip("\"'") for c in re.split(between, line)]
    while cells and not cells[-1]:
        cells.pop()
    return cells


def _names(line):
    """Names of columns in a line; a unit in brackets behind a name is part of the name."""
    line = line.lstrip("# ")
    if not re.search(r"[,;|\t]", line):
        line = re.sub(r"\s+([\[(])", r"\1", line)
    return [c for c in _cells(line) if c]


def _is_header(line, cells):
    """Whether a line without numbers is one of names, not a damaged one of numbers."""
    printable = line.replace("\t", " ").isprintable()
    return printable and not any(_NUMBER.fullmatch(cell) for cell in cells)


def _are_numbers(cells):
    return len(cells) > 1 and all(_NUMBER.fullmatch(c) for c in cells)


def _chosen(names):
    """The columns of wavelength and response among these."""
    if len(names) < 2:
        raise ValueError("there are not two columns, wavelength and response per photon")
    waves = [n for n in names if _WAVE.search(n)] or [names[0]]
    rest = [n for n in names if n not in waves]
    if len(waves) == 1 and len(rest) == 1:
        return waves[0], rest[0]
    good = [n for n in rest if _RESPONSE.search(n)]
    if len(waves) == 1 and len(good) == 1:
        return waves[0], good[0]
    if len(names) == 2:
        return names[0], names[1]
    raise ValueError(
        f"it has the columns {', '.join(n[:30] for n in names[:8])}, and none of them is alone the "
        "wavelength or the response; keep those two columns"
    )


def _unit_in_name(name):
    """The unit that a name of a column ends with: wave_nm, lambda(um), Wavelength [A]."""
    if found := re.search(r"[\[(]\s*([^\])]+?)\s*[\])]", name):
        return _UNIT_OF.get(found[1].lower(), "")
    word = re.split(r"[_\s.]", name.strip())[-1].lower()
    return _UNIT_OF.get(word, "") if len(word) < len(name.strip()) else ""


def _unit_in_text(text):
    for inside in re.findall(r"[\[(]\s*([^\])]+?)\s*[\])]", text):
        if unit := _UNIT_OF.get(inside.lower()):
            return unit
    words = {_UNIT_OF[w.lower()] for w in _IN_TEXT.findall(text)}
    if len(words) > 1:
        raise ValueError(
            f"its header names several units of wavelength ({', '.join(sorted(words))}); put that "
            "of the column into the line of names, as in: wavelength[nm] response"
        )
    return next(iter(words), "")


# What follows from it


def _curve(found):
    wave, response, about = found.wave, found.response, []
    if wave.ndim != 1 or wave.shape != response.shape or wave.size < 2:
        raise ValueError("there are not two lists of at least two numbers each")
    if not np.isfinite(wave).all() or not np.isfinite(response).all():
        raise ValueError("responses must be >= 0 and finite, and so must the wavelengths")
    if (wave <= 0).any():
        raise ValueError("wavelengths must be positive and ascend")
    peak = response.max()
    if not peak > 0 or response.min() < -_NEGATIVE * peak:
        raise ValueError(
            f"responses must be >= 0 and not all zero, and they go from {response.min():.4g} to "
            f"{peak:.4g}; give the response itself, neither its logarithm nor magnitudes"
        )
    if (negative := response < 0).any():
        about.append(f"{negative.sum()} responses below zero, noise, were set to zero")
        response = np.where(negative, 0.0, response)
    wave = _in_angstrom(wave, response, found.unit, about)
    wave, response = _ascending(wave, response, about)
    if found.energy:
        response = response / wave * (wave @ response / response.sum())
        about.append("the responses are per energy, and were divided by the wavelength")
    if "%" in found.response_unit or 1.5 < peak <= 100:
        about.append(f"the responses reach {peak:.3g} and count as per cent")
    elif peak > 100:
        about.append(f"the responses reach {peak:.3g}; only their ratios matter")
    about += found.notes
    return Curve(wave, response, tuple(about))


def _in_angstrom(wave, response, stated, about):
    from astropy import units as u

    unit = _UNIT_OF.get(stated.lower().strip(), stated)
    if not unit:
        middle = float(wave @ response / response.sum())
        unit = next((name for low, high, name in _PLAIN if low <= middle < high), "")
        if not unit:
            if middle < 91.2:
                what = "where galaxies are dark"
            else:
                what = (
                    f"which is {middle:.4g} A in the ultraviolet or {middle:.4g} nm in the infrared"
                )
            raise ValueError(
                f"it has wavelengths around {middle:.4g} and names no unit, {what}; put the unit "
                "into its first line, as in: # wavelength[nm] response (or [A], [um])"
            )
        about.append(f"it names no unit; wavelengths around {middle:.4g} are taken as {unit}")
    else:
        about.append(f"wavelengths in {unit}, as the file says")
    try:
        return u.Quantity(wave, parsed_unit(unit)).to_value("Angstrom", u.spectral())
    except Exception:  # astropy's units raise errors of many kinds
        raise ValueError(
            f"its wavelengths are in {stated[:40]!r}, which is not a wavelength; state A, nm or um"
        ) from None


def _ascending(wave, response, about):
    steps = np.sign(np.diff(wave))
    if (steps > 0).all():
        return wave, response
    turns = int((np.diff(steps[steps != 0]) != 0).sum())
    if turns:
        raise ValueError(
            f"wavelengths must be positive and ascend, but they turn {turns} times; keep one curve "
            "in the file"
        )
    if (steps < 0).any():
        wave, response = wave[::-1], response[::-1]
        about.append("wavelengths descend in the file, and were sorted")
    same = np.flatnonzero(np.diff(wave) == 0)
    if (response[same] != response[same + 1]).any():
        raise ValueError(
            f"wavelengths must be positive and ascend, but {wave[same[0]]:.6g} A appears twice "
            "with two responses; move one of them a little"
        )
    keep = np.append(True, np.diff(wave) > 0)
    return wave[keep], response[keep]
