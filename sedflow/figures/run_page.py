"""A page on what a catalogue run found: counts, relations, and the rows to look at.

One HTML file with its pictures inside, which asks nothing of the network. The results are
read one partition at a time into fixed histograms, so that a page on a million rows takes no
more memory than one on a thousand.
"""

import base64
import html
import io
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from sedflow.catalogue.ledger import part_name
from sedflow.catalogue.manifest import OLD, check_files, load_manifest
from sedflow.catalogue.own_files import keep_other_pages, keep_own
from sedflow.catalogue.part import read_results
from sedflow.errors import SedflowError, needs
from sedflow.files.writing import replacing
from sedflow.palette import GREY, INK, INK_BLUE, PAPER, VERMILION, WARNING
from sedflow.sampling.verdict import APPROXIMATE, VERDICTS, kind_of
from sedflow.trust_limits import K_HAT_MAX

__all__ = ["write_run_page"]

_MASS, _SFR, _METALS = "log_mass_surviving_p50", "log_sfr_100myr_p50", "log_z_mw_solar_p50"
_COLUMNS = [
    "row",
    "id",
    "status",
    "verdict",
    "reason",
    "k_hat",
    "ess",
    "chi2",
    "p_value",
    "redshift",
    "inside",
    _MASS,
    _SFR,
    _METALS,
]
_EDGES = {
    "mass": np.linspace(7, 12.5, 56),
    "sfr": np.linspace(-5, 3, 65),
    "metals": np.linspace(-2.2, 0.4, 53),
    "redshift": np.linspace(0, 0.5, 51),
    "k_hat": np.linspace(-0.5, 2.0, 51),
    "log_chi2": np.linspace(-3, 4, 57),
    "p_value": np.linspace(0, 1, 21),
}
_AXES = {
    "mass": "log M★ surviving [M☉]",
    "sfr": "log SFR, last 100 Myr [M☉/yr]",
    "metals": "log Z/Z☉, mass-weighted",
    "redshift": "redshift",
    "k_hat": "k-hat of the weights",
    "log_chi2": "log chi-square of the best draw",
    "p_value": "p-value of the data, not calibrated",
}
_N_WORST = 25


def write_run_page(out, path=None) -> Path:
    """Write the page on the run in the folder `out`; returns its path.

    path : where to, default OUT/report.html. A run that is not finished is reported as far
    as it went, and the page says so. All files of the run are held to their hashes first.

    Raises
    ------
    SedflowError
        `out` holds no run, files of it are gone or damaged, the page cannot be written, or a file
        that is not such a page is there.
    """
    needs("pyarrow", extra="scale", what="sedflow report")
    out = Path(out)
    path = out / "report.html" if path is None else Path(path)
    manifest = load_manifest(out)
    keep_own(path, out, f"{out}/report.html")
    keep_other_pages(path, _TITLE)
    tally = _read(out, check_files(out, manifest))
    pictures = [_relations(tally), _quality(tally)] if tally.rows else []
    try:
        with replacing(path) as temporary:
            temporary.write_text(_page(out, manifest, tally, pictures), "utf-8")
    except OSError as error:
        raise SedflowError(f"cannot write {path}: {error.strerror}; choose another place") from None
    return path


@dataclass
class _Tally:
    """What is counted while the partitions go by."""

    rows: int = 0
    outside: int = 0
    status: dict = field(default_factory=dict)
    verdict: dict = field(default_factory=dict)
    reasons: dict = field(default_factory=dict)
    one: dict = field(default_factory=dict)
    two: dict = field(default_factory=dict)
    worst: object = None


def _read(out, parts):
    import pandas as pd

    tally = _Tally()
    for number in parts:
        table, counts = read_results(out / "results" / part_name(number), _COLUMNS)
        frame = table.to_pandas()
        tally.rows += counts["rows"]
        for name in ("status", "verdict"):
            mine = getattr(tally, name)
            for key, n in counts[name].items():
                mine[key] = mine.get(key, 0) + n
        for kind, entry in counts["reasons"].items():
            known = tally.reasons.setdefault(kind, {**entry, "rows": 0})
            known["rows"] += entry["rows"]
        tally.outside += int((~frame.inside[frame.status != "bad row"]).sum())
        _count(tally, frame)
        odd = frame[(frame.status != "bad row")]
        parts = [odd] if tally.worst is None else [tally.worst, odd]
        both = pd.concat(parts).assign(lost=lambda f: f.k_hat.isna())
        order = ["lost", "k_hat", "row"]
        tally.worst = both.sort_values(order, ascending=[False, False, True]).head(_N_WORST)
    return tally


