"""The address of the page holds its state: encoded, decoded, and clamped with a notice.

Pure functions of plain values. Whatever an address holds, decoding it gives values that the
app can take, and a sentence for each that had to be changed or left out.
"""

import math
from collections.abc import Sequence

import numpy as np

from sedflow.atlas.columns import NSA_BANDS
from sedflow.bands import is_library_band
from sedflow.dashboard.address_text import quoted
from sedflow.dashboard.answer import MOST_PINNED_DRAWS, OwnGalaxy, Request
from sedflow.dashboard.learn.by_hand.kept import encode_best
from sedflow.dashboard.numbers import MAX_DIGITS, clamped, whole_number
from sedflow.dashboard.state import NO_SHARES
from sedflow.errors import SedflowError
from sedflow.files.packaged import SSP_NAMES
from sedflow.parameters import BETAS, NAMES, PARAMETERS, as_theta
from sedflow.photometry import Photometry

#: Pages of the app, in order: key -> title in the bar. "run" where the server has one.
VIEWS = {
    "explore": "Explore",
    "forward": "Forward",
    "compare": "Compare",
    "validate": "Validate",
    "population": "Population",
    "learn": "Learn",
    "data": "Your data",
    "run": "Run",
}
#: Keys of earlier versions -> those of now.
FORMER = {"survey": "run"}
_MOST_BANDS = 32  # of a galaxy that an address carries


def encode(values: dict, defaults: dict) -> dict[str, str]:
    """Text for the address, of those values that are not what the page begins with."""
    out = {}
    for name, value in values.items():
        if name in defaults and value == defaults[name]:
            continue
        if isinstance(value, bool):
            out[name] = "1" if value else "0"
        elif isinstance(value, float):
            out[name] = f"{value:.6g}"
        elif isinstance(value, list | tuple):
            out[name] = ",".join(map(str, value))
        else:
            out[name] = str(value)
    return {k: v for k, v in out.items() if v != ""}


def decode(query: dict, state, forward=None) -> tuple[dict, dict, list[str]]:
    """Values for the state and for the forward model's state, and notices.

    query : name -> text; state, forward : Parameterized, whose bounds are kept
    """
    notices: list[str] = []
    main = {}
    for name in ("galaxy", "n", "seed", "weights", "bands", "prior", "unit", "log", "rest"):
        if name in query:
            value = _read(state.param[name], name, query[name], notices)
            if value is not None:
                main[name] = value
    other = {}
    if forward is not None:
        for name in (*(p.name for p in PARAMETERS), "redshift", "grid", *forward.LOOKS):
            if name in query:
                value = _read(forward.param[name], name, query[name], notices)
                if value is not None:
                    other[name] = value
        if not any(other.get(name, forward.param[name].default) for name in NAMES[BETAS]):
            notices.append(f"{NO_SHARES}; the page begins with four that are equal")
            other = {name: value for name, value in other.items() if name not in NAMES[BETAS]}
    return main, other, notices


def _read(parameter, name, text, notices):
    """The value of a parameter that a text means, inside its limits; None if it means none."""
    kind = type(parameter).__name__
    if kind == "Boolean":
        return text.strip().lower() in ("1", "true", "yes", "on")
    if kind == "Selector":
        if text in parameter.objects:
            return text
        notices.append(
            f"{name} = {quoted(text)} is not one of {', '.join(parameter.objects)}; "
            f"using {parameter.default}"
        )
        return None
    if kind == "List":
        return _known_bands(name, text, notices)
    if kind == "String":
        return text[:200]
    try:
        value = float(text)
        if not math.isfinite(value):
            raise ValueError
    except ValueError:
        notices.append(f"{name} = {quoted(text)} is not a number; using {parameter.default}")
        return None
    low, high = parameter.bounds or (None, None)
    inside = clamped(name, value, low, high, notices)
    return round(inside) if kind == "Integer" else inside


def _known_bands(name, text, notices):
    """The bands that a text names, of those of the atlas; a sentence on all others."""
    given = [part for part in dict.fromkeys(text.split(",")) if part]
    known = [part for part in given if part in NSA_BANDS]
    if len(known) < len(given):
        notices.append(
            f"{name} = {quoted(text)} has names that are not among {', '.join(NSA_BANDS)} (a name "
            "such as decam2014-g is of another filter than g, which no network here knows); "
            f"{'the others are used' if known else 'all bands are used'}"
        )
    return known or None


def encode_own(own: OwnGalaxy) -> dict[str, str]:
    """A galaxy that is not the atlas', for the address: with all digits, which draws follow."""
    g = own.photometry
    bands = ",".join(
        f"{b}:{float(f)!r}:{float(s)!r}"
        for b, f, s in zip(g.bands, g.flux, g.sigma, strict=True)
        if np.isfinite(f)
    )
    out = {"flux": bands, "z": repr(float(g.redshift))}
    if own.truth is not None:
        out["truth"] = ",".join(f"{v:.9g}" for v in own.truth)
    if own.ssp:
        out["made"] = own.ssp
    return out


