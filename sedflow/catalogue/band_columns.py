"""The columns of one band, and everything that turns their numbers into a flux with an error."""

import re
from dataclasses import dataclass

from sedflow.bands import BAND_ALIASES
from sedflow.errors import SedflowError
from sedflow.flux_units import (
    FluxUnit,
    error_step,
    error_unit_of,
    flux_unit,
    is_milli,
    is_percent,
    is_system,
)
from sedflow.units import as_number
from sedflow.zero_points import SYSTEMS, zero_flux

#: What the column of errors holds.
ERROR_KINDS = ("sigma", "ivar", "variance", "relative", "percent", "snr")
NEGATIVE = "negative error"  # says that the value is an upper limit, in some catalogues
NO_ERROR = (-9.0, -99.0, -999.0, -9999.0)  # say even there that there is no value
_SYSTEMS = ("", *SYSTEMS, "asinh")

#: A / E(B-V) of Schlafly & Finkbeiner 2011 (ApJ 737, 103, table 6, R_V = 3.1, for E(B-V) of
#: Schlegel, Finkbeiner & Davis 1998), by band.
COEFFICIENTS = {
    **dict(zip("ugriz", (4.239, 3.303, 2.285, 1.698, 1.263), strict=True)),
    "J": 0.723,
    "H": 0.460,
    "Ks": 0.310,
    **{f"panstarrs-{b}": a for b, a in zip("grizy", (3.172, 2.271, 1.682, 1.322, 1.087))},  # noqa: B905
    **{f"decam2014-{b}": a for b, a in zip("ugrizY", (3.994, 3.212, 2.164, 1.591, 1.217, 1.058))},  # noqa: B905
}