def _count(tally, frame):
    good = frame[frame.status == "ok"]
    tried = frame[frame.status != "bad row"]
    with np.errstate(divide="ignore", invalid="ignore"):
        values = {
            "mass": good[_MASS],
            "sfr": good[_SFR],
            "metals": good[_METALS],
            "redshift": good.redshift,
            "k_hat": tried.k_hat,
            "p_value": tried.p_value,
            "log_chi2": np.log10(tried.chi2.to_numpy()),
        }
    inside = {
        name: np.clip(np.asarray(v, float), *_EDGES[name][[0, -1]]) for name, v in values.items()
    }
    for name, v in inside.items():
        counts = np.histogram(v[np.isfinite(v)], _EDGES[name])[0]
        tally.one[name] = tally.one.get(name, 0) + counts
    for name in ("sfr", "metals"):
        counts = np.histogram2d(inside["mass"], inside[name], (_EDGES["mass"], _EDGES[name]))[0]
        tally.two[name] = tally.two.get(name, 0) + counts


# Pictures


def _relations(tally):
    figure, axes = _figure(4)
    _bars(axes[0], "mass", tally, INK_BLUE)
    if tally.one["mass"].max() > 100:
        axes[0].set_yscale("symlog", linthresh=1)
    axes[0].set_title("Mass function (counts, no volume correction)", fontsize=9)
    for ax, name, title in (
        (axes[1], "sfr", "Main sequence"),
        (axes[2], "metals", "Mass and metallicity"),
    ):
        _density(ax, tally.two[name], "mass", name)
        ax.set_title(title, fontsize=9)
    _bars(axes[3], "redshift", tally, INK_BLUE)
    axes[3].set_title("Redshifts", fontsize=9)
    text = "Histogram of stellar masses; star-formation rate against mass; metallicity against mass"
    return figure, f"{text}; redshifts. Medians of the posteriors of rows that are ok."


def _quality(tally):
    figure, axes = _figure(4)
    present = [k for k in ("bad row", *reversed(VERDICTS)) if _kind_count(tally, k)]
    counts = [_kind_count(tally, k) for k in present]
    colors = [VERMILION if k == "bad row" else kind_of(k).color for k in present]
    axes[0].barh(present, counts, color=colors)
    for k, n in enumerate(counts):
        axes[0].annotate(f" {n:,}", (n, k), va="center", fontsize=8)
    axes[0].margins(x=0.25)
    axes[0].set_title("Verdicts", fontsize=9)
    for ax, name in zip(axes[1:], ("k_hat", "log_chi2", "p_value"), strict=True):
        _bars(ax, name, tally, GREY)
        ax.set_title(
            {"k_hat": "Weights", "log_chi2": "Best draws", "p_value": "The model"}[name], fontsize=9
        )
    axes[1].axvline(K_HAT_MAX, color=VERMILION, lw=1)
    return figure, "Counts of verdicts; histograms of k-hat with its limit, chi-square and p-value."


def _kind_count(tally, kind):
    return tally.status.get(kind, 0) if kind == "bad row" else tally.verdict.get(kind, 0)


def _of_which(tally):
    """How many of the failed the table of a run calls approximate."""
    guessed = tally.verdict.get(APPROXIMATE, 0)
    return f" ({guessed:,} of them {APPROXIMATE})" if guessed else ""


def _figure(n):
    from matplotlib.figure import Figure

    figure = Figure(figsize=(3.6 * n, 3.3), layout="constrained")
    return figure, figure.subplots(1, n)


def _bars(ax, name, tally, color):
    ax.stairs(tally.one[name], _EDGES[name], fill=True, color=color, alpha=0.85)
    ax.set_xlabel(_AXES[name], fontsize=9)
    ax.set_ylabel("galaxies", fontsize=9)
    ax.set_xlim(*_EDGES[name][[0, -1]])


def _density(ax, counts, x, y):
    from matplotlib.colors import LogNorm

    shown = np.ma.masked_equal(counts.T, 0)
    top = max(counts.max(), 2)
    ax.pcolormesh(_EDGES[x], _EDGES[y], shown, norm=LogNorm(1, top), cmap="viridis")
    ax.set_xlabel(_AXES[x], fontsize=9)
    ax.set_ylabel(_AXES[y], fontsize=9)


