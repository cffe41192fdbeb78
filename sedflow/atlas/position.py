"""A position on the sky as people write it: degrees, sexagesimal numbers, or an IAU name."""

import re

import numpy as np

from sedflow.errors import BadPhotometry

_LONGEST = 200  # characters of a position
_PLAIN = str.maketrans("−–—°º′’‘″”“", "---dd'''\"\"\"")
_NUMBER = r"([0-9]{1,9}(?:\.[0-9]{0,12})?|\.[0-9]{1,12})"
_SECONDS = rf"(?:{_NUMBER}(?:s|\"|'')?)?"
_ANGLE = re.compile(
    rf"([+-]?) ?{_NUMBER} ?(?:(h|d|:)? ?(?:{_NUMBER} ?(?:m|'(?!')|:)? ?{_SECONDS})?)"
)
_IAU = re.compile(
    r"(?:[a-z0-9]{1,8} )?j([0-9]{2})([0-9]{2})([0-9]{2}(?:\.[0-9]{0,6})?)"
    r"([+-])([0-9]{2})([0-9]{2})([0-9]{2}(?:\.[0-9]{0,6})?)"
)
_LABELS = re.compile(r"\b(?:r\.?a|dec|de)\b\.? ?[=:]? ?|\(?\b(?:j2000|icrs|fk5)(?:\.0)?\b\)?")


def sky_position(text: str) -> tuple[float, float] | None:
    """Right ascension and declination [deg, J2000] that a text means; None if it means neither.

    A right ascension of one number is in degrees unless it has an h; one of two or three numbers
    is in hours unless it has a d or a degree sign. Names like J110640.8+200448 are positions.

    Raises
    ------
    BadPhotometry
        It has the form of a position, but its numbers are beyond the sky.

    Examples
    --------
    >>> sky_position("11:06:40 +20:04:48") == sky_position("11h06m40s, +20d04m48s")
    True
    >>> [round(x, 4) for x in sky_position("J110640.8+200448")]
    [166.67, 20.08]
    >>> sky_position("Sombrero") is None
    True
    """
    if len(text) > _LONGEST:
        return None
    plain = " ".join(text.translate(_PLAIN).lower().split())
    found = _IAU.fullmatch(plain)
    if found:
        h, m, s, sign, d, dm, ds = found.groups()
        return _checked(text, ("", h, "h", m, s), (sign, d, "d", dm, ds))
    parts = _halves(_LABELS.sub("", plain).strip())
    if parts is None:
        return None
    ra, dec = (_ANGLE.fullmatch(part) for part in parts)
    if ra is None or dec is None or dec[3] == "h":
        return None
    return _checked(text, ra.groups(), dec.groups())


def separation(ra: float, dec: float, ra_deg, dec_deg) -> np.ndarray:
    """Angles (n,) [deg] from a position to others (n,), all in degrees; infinite for NaN."""
    one, other = np.radians(dec), np.radians(np.asarray(dec_deg, float))
    half_ra = 0.5 * np.radians(np.asarray(ra_deg, float) - ra)
    haversine = (
        np.sin(0.5 * (other - one)) ** 2 + np.cos(one) * np.cos(other) * np.sin(half_ra) ** 2
    )
    angle = np.degrees(2 * np.arcsin(np.sqrt(np.clip(haversine, 0, 1))))
    return np.where(np.isfinite(angle), angle, np.inf)


def _halves(text):
    """The right ascension and the declination in a text; None if there are not two."""
    if "," in text or ";" in text:
        parts = [part.strip() for part in re.split("[,;]", text)]
        return parts if len(parts) == 2 else None
    signs = [found.start() for found in re.finditer("[+-]", text[1:])]
    if signs:
        cut = signs[0] + 1
        return (text[:cut].strip(), text[cut:].strip()) if len(signs) == 1 else None
    words = text.split()
    if len(words) % 2 or not words:
        return None
    return " ".join(words[: len(words) // 2]), " ".join(words[len(words) // 2 :])


def _checked(text, ra, dec):
    values = []
    for name, (sign, whole, unit, minutes, seconds) in (("RA", ra), ("Dec", dec)):
        hours = name == "RA" and (unit == "h" or (minutes is not None and unit != "d"))
        for part, value in (("minutes", minutes), ("seconds", seconds)):
            if value is not None and not float(value) < 60:
                raise BadPhotometry(
                    f"{text.strip()[:64]!r} has {float(value):g} {part} in its {name}, and the "
                    "limit is 60; give RA and Dec in degrees or sexagesimal"
                )
        value = float(whole) + float(minutes or 0) / 60 + float(seconds or 0) / 3600
        value *= (15 if hours else 1) * (-1 if sign == "-" else 1)
        low, high = (-180, 360) if name == "RA" else (-90, 90)
        if not low <= value <= high:
            limits = "0 to 360 degrees (24 h)" if name == "RA" else "-90 to 90 degrees"
            raise BadPhotometry(
                f"{text.strip()[:64]!r} has a {name} of {value:.5g} degrees, and the limits are "
                f"{limits}; give RA and Dec in degrees or sexagesimal"
            )
        values.append(value)
    return values[0] % 360.0, values[1]
