"""Units of fluxes and magnitudes, as catalogues spell them.

Flux densities per frequency (Jy, maggies, erg/s/cm2/Hz) and per wavelength (erg/s/cm2/A, which
needs the band's pivot wavelength), their logarithms (mag, dex, dB), AB and ST magnitudes, SDSS's
asinh magnitudes, Vega magnitudes with a zero point of the band, and fluxes with a zero point in AB
magnitudes. A unit that could be two is refused: nothing is guessed from its size.
"""

import re
import warnings
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np

from sedflow.constants import AB_FNU
from sedflow.errors import SedflowError
from sedflow.units import as_unit, parsed_unit

_AB_JY = 3631.0
_ST_FLAM = 3.63e-9  # flux density of ST magnitude 0 [erg/s/cm2/A]

_FORMS = "nanomaggies, Jy, mJy, uJy, nJy, erg/s/cm2/Hz, erg/s/cm2/A, mag (AB), asinh, Vega"


@dataclass(frozen=True)
class FluxUnit:
    """A unit of flux density or magnitude.

    kind : "linear", "log" or "asinh"
    scale : nanomaggies of one unit ("linear") or of the value 0 ("log"); with `per` "lambda", the
        flux density in erg/s/cm2/A instead
    step : decades of flux in one unit of a logarithm: -0.4 of magnitudes, 1 of dex
    per : "nu" or "lambda"
    system : of magnitudes whose zero point depends on the band: "Vega", "SDSS"; "" otherwise
    """

    kind: str
    scale: float = 1.0
    step: float = 0.0
    per: str = "nu"
    system: str = ""

    @property
    def logarithmic(self) -> bool:
        """Whether errors in it are differences of magnitudes, not of fluxes."""
        return self.kind != "linear"


#: What the package itself has.
AB = FluxUnit("log", 10**9.0, -0.4)
NANOMAGGIES = FluxUnit("linear", 1.0)
_MILLI = -0.4e-3  # decades of flux in a millimagnitude
MILLI = FluxUnit("log", 10**9.0, _MILLI)
_LOG_STEPS = {"mag": -0.4, "dex": 1.0, "db": 0.1, "decibel": 0.1, "mmag": _MILLI}
_PERCENT = frozenset(
    # FITS has no %: astropy writes 10**-2, and calls what it reads 0.01
    ("%", "percent", "per cent", "pct", "percentage", "0.01", "10**-2", "10^-2", "10-2", "1e-2")
)


def _spelled():
    """Units by the words that stand for them, in small letters and without blanks and brackets."""
    jansky = {"": 1e9, "milli": 1e6, "micro": 1e3, "nano": 1.0}
    vega, sdss = replace(AB, system="Vega"), replace(AB, system="SDSS")
    table = [
        (NANOMAGGIES, "nanomaggies nanomaggy nanomaggie nmaggies nmaggy nmaggie nmgy nanomgy"),
        (replace(NANOMAGGIES, scale=1e3), "micromaggies micromaggy micromaggie umgy"),
        (replace(NANOMAGGIES, scale=1e9), "maggies maggy maggie mgy mgys"),
        (AB, "mag mags magnitude magnitudes ab abmag abmags magab mab abmagnitude abmagnitudes"),
        (MILLI, "mmag mmags millimag millimags millimagnitude millimagnitudes mmagab mabmag"),
        (replace(MILLI, system="Vega"), "mmagvega"),
        (replace(MILLI, system="SDSS"), "mmagsdss"),
        (FluxUnit("asinh"), "asinh asinhmag magasinh asinhmagnitude luptitude luptitudes"),
        (vega, "vega vegamag vegamags magvega vegamagnitude vegamagnitudes"),
        (sdss, "sdss sdssmag magsdss"),
        (FluxUnit("log", _ST_FLAM, -0.4, "lambda"), "st stmag magst"),
        (FluxUnit("linear", per="lambda"), "flam"),
        (FluxUnit("linear", 1e9 / AB_FNU), "fnu"),
        (FluxUnit("linear", 1e9 / _AB_JY), "jy jys janskies"),
        (FluxUnit("linear", 1e3 / _AB_JY), "ujy mujy \u00b5jy \u03bcjy"),  # both letters mu
        (FluxUnit("linear", 1 / _AB_JY), "njy"),
    ]
    for prefix, scale in jansky.items():
        words = f"{prefix}jansky {prefix}janskys" + (f" {prefix}jy" if prefix else "")
        table.append((FluxUnit("linear", scale / _AB_JY), words))
    return {word: unit for unit, words in table for word in words.split()}