def _inline(figure):
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=110)
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode()


# The page

_TITLE = "Survey report"
_STYLE = f"""
body {{ font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 1150px; padding: 0 1rem;
  color: {INK}; background: {PAPER} }}
h1 {{ font-size: 1.5rem }} h2 {{ font-size: 1.1rem; margin-top: 2rem }}
img {{ width: 100%; height: auto }}
table {{ border-collapse: collapse; width: 100%; font-size: .87rem }}
th, td {{ text-align: left; padding: .25rem .6rem; border-bottom: 1px solid #ddd;
  vertical-align: top }}
td.n, th.n {{ text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap }}
.note {{ background: {WARNING}; border-left: 4px solid {VERMILION}; padding: .5rem 1rem }}
"""


def _page(out, manifest, tally, pictures):
    total = manifest["catalogue"]["rows"]
    settings, weights = manifest["settings"], manifest["weights"]
    title = f"{_TITLE}: {manifest['catalogue']['name']}"
    parts = [f"<h1>{_text(title)}</h1>"]
    if tally.rows < total:
        parts.append(
            f'<p class="note">The run is not finished: {tally.rows:,} of {total:,} rows are '
            "here.</p>"
        )
    if manifest["format"] == OLD:
        parts.append(
            '<p class="note">The run is of a version that kept no hashes of its files: damage to '
            "them may go unnoticed.</p>"
        )
    good, tried = tally.status.get("ok", 0), max(tally.rows, 1)
    parts.append(
        f"<p>{tally.rows:,} galaxies: {good:,} ({100 * good / tried:.1f} %) with a posterior that "
        f"holds, {tally.status.get('misfit', 0):,} misfits, {tally.status.get('failed', 0):,} "
        f"failed{_of_which(tally)}, {tally.status.get('bad row', 0):,} bad rows. "
        f"{tally.outside:,} lie outside the training domain. Network "
        f"{_text(weights['name'])} ({', '.join(map(_text, weights['bands']))}), "
        f"{settings['n']:,} draws, trust {_text(settings['trust'])}, seed {settings['seed']}, "
        f"sedflow {_text(manifest['versions']['sedflow'])}.</p>"
    )
    for figure, alt in pictures:
        parts.append(f'<img src="{_inline(figure)}" alt="{_text(alt)}">')
    parts.append(
        "<p>Masses, rates and metallicities are medians of rows that are ok; what lies beyond an "
        "axis is counted at its end.</p><h2>Why rows failed</h2>"
    )
    if tally.reasons:
        rows = sorted(tally.reasons.values(), key=lambda entry: -entry["rows"])
        parts.append(
            _table(
                ("rows", "example", "reason"),
                [(f"{e['rows']:,}", e["id"], e["reason"]) for e in rows],
                numbers=1,
            )
        )
    else:
        parts.append("<p>None did.</p>")
    if tally.worst is not None and len(tally.worst):
        why = "Those whose weights are worst. A p in the reason is calibrated."
        parts.append(f"<h2>Rows to look at</h2><p>{why}</p>")
        parts.append(
            _table(
                ("row", "k-hat", "ESS", "chi²", "p, raw", "id", "verdict", "reason"),
                [
                    (
                        r.row,
                        _rounded(r.k_hat, 2),
                        _rounded(r.ess, 0),
                        _rounded(r.chi2, 1),
                        f"{r.p_value:.2g}",
                        r.id,
                        r.verdict,
                        r.reason,
                    )
                    for r in tally.worst.itertuples()
                ],
                numbers=5,
            )
        )
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        f"<title>{_text(title)}</title><style>{_STYLE}</style></head><body>"
        + "\n".join(parts)
        + "</body></html>\n"
    )


def _table(head, rows, numbers):
    """An HTML table whose first columns hold numbers."""

    def line(cells, tag):
        marked = (
            f'<{tag} class="n">{_text(c)}</{tag}>' if k < numbers else f"<{tag}>{_text(c)}</{tag}>"
            for k, c in enumerate(cells)
        )
        return "<tr>" + "".join(marked) + "</tr>"

    body = "\n".join(line(row, "td") for row in rows)
    return f"<table><thead>{line(head, 'th')}</thead><tbody>{body}</tbody></table>"


def _rounded(value, digits):
    return f"{value:,.{digits}f}"


def _text(value):
    return html.escape(str(value))
