"""Build the tables of the static site, `sedflow/site/tables`: the prior's curves and the lessons.

    python tools/build_site_tables.py            # both; two or three minutes
    python tools/build_site_tables.py lessons    # one
    python tools/build_site_tables.py --only populations    # one lesson of it

The lessons are opened in the app's own page, step by step, for one galaxy and one seed; what its
stages say, judge and draw goes into the table. Run it after a change of a lesson or the network.
"""

import argparse
import json
from pathlib import Path
from urllib.parse import urlencode

import numpy as np
from site_figures import figure_of, shown
from site_prior import REDSHIFTS, densities, derived_prior

import sedflow
from sedflow.bands import UGRIZ
from sedflow.dashboard.address import encode_own
from sedflow.dashboard.answer import OwnGalaxy
from sedflow.dashboard.learn.by_hand import lesson as by_hand
from sedflow.dashboard.learn.lessons import LESSONS
from sedflow.dashboard.learn.one_parameter import lesson as one_parameter
from sedflow.dashboard.pages.learn import LearnView
from sedflow.files.packaged import DEFAULT_WEIGHTS
from sedflow.network.weights import cached_posterior
from sedflow.parameters import NAMES, PARAMETERS, index

OUT = Path(__file__).parents[1] / "sedflow" / "site" / "tables"
GALAXY, SEED = 72, 1
_DRAWS = 100_000  # of the prior at each redshift
#: Steps of the lesson by hand whose numbers are the student's own, until there are any.
_HAND_NOTE = (
    "The numbers that are a student's own in the app are here those of a fit that was made with "
    "four knobs beforehand: {knobs}."
)


def prior(posterior) -> dict:
    """Curves of the derived quantities at each redshift."""
    sets = [
        derived_prior(posterior.model, posterior.prior, z, _DRAWS, k)
        for k, z in enumerate(REDSHIFTS)
    ]
    curves = {name: densities([one[name] for one in sets]) for name in sets[0]}
    return {
        "record_sha256": posterior.record_sha256,
        "redshift": list(REDSHIFTS),
        "derived": {
            name: {"x": digits(one["x"], 6), "density": [digits(row, 3) for row in one["density"]]}
            for name, one in curves.items()
        },
    }


def lessons(nsa, network, asked) -> dict:
    """Facts, judgements and figures of every step of some lessons."""
    out = {}
    for key, lesson in LESSONS.items():
        if key not in asked:
            continue
        view = LearnView(nsa, network, lesson=key, step=1, galaxy=GALAXY, seed=SEED)
        view.__panel__()
        pool: list = []
        steps = {}
        for k, step in enumerate(lesson.steps, 1):
            view.step = k
            steps[step.key] = _step(view._stage, key, step, pool)
            print(f"{key}: {step.key}")
        out[key] = {"steps": steps, "figures": pool} | _stage(view._stage, key)
    return {"galaxy": GALAXY, "seed": SEED, "lessons": out}


def _step(stage, lesson, step, pool):
    at = _hand_start(stage, step.key) if lesson == "fit-by-hand" else {}
    note = _fit_by_hand(stage) if lesson == "fit-by-hand" and step.key != "meet" else ""
    facts = stage.facts(step.key)
    before, _ = shown(stage.layout)
    right = stage.right(step.key) or ""
    stage.reveal(step.key, right or None)
    after, tables = shown(stage.layout)
    facts = {**facts, **(stage.facts(step.key) or {})}
    places = _PLACES.get(lesson, lambda stage, key: [])(stage, step.key)
    return {
        "facts": {name: _plain(value) for name, value in facts.items() if name != "pending"},
        "right": right if right in step.choices else "",
        "before": [_place(one, pool) for one in before],
        "after": [_place(one, pool) for one in after],
        "table": "\n\n".join(tables),
        "places": places,
        "note": note,
        "at": at,
    }


def _place(figure, pool):
    """The place of a figure among those of the lesson, in which each is once."""
    if figure not in pool:
        pool.append(figure)
    return pool.index(figure)


def _plain(value):
    if isinstance(value, str):
        return value
    return int(value) if isinstance(value, int | np.integer) else float(f"{float(value):.8g}")


# What the sliders of the site need: models are straight lines in what a knob sets.


def _stage(stage, lesson):
    if lesson == "parameters":
        responses = {}
        for name in NAMES:
            stage.enter("all")
            stage.choice.value = name
            responses[name] = figure_of(stage.colors.figure)
        knobs = [_one_knob(p) for p in PARAMETERS]
        return {"responses": responses, "knobs": knobs, "redshift": one_parameter.REDSHIFT}
    if lesson == "fit-by-hand":
        galaxies = {
            name: {"flux": digits(g.flux, 8), "sigma": digits(g.sigma, 8)}
            | {"redshift": float(g.redshift)}
            for name, g in stage.galaxies.items()
        }
        return {"knobs": [_hand_knob(name) for name in by_hand.KNOBS], "galaxies": galaxies}
    return {}