_WORDS = _spelled()
_ASKED = {
    "mjy": "may be millijansky or megajansky: state mJy or MJy",
    "[": "has brackets, which mean a logarithm in the CDS's notation: state the unit without them, "
    "or dex(...) of it",
    "dex": "does not say the dex of what: state dex(uJy), for one",
    "db": "does not say the dB of what: state dB(uJy), for one",
    "counts": "says nothing of the flux without a zero point: state 'zp 25' where 25 is the AB "
    "magnitude of one unit of the flux",
}
_ASKED |= dict.fromkeys(_PERCENT, "is a share, as errors may be: state the unit of the flux")
_COUNTS = re.compile(
    r"(counts?|ct|adu|dn|e-|electrons?|photons?|ph)( ?(/ ?s|s-1|s\^-1|per second))?"
)
_ZERO_POINT = re.compile(r"(?:ab )?(?:zp|zero[ -]?point)\s*[=:]?\s*([-+]?\d+\.?\d*)(?: ?mag)?")
_FACTOR = re.compile(
    r"(?:x\s*)?(10\s*(?:\^|\*\*)?\s*\(?[-+]\d+\)?|\d+\.?\d*(?:[eE][-+]?\d+)?|\.\d+)\s*[*x·.]?\s*"
    r"(?=[A-Za-zµμ(])"
)
_MILLI_FACTORS = re.compile(r"(?:1e-0?3|10\^?\*?\*?-0?3|0?\.001)\s*[*.]?\s*mags?", re.IGNORECASE)
_LOG_OF = re.compile(r"(mmag|mag|dex|db|log10|log)\s*\(\s*(.+?)\s*\)", re.IGNORECASE)


def flux_unit(unit, what: str = "") -> FluxUnit:
    """The unit that a text, or a unit of astropy's, names.

    what : has it, for the message, such as "the column 'flux_u'"

    Raises
    ------
    SedflowError
        It is neither a flux density nor a magnitude, or may be two.

    Examples
    --------
    >>> same_flux_unit("10-3Jy", "mJy"), flux_unit("mag_AB").kind
    (True, 'log')
    """
    text = " ".join(str(unit).split())
    of = f" of {what}" if what else ""
    found = _known(text)
    if isinstance(found, str):
        raise SedflowError(f"the unit {str(unit)[:60]!r}{of} {found}")
    return found


@lru_cache(2000)
def _known(text):
    """The unit, or what is wrong with the text: to find out that it is none takes longest."""
    try:
        return _parsed(text)
    except SedflowError as problem:
        return str(problem)


def _parsed(text):
    word = text.lower()
    if (found := _WORDS.get(_squeezed(text))) and not (found.kind == "linear" and "[" in text):
        return found
    if text not in ("mJy", "MJy") and (why := _asked(text, word)):
        raise SedflowError(why)
    try:
        if found := _ZERO_POINT.fullmatch(word):
            return _finite(FluxUnit("linear", float(10 ** (0.4 * (22.5 - float(found[1]))))))
        if _MILLI_FACTORS.fullmatch(text):
            return MILLI
        if found := _LOG_OF.fullmatch(text):
            return _log_of(found[1].lower(), found[2])
        return _linear(text)
    except Exception:  # astropy's parsers raise errors of many kinds
        raise SedflowError(
            f"is neither a flux density nor a magnitude that can be read; state one of {_FORMS}, "
            "or 'zp' and the AB zero point"
        ) from None


def _squeezed(text):
    """A text in small letters, without blanks, brackets and dashes inside words."""
    return re.sub(r"[\s_()\[\]]|(?<=[a-z])-(?=[a-z])", "", text.lower())


def _asked(text, word):
    """Why a unit may be two, or says too little; "" if it does not."""
    if _COUNTS.fullmatch(word):
        return _ASKED["counts"]
    return _ASKED["["] if text.startswith("[") and text.endswith("]") else _ASKED.get(word, "")


def _log_of(kind, inner):
    base = _WORDS.get(_squeezed(inner)) or _linear(inner)
    if base.kind != "linear":
        raise ValueError
    return replace(base, kind="log", step=_LOG_STEPS.get(kind, 1.0))


def _linear(text):
    """A unit of flux density with a factor before it, by astropy's parsers."""
    factor = 1.0
    if (found := _FACTOR.match(text)) and found.end() < len(text):
        number = re.sub(r"[\s()]", "", found[1])
        power = re.fullmatch(r"10(?:\^|\*\*)?([-+]\d+)", number)
        factor, text = (10.0 ** int(power[1]) if power else float(number)), text[found.end() :]
        if (base := _WORDS.get(_squeezed(text))) and base.kind == "linear":
            return _finite(replace(base, scale=base.scale * factor))
        if text.strip().lower() == "mjy" and text.strip() not in ("mJy", "MJy"):
            raise ValueError
    found = _density(text)
    return _finite(replace(found, scale=found.scale * factor))


