"""The grid of a population: its axes and their cells."""

import numpy as np

from sedflow.draws import weighted_quantile
from sedflow.errors import SedflowError, unknown
from sedflow.model.derived import KNOWN
from sedflow.parameters import PARAMETERS, as_whole
from sedflow.population.members import Members
from sedflow.population.prior import SPECIFIC, cell_numbers
from sedflow.units import plain

_CELLS = {1: (40,), 2: (24, 24)}
_MOST_CELLS = 1600
_FAR = 1e6  # ends of an axis
_SPREAD = 0.0025  # of the draws, beyond the ends that an axis would have by quantiles
_REACH = 0.25  # of that axis, by which it goes on to the last draw: few galaxies are beyond
_MOST_BEYOND = 0.05  # of the draws of the galaxies on a grid, beyond ends that a caller gave
_POINTS = 8  # in a cell along each axis, where a line cuts it


def names_of(of):
    names = of.split(",") if isinstance(of, str) else of
    names = tuple(x.strip() for x in names if isinstance(x, str)) if np.iterable(names) else ()
    if len(names) not in (1, 2) or len(set(names)) != len(names):
        raise SedflowError(
            f"of = {str(of)[:64]!r}; give one or two different quantities, such as "
            "'log_mstar,log_ssfr_1gyr'"
        )
    known = [*(q.name for q in KNOWN), *SPECIFIC]
    for name in names:
        if name not in known:
            raise unknown("quantity", name, known)
    return names


def cell_counts(cells, names):
    if cells is None:
        return _CELLS[len(names)]
    try:
        counts = tuple(np.broadcast_to(cells, (len(names),)).tolist())
    except ValueError:
        raise SedflowError(
            f"cells = {cells!r} for {' and '.join(names)}; give one number, or one for each"
        ) from None
    counts = tuple(as_whole("cells", k, 5, 400) for k in counts)
    if np.prod(counts) > _MOST_CELLS:
        raise SedflowError(
            f"{np.prod(counts):,} cells are more than {_MOST_CELLS:,}, the most that are fitted; "
            "choose fewer"
        )
    return counts


def edges_of(members, names, ranges, counts):
    if not len(members):
        why = ", ".join(f"{n:,} {what}" for what, n in members.left_out.items())
        raise SedflowError(
            "no galaxy enters the population"
            + (f": left out were {why}" if why else "")
            + "; choose other rows, by status, weights or limits"
        )
    for name in ranges:
        if name not in names:
            raise unknown("quantity of this population", name, names)
    limits = {p.name: (p.low, p.high) for p in PARAMETERS}
    out = []
    for k, name in enumerate(names):
        given = ranges.get(name)
        if given is None:
            low, high = _span(members.values[..., k], members.shares, limits.get(name))
        else:
            low, high = _ends(name, given)
        if not (np.isfinite([low, high]).all() and low < high and low > -_FAR and high < _FAR):
            raise SedflowError(
                f"the axis of {name} would go from {low:g} to {high:g}; give ranges={{{name!r}: "
                f"(LOW, HIGH)}}, the lower one first, both within {_FAR:g}"
            )
        out.append(np.linspace(low, high, counts[k] + 1))
    return tuple(out)


def beyond(members: Members, edges: tuple[np.ndarray, ...], finite: bool = False) -> float:
    """The share of the draws beyond the ends, of the galaxies that have some between them.

    The population that is fitted ends there, and such a galaxy counts as one inside.

    finite : whether draws do not count that are beyond all ends, as the log of no star formation
    """
    inside = cell_numbers(members.values, edges) >= 0
    here = (inside & (members.shares > 0)).any(1)
    out = ~inside[here]
    if finite:
        out &= np.isfinite(members.values[here]).all(-1)
    return float((members.shares[here] * out).sum() / max(here.sum(), 1))


def check_ends(members: Members, edges: tuple[np.ndarray, ...], names, ranges) -> None:
    """Refuse ends that go through the posteriors of galaxies: these would pile up there.

    Raises
    ------
    SedflowError
    """
    share = beyond(members, edges, finite=True) if ranges else 0.0
    if share > _MOST_BEYOND:
        said = ", ".join(f"{name}: {low:g} to {high:g}" for name, (low, high) in ranges.items())
        hold = edges_of(members, names, {}, tuple(len(e) - 1 for e in edges))
        there = zip(names, hold, strict=True)
        ends = ", ".join(f"{name}: {e[0]:.4g} to {e[-1]:.4g}" for name, e in there)
        raise SedflowError(
            f"ranges ({said}) go through the posteriors of galaxies: {100 * share:.1f} % of the "
            "draws of those that would enter are beyond, and such galaxies would pile up at the "
            f"ends. Nearly all draws are in {ends}; leave ranges out, and read the part you want"
        )


def _ends(name, given):
    """Where a caller wants an axis to begin and end."""
    ends = plain(given, f"the range of {name}", None)
    if ends.shape != (2,):
        raise SedflowError(f"ranges[{name!r}] = {str(given)[:40]}; give (LOW, HIGH)")
    return ends.tolist()


def _span(values, shares, limits):
    """Where draws are, with their shares: those of reruns are more than those of other galaxies,
    which have copies of their last draw without one."""
    inside = np.isfinite(values) & (shares > 0)
    known, shares = values[inside], shares[inside]
    if not known.size:
        return np.nan, np.nan
    alike = shares.min() == shares.max()
    low, high = weighted_quantile(known, [_SPREAD, 1 - _SPREAD], None if alike else shares)
    reach = _REACH * (high - low)
    low, high = max(known.min(), low - reach), min(known.max(), high + reach)
    pad = 0.02 * (high - low)
    low, high = float(low - pad), float(high + pad)
    return (low, high) if limits is None else (max(low, limits[0]), min(high, limits[1]))


def merged(values, weights):
    """Weights (n, n_draw) where the weight of a repeated draw is with its last copy."""
    same = (values[:, 1:] == values[:, :-1]).all(-1)  # copies follow each other in a run's draws
    if not same.any():
        return weights
    out = weights.copy()
    for k in range(same.shape[1]):
        move = same[:, k]
        out[move, k + 1] += out[move, k]
        out[move, k] = 0.0
    return out


def above(edges, axis, line):
    """Share of each cell that lies above a line."""
    shape_of = tuple(len(e) - 1 for e in edges)
    fine = [
        (e[:-1, None] + np.diff(e)[:, None] * (np.arange(_POINTS) + 0.5) / _POINTS) for e in edges
    ]
    if not callable(line):
        width = np.diff(edges[axis])
        share = np.clip((edges[axis][1:] - float(line)) / width, 0.0, 1.0)
        shape = [1] * len(shape_of)
        shape[axis] = -1
        return np.broadcast_to(share.reshape(shape), shape_of)
    limit = np.broadcast_to(np.asarray(line(fine[1 - axis]), float), fine[1 - axis].shape)
    value = fine[axis][:, None, :, None] > limit[None, :, None, :]
    share = value.mean((2, 3))
    return share if axis == 0 else share.T