def _one_knob(p):
    ends = one_parameter.theta_with(p.name, [p.low, p.high])
    start = one_parameter.BASE[p.name]
    return _knob(p.name, p.axis_label, p.low, p.high, start, *ends)


def _hand_knob(name):
    label, unit, low, high, start = by_hand.KNOBS[name]
    starts = {other: knob[4] for other, knob in by_hand.KNOBS.items()}
    ends = [by_hand.hand_theta(starts | {name: value}) for value in (low, high)]
    return _knob(name, f"{label} [{unit}]" if unit else label, low, high, start, *ends)


def _knob(name, label, low, high, start, first, last):
    """A knob: theta is `base` where it stands at its start, and moves by `per` for each unit."""
    per = (last - first) / (high - low)
    base = first + per * (start - low)
    known = {"name": name, "label": label, "low": float(low), "high": float(high)}
    return known | {"start": float(start), "base": digits(base, 10), "per": digits(per, 10)}


def _hand_start(stage, step):
    """Where the knobs of the lesson by hand stand first: within sight of the data."""
    if step == "meet":
        return {name: digits([value], 8)[0] for name, value in stage._values().items()}
    starts = {name: knob[4] for name, knob in by_hand.KNOBS.items()}
    mass = by_hand.best_mass(stage.model, by_hand.hand_theta(starts), stage.galaxy)
    return starts | {"log_mstar": round(mass - 0.3, 4)}


def _fit_by_hand(stage):
    """Turn the knobs of the lesson as a patient student would; in words, where they stand."""
    best = None
    grid = [np.linspace(*by_hand.KNOBS[n][2:4], 9) for n in ("tau_ism", "beta1", "metals")]
    for tau, beta, metals in np.stack(np.meshgrid(*grid), -1).reshape(-1, 3):
        values = {"log_mstar": 10.0, "tau_ism": tau, "beta1": beta, "metals": metals}
        theta = by_hand.hand_theta(values)
        values["log_mstar"] = by_hand.best_mass(stage.model, theta, stage.galaxy)
        chi2 = by_hand.score(stage.model, by_hand.hand_theta(values), stage.galaxy)[0]
        if best is None or chi2 < best[0]:
            best = chi2, values
    stage._set(**best[1])
    where = ", ".join(f"{by_hand.KNOBS[n][0]} = {v:.2f}" for n, v in best[1].items())
    return _HAND_NOTE.format(knobs=where.replace("-", "−"))


# Pages of the site that show what a step is about


def _explore(label, galaxy, truth=None):
    return [label, "?" + urlencode(encode_own(OwnGalaxy(galaxy, truth)), safe=":,")]


def _of_look_alikes(stage, step):
    if step != "ugriz":
        return []
    triple = stage.triple
    # Without their parameters, which are of another grid than the site's.
    return [_explore(f"Infer {x}", triple.observed(k, UGRIZ, SEED)) for k, x in enumerate("ABC")]


def _of_hand(stage, step):
    if step == "reveal":
        return [[f"NSAID {GALAXY} on Explore", f"?galaxy={GALAXY}"]]
    if step == "mock":
        return [_explore("The simulated galaxy on Explore", stage.galaxies["mock"], stage.truth)]
    return []


def _of_abc(stage, step):
    if step == "abc":
        values = {name: stage.problem.truth[k] for k, name in enumerate(("log_mstar", "tau_ism"))}
        theta = one_parameter.theta_with("beta1", stage.problem.truth[2])[0]
        for name, value in values.items():
            theta[index(name)] = value
        return [_explore("This galaxy on Explore", stage.problem.galaxy, theta)]
    if step == "twelve":
        return [[f"NSAID {GALAXY} on Explore", f"?galaxy={GALAXY}"]]
    return []


def _of_trust(stage, step):
    return [_explore(title, stage.cases[key].galaxy) for title, key in stage.case.options.items()]


_PLACES = {
    "look-alikes": _of_look_alikes,
    "fit-by-hand": _of_hand,
    "abc-to-network": _of_abc,
    "trust": _of_trust,
}


def digits(values, n):
    return [float(f"{float(v):.{n}g}") for v in values]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("tables", nargs="*", choices=[[], "prior", "lessons"], help="default: both")
    parser.add_argument("--only", choices=[*LESSONS], help="build this lesson, and keep the others")
    args = parser.parse_args()
    asked = ["lessons"] if args.only else args.tables or ["prior", "lessons"]
    OUT.mkdir(exist_ok=True)
    posterior = sedflow.load_posterior(DEFAULT_WEIGHTS)
    for name in asked:
        if name == "prior":
            table = prior(posterior)
        else:
            table = lessons(
                sedflow.load_nsa(), cached_posterior, [args.only] if args.only else LESSONS
            )
        path = OUT / f"{name}.json"
        if args.only:
            kept = json.loads(path.read_text())
            table = kept | {"lessons": kept["lessons"] | table["lessons"]}
        path.write_text(json.dumps(table, ensure_ascii=False, separators=(",", ":")) + "\n")
        print(f"{path.name}: {path.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