def _finite(unit):
    if not 0 < unit.scale < np.inf:
        raise ValueError
    return unit


def _density(text):
    from astropy import units as u

    text = re.sub(r"\bergs\b", "erg", text.strip())
    text = re.sub(r"\bAng(?:strom)?s?\b|Å|\bAA\b", "Angstrom", text)
    text = re.sub(r"\b[hH][zZ]\b", "Hz", text)
    text = re.sub(r"\bsec\b", "s", text)
    text = re.sub(r"\b(W|Watt|erg) (?:per|/) ", r"\1/", text)
    per_nu, per_lambda = u.Unit("erg/(s cm2 Hz)"), u.Unit("erg/(s cm2 Angstrom)")
    for form in (None, "cds", "vounit", "ogip"):
        for spelled in (text, re.sub(r"\bA\b", "Angstrom", text)):
            parsed = _of_astropy(spelled, form)
            if parsed is None:
                continue
            if parsed.is_equivalent(u.mgy):
                return FluxUnit("linear", float(parsed.to(u.nmgy)))
            if parsed.is_equivalent(per_nu):
                return FluxUnit("linear", float(parsed.to(u.Jy)) * 1e9 / _AB_JY)
            if parsed.is_equivalent(per_lambda):
                return FluxUnit("linear", float(parsed.to(per_lambda)), per="lambda")
    raise ValueError


def _of_astropy(text, form):
    """A unit by one of astropy's parsers; None if that one cannot read it, or it is a logarithm."""
    from astropy import units as u

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of slashes and deprecated spellings
        try:
            parsed = as_unit(text) if form is None else parsed_unit(text, format=form)
        except Exception:  # of many kinds
            return None
    other = isinstance(parsed, u.function.FunctionUnitBase | u.UnrecognizedUnit)
    return None if other else parsed


def same_flux_unit(a: str, b: str) -> bool:
    """Whether two texts name one unit; not, where one of them cannot be read.

    Magnitudes of whose system nothing is said ("mag", "mmag") may be of any.
    """
    if a == b:
        return True
    try:
        one, other = flux_unit(a), flux_unit(b)
    except SedflowError:
        return False
    if (
        one.logarithmic
        and other.logarithmic
        and {"mag", "mmag"} & {a.strip().lower(), b.strip().lower()}
    ):
        return {unit.step or -0.4 for unit in (one, other)} in ({-0.4}, {_MILLI})
    close = bool(np.isclose(one.scale, other.scale, rtol=1e-6))
    return close and replace(one, scale=1.0) == replace(other, scale=1.0)


def is_system(unit: FluxUnit) -> bool:
    """Whether magnitudes in a unit are those of a system: 0 is a bright star, not a galaxy.

    >>> is_system(flux_unit("mag(AB)")), is_system(flux_unit("mag(uJy)"))
    (True, False)
    """
    least = _ST_FLAM / 100 if unit.per == "lambda" else 1e7
    return unit.kind == "asinh" or (unit.kind == "log" and unit.scale > least)


def error_step(unit: str) -> float | None:
    """Decades of flux in one unit of an error in mag, dex or dB; None of errors of fluxes.

    >>> error_step("mag"), error_step("dex"), error_step("uJy"), error_step("mmag")
    (0.4, 1.0, None, 0.0004)
    """
    word = unit.strip().lower()
    if word in _LOG_STEPS:
        return abs(_LOG_STEPS[word])
    found = flux_unit(unit)
    return abs(found.step) or 0.4 if found.logarithmic else None


def error_unit_of(unit: FluxUnit) -> str:
    """The unit of plain errors beside values in a logarithmic unit: "mag", "mmag", "dex" or "dB".

    >>> error_unit_of(flux_unit("mmag")), error_unit_of(flux_unit("dex(uJy)"))
    ('mmag', 'dex')
    """
    return {1.0: "dex", 0.1: "dB", _MILLI: "mmag"}.get(unit.step, "mag")


def is_percent(unit: str) -> bool:
    """Whether errors in a unit are shares of the flux, in percent.

    >>> is_percent("%"), is_percent("mag")
    (True, False)
    """
    return unit.strip().lower() in _PERCENT


def is_milli(unit: str) -> bool:
    """Whether a unit is a thousandth of a magnitude."""
    return bool(unit) and error_step(unit) == -_MILLI