@dataclass(frozen=True)
class BandColumns:
    """The columns with the photometry of one band.

    value, error : columns; "NMGY[2]" is the third number of the column NMGY
    unit : of the value: "nanomaggies", "uJy", "1e-17 erg/s/cm2/A", "mag" (AB), "dex(uJy)",
        "zp 25" (a flux whose unit has AB magnitude 25), ...; "" if not known
    error_unit : of the error, if another, such as "mmag"; of (inverse) variances, the unit that is
        squared
    error_kind : "sigma", "ivar" (inverse variance), "variance", "relative" (to the flux),
        "percent" (of the flux) or "snr" (flux over sigma)
    extinction : column of Galactic extinction [mag] that is still in the value; "" if none is
    system : of magnitudes: "AB" (as ""), "asinh" (the SDSS's), "Vega", "SDSS"
    zero_point : flux density of magnitude 0, such as "1594 Jy", where the system is another
    error_upper : column of the upper error, where `error` is the lower; sigma is their mean
    transmission : column of the Galactic transmission, in place of an extinction
    ebv, coefficient : column of E(B-V) [mag] in place of an extinction, and A / E(B-V) in this
        band: a number, or "SF11" for that of Schlafly & Finkbeiner (2011)
    corrected : "yes", if Galactic extinction has been removed; "no", if it is meant to stay
    limit : column that is true, 1 or "<" where the value is an upper limit; "negative error" where
        the error of one is negative. A number below 0 marks a lower limit of the flux, which is
        absent; -99, 99 and the like say that there is no flag
    limit_sigma : how many sigma a limit is: it becomes a flux of 0 +- limit / limit_sigma. Where
        nobody says, a band with a limit is absent
    nulls : numbers that say that there is no value, "-99, 1e20"; "none" says that -99 and the like
        are data
    floor : share of the flux to add to the error in quadrature: "0.02", "2 %", "recommended" (as in
        the atlas: 5, 2, 2, 2 and 3 % in ugriz); "" for none
    """

    value: str
    error: str
    unit: str = ""
    error_unit: str = ""
    error_kind: str = "sigma"
    extinction: str = ""
    system: str = ""
    zero_point: str = ""
    error_upper: str = ""
    transmission: str = ""
    ebv: str = ""
    coefficient: str = ""
    corrected: str = ""
    limit: str = ""
    limit_sigma: str = ""
    nulls: str = ""
    floor: str = ""

    def __post_init__(self):
        for name in ("coefficient", "limit_sigma", "nulls", "zero_point", "floor"):
            value = getattr(self, name)
            if isinstance(value, int | float) and not isinstance(value, bool):
                object.__setattr__(self, name, f"{value:.10g}")
        for name in self.__dataclass_fields__:
            if not isinstance(getattr(self, name), str):
                raise SedflowError(f"{name} = {getattr(self, name)!r} of a band must be text")
        if not self.value or not self.error:
            raise SedflowError(f"a band needs the columns of value and error, not {self}")
        if self.value in (self.error, self.error_upper) or self.error == self.error_upper:
            raise SedflowError(
                f"the column {self.value!r} is mapped to a value and to its error; give the column "
                "of the error"
                if self.value == self.error
                else f"{self.value!r} needs a column each for value, lower and upper error"
            )
        self._check_words()
        self._check_correction()
        self._check_units()
        self.null_numbers  # noqa: B018 - raises

    def _check_words(self):
        for name, known in (
            ("error_kind", ERROR_KINDS),
            ("corrected", ("", "yes", "no")),
            ("system", _SYSTEMS),
        ):
            if getattr(self, name) not in known:
                raise SedflowError(
                    f"{name} = {getattr(self, name)!r} of {self.error} is unknown; choose one of "
                    f"{', '.join(filter(None, known))}"
                )
        if self.error_upper and self.error_kind not in ("sigma", "relative", "percent"):
            raise SedflowError(
                f"{self.error} and {self.error_upper} are a lower and an upper error, which cannot "
                f"be of the kind {self.error_kind!r}; give sigma, relative or percent"
            )
        for name in ("limit_sigma", "coefficient"):
            text = getattr(self, name)
            if text and not (name == "coefficient" and text.upper() == "SF11"):
                _positive(text, f"{name} of {self.value}")
        if self.limit_sigma and not self.limit:
            raise SedflowError(
                f"{self.value} has limit_sigma = {self.limit_sigma}, but nothing says which values "
                f"are limits; name a column as limit, or {NEGATIVE!r}"
            )

    def _check_correction(self):
        given = [name for name in ("extinction", "transmission", "ebv") if getattr(self, name)]
        if len(given) > 1:
            raise SedflowError(
                f"{self.value} would be corrected for Galactic extinction by "
                f"{' and by '.join(getattr(self, name) for name in given)}; name one of them"
            )
        if given and self.corrected:
            raise SedflowError(
                f"{self.value} is to be corrected by {getattr(self, given[0])}, but corrected = "
                f"{self.corrected!r}; leave one of them out"
            )
        if given and (by := corrected_by_name(self.value)):
            raise SedflowError(
                f"{self.value} has been corrected for Galactic extinction already, as its name "
                f"says ({by}), and would be corrected twice by {getattr(self, given[0])}; leave "
                f"{given[0]} out, or map the column of uncorrected fluxes"
            )
        for name in given:
            if (found := correction_by_name(getattr(self, name))) not in ("", name):
                raise SedflowError(
                    f"{getattr(self, name)!r} is given as {name}, but is {_CORRECTIONS[found][1]} "
                    "by its name; give it as extinction (in mag, in this band), transmission or "
                    "ebv, whichever it is, or rename it"
                )
        if bool(self.ebv) != bool(self.coefficient):
            raise SedflowError(
                f"the correction of {self.value} needs both the column ebv and the coefficient "
                "A / E(B-V) of the band, a number or SF11"
            )

    def _check_units(self):
        if not self.unit:
            return
        own = flux_unit(self.unit, f"the column {self.value!r}")
        if (self.system or self.zero_point) and own.kind == "linear":
            raise SedflowError(
                f"{self.value} is in {self.unit}, which has no magnitude system; leave system and "
                "zero_point out"
            )
        if self.zero_point:
            zero_flux(self.zero_point)
        if self.system == "asinh" and is_milli(self.unit):
            raise SedflowError(
                f"{self.value} is in {self.unit}, but asinh magnitudes are read in mag; divide the "
                "column by 1000"
            )
        if self.error_kind in ("relative", "percent", "snr") or not self.error_unit:
            return
        if is_percent(self.error_unit):
            raise SedflowError(
                f"{self.error} is in {self.error_unit}, which is a kind of error: give error_kind "
                "= 'percent', and no unit"
            )
        if own.logarithmic and error_step(self.error_unit) is None:
            raise SedflowError(
                f"{self.value} is in {self.unit}, but {self.error} in {self.error_unit}; give both "
                "as fluxes or both as magnitudes"
            )

    @property
    def magnitudes(self) -> bool:
        """Whether values are magnitudes of a system, of which none is near 0 but by a code.

        mag(uJy) is a logarithm as dex(uJy) is: 0 is a microjansky.
        """
        found = flux_unit(self.unit)
        if found.kind == "asinh" or self.zero_point:
            return True
        return found.kind == "log" and found.step < 0 and is_system(found)

    @property
    def full_unit(self) -> str:
        """The unit with its system: "asinh" or "mag(Vega)" where `unit` is only "mag"."""
        if self.system == "asinh":
            return "asinh"
        mag = "mmag" if is_milli(self.unit) else "mag"
        return f"{mag}({self.system})" if self.system else self.unit

    @property
    def flux_unit(self) -> FluxUnit:
        """The unit, read."""
        return flux_unit(self.full_unit, f"the column {self.value!r}")

    @property
    def sigma_unit(self) -> str:
        """The unit of errors."""
        if self.error_unit:
            return self.error_unit
        found = self.flux_unit
        return error_unit_of(found) if found.logarithmic else self.full_unit

    @property
    def correction(self) -> str:
        """The column of the correction for Galactic extinction; "" if there is none."""
        return self.extinction or self.transmission or self.ebv

    @property
    def null_numbers(self) -> tuple[float, ...]:
        """The numbers that say that there is no value, as stated."""
        if self.nulls.strip().lower() in ("", "none"):
            return ()
        try:
            return tuple(as_number(text) for text in self.nulls.replace(";", ",").split(","))
        except ValueError:
            raise SedflowError(
                f"nulls = {self.nulls!r} of {self.value} must be numbers, such as '-99, 1e20', or "
                "'none'"
            ) from None

    def coefficient_of(self, name: str) -> float:
        """A / E(B-V) in the band of this name."""
        if self.coefficient.upper() != "SF11":
            return as_number(self.coefficient)
        real = {BAND_ALIASES.get(band, band): a for band, a in COEFFICIENTS.items()}
        found = real.get(BAND_ALIASES.get(name, name))
        if found is None:
            raise SedflowError(
                f"Schlafly & Finkbeiner (2011) have no coefficient of {name}; state its number"
            )
        return found