def decode_own(query: dict) -> OwnGalaxy | None:
    """The galaxy that an address carries; None if it carries none.

    Raises
    ------
    SedflowError
        What the address holds is not photometry.
    """
    if "flux" not in query:
        return None
    try:
        parts = [item.split(":") for item in query["flux"].split(",")]
        bands, flux, sigma = zip(*((b, float(f), float(s)) for b, f, s in parts), strict=True)
        redshift = float(query.get("z", "nan"))
    except ValueError:
        raise SedflowError(
            f"flux={quoted(query['flux'])} in the address is not a galaxy; write "
            "flux=u:1.2:0.1,g:3.4:0.1 (nanomaggies and their errors) and z=0.05"
        ) from None
    if len(bands) > _MOST_BANDS:
        raise SedflowError(
            f"flux in the address has {len(bands)} bands; give {_MOST_BANDS} at most"
        )
    for band in bands:
        if not is_library_band(band):  # elsewhere, a name may be the path of a file
            raise SedflowError(
                f"the band {quoted(band)} of flux in the address is unknown; give bands such as u "
                "or decam2014-g"
            )
    truth = _truth_of(query["truth"]) if "truth" in query else None
    made = query.get("made", "")
    if made and made not in SSP_NAMES:
        raise SedflowError(
            f"made={quoted(made)} in the address is not a grid of the package; write one of "
            f"{', '.join(SSP_NAMES)}, or leave made out"
        )
    galaxy = Photometry(np.array(flux), np.array(sigma), np.asarray(redshift), bands)
    return OwnGalaxy(galaxy, truth, "" if truth is None else made)


def _truth_of(text):
    """Theta (12,) that a mock was made of; its betas in any proportion."""
    try:
        truth = np.array([float(v) for v in text.split(",")])
        total = truth[1:5].sum()
        truth[1:5] /= total if total > 0 else np.nan
        return as_theta(truth)
    except ValueError as error:
        why = f" ({error})" if isinstance(error, SedflowError) else ""
        raise SedflowError(
            f"truth={quoted(text)} in the address is not the {len(PARAMETERS)} parameters of a "
            f"model{why}; correct it, or leave truth out"
        ) from None


def encode_forward(state) -> dict[str, str]:
    """The model galaxy of a `ForwardState`, for the address."""
    names = (*(p.name for p in PARAMETERS), "redshift", "grid", *state.LOOKS)
    return encode(
        {name: getattr(state, name) for name in names},
        {name: state.param[name].default for name in names},
    )


def encode_lesson(learn) -> dict[str, str]:
    """The lesson that a `LearnView` shows, for the address; nothing of the list of lessons."""
    if not learn.lesson:
        return {}
    asked = {"step": learn.step, "lesson_galaxy": learn.galaxy, "lesson_seed": learn.seed}
    usual = {"lesson_galaxy": learn.param.galaxy.default, "lesson_seed": 1}
    code = {"class": learn.code} if learn.code else {}
    by_hand = learn.lesson == "fit-by-hand" and learn.best
    knobs = {"knobs": encode_best(learn.best)} if by_hand else {}
    return {"lesson": learn.lesson, **encode(asked, usual), **code, **knobs}


def encode_pins(requests: Sequence[Request | None]) -> str:
    """Requests for the address; the place of one that has no NSAID is empty, as that of None.

    >>> encode_pins([Request("72"), None, Request("72", bands=("g", "r")), None])
    '72;;72~~g.r'
    """
    out = []
    for r in requests:
        if r is None or whole_number(r.galaxy) is None:
            out.append("")
            continue
        usual = Request(r.galaxy)
        parts = [
            r.galaxy,
            "" if r.weights == usual.weights else r.weights,
            ".".join(r.bands),
            "" if r.prior == usual.prior else r.prior,
            "" if r.n == usual.n else str(r.n),
            "" if r.seed == usual.seed else str(r.seed),
        ]
        out.append("~".join(parts).rstrip("~"))
    return ";".join(out).rstrip(";")


def decode_pins(text: str, state, most: int) -> tuple[list[Request | None], list[str]]:
    """Requests that an address has pinned, at most this many, inside the limits; and notices.

    None for a place that is empty, of which there are not more than places.
    """
    requests: list[Request | None] = []
    notices: list[str] = []
    parts = text.rstrip(";").split(";")
    if len(parts) > most or not any(parts):
        parts = [part for part in parts if part]
    for part in parts[: most + 1]:
        if not part:
            requests.append(None)
            continue
        names = ("galaxy", "weights", "bands", "prior", "n", "seed")
        values = dict(zip(names, part.split("~"), strict=False))
        values = {k: v.replace(".", ",") if k == "bands" else v for k, v in values.items() if v}
        if whole_number(values.get("galaxy", "")) is None:
            notices.append(f"{quoted(part)} in pins is not a galaxy of the atlas; it is left out")
            continue
        found, _, more = decode(values, state)
        notices += more
        found["bands"] = tuple(found.get("bands", ()))
        if found.get("n", 0) > MOST_PINNED_DRAWS:
            found["n"] = MOST_PINNED_DRAWS
            notices.append(
                f"{quoted(part)} in pins has more than {MOST_PINNED_DRAWS:,} draws, which is the "
                "limit; so many are shown"
            )
        requests.append(Request(**found))
    if len(requests) > most:
        notices.append(f"the address has more than {most} pins; the first {most} are shown")
    return requests[:most], notices


def decode_row(query: dict, rows: int) -> tuple[int | None, list[str]]:
    """The row that an address means, of a run with `rows` rows; None if it means none. Notices."""
    if "row" not in query:
        return None, []
    row = whole_number(query["row"], low=-(10**MAX_DIGITS))
    if row is None:
        return None, [
            f"row = {quoted(query['row'])} is not a whole number of at most {MAX_DIGITS} digits; "
            "no galaxy is selected"
        ]
    inside = min(max(row, 0), rows - 1)
    if inside != row:
        return inside, [f"row = {quoted(row)} was changed to {inside}; it may be 0 to {rows - 1}"]
    return row, []