def corrected_by_name(column: str) -> str:
    """What in the name of a column says that Galactic extinction has been removed; "" if nothing.

    >>> corrected_by_name("NMGY[2]"), corrected_by_name("dered_r"), corrected_by_name("flux_r")
    ('NMGY of the NASA-Sloan Atlas', 'dered', '')
    """
    name = column.lower()
    if name.split("[")[0] in ("nmgy", "elpetro_nmgy", "sersic_nmgy") and "[" in name:
        return "NMGY of the NASA-Sloan Atlas"
    for sign in ("dered", "dust_corr", "dustcorr", "ext_corr", "extcorr", "unext", "mw_corr"):
        if sign in name:
            return sign
    return ""


#: By what a column corrects for Galactic extinction: signs in its name, and words for it.
_CORRECTIONS = {
    "transmission": (re.compile(r"transm"), "a transmission"),
    "ebv": (re.compile(r"ebv|ebminusv|^sfd(98)?$|^reddening$"), "an E(B-V)"),
    "visual": (re.compile(r"^(gal|mw|sf|sfd)?(a|av|ext|extinction)v$"), "an extinction in V"),
    "extinction": (re.compile(r"ext(inction)?|^(gal|mw)?a[ugrizyjhkw][12s]?$"), "an extinction"),
}


def correction_by_name(column: str) -> str:
    """What a column is by its name: "transmission", "ebv", "visual", "extinction", or "".

    >>> [correction_by_name(name) for name in ("E(B-V)", "A_V", "A_r", "mw_transmission_g", "T")]
    ['ebv', 'visual', 'extinction', 'transmission', '']
    """
    name = re.sub(r"[^a-z0-9]", "", re.sub(r"\[\d+\]$", "", column).lower())
    return next((kind for kind, (sign, _) in _CORRECTIONS.items() if sign.search(name)), "")


def _positive(text, what):
    try:
        number = as_number(text)
    except ValueError:
        number = 0.0
    if not 0 < number < 1e3:
        raise SedflowError(f"{what} = {text!r} must be a positive number")
    return number
