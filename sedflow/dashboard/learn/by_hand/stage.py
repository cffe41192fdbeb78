"""Stage of the lesson in which the student fits by hand."""

import numpy as np
import panel as pn
from scipy.stats import chi2 as chi2_distribution

from sedflow.bands import UGRIZ
from sedflow.dashboard.learn.by_hand import lesson
from sedflow.dashboard.learn.by_hand.figures import FEW, SIMILAR, ByHandFigures
from sedflow.files.packaged import DEFAULT_WEIGHTS
from sedflow.model.likelihood import chi2_limit
from sedflow.parameters import PARAMETERS, index

_N = 3000
_LABELS = {p.name: p.label for p in PARAMETERS}


class ByHand(ByHandFigures):
    """Knobs, spectrum and pulls of a real galaxy and of a simulated one; then their posterior."""

    @property
    def _which(self):
        return "mock" if self._step == "mock" else "nsa"

    @property
    def galaxy(self):
        """The one that is fitted."""
        return self.galaxies.get(self._which)

    def enter(self, step: str) -> None:
        self._step, self._revealed = step, False
        self._arrange()
        if not self.galaxies:
            self.scene.run(self._begin, self._begun)
            return
        self._draw()

    def reveal(self, step: str, choice: str | None) -> None:
        self._revealed = True
        self._arrange()
        if step == "mock":
            self._ask()
        self._draw_posterior()

    def right(self, step: str) -> str | None:
        return {"meet": "Mass", "mock": self._truth_lowest()}.get(step)

    def _truth_lowest(self):
        found = self.posterior.get("mock")
        if found is None:
            return "No"
        truth = lesson.score(self.model, self.truth, self.galaxies["mock"])[0]
        return "No" if found.chi2.min() < truth else "Yes"

    def facts(self, step: str) -> dict | None:
        if not self.galaxies:
            return None
        galaxy = self.galaxy
        n_band = int(galaxy.present.sum())
        best, theta, _ = self.best[self._which]
        if step == "meet":
            cells = zip(galaxy.bands, galaxy.magnitude, galaxy.magnitude_error, strict=True)
            return {
                "name": f"NSAID {self.scene.nsaid}",
                "z": float(galaxy.redshift),
                "magnitudes": ", ".join(
                    f"{b} {m:.2f} ± {e:.2f}" for b, m, e in cells if np.isfinite(m)
                ),
                "chi2": self._now()[0],
            }
        if step == "fit":
            limit = chi2_limit(n_band)
            if best < chi2_distribution.isf(0.05, n_band):
                state = f"Your {best:.1f} is good enough."
            elif best < limit:
                state = f"Your {best:.1f} would be bad luck, but is possible."
            else:
                state = f"Your {best:,.1f} is not there yet."
            return {
                "best": best,
                "n_band": n_band,
                "spread": np.sqrt(2 * n_band),
                "p001": limit,
                "p05": float(chi2_distribution.isf(0.05, n_band)),
                "state": state,
            }
        found = self.posterior.get(self._which)
        if found is None:
            if step == "reveal":
                return None
            return {"best": best, "pending": True}
        values = self.truth if step == "mock" else theta
        places = {n: found.percentile(n, values[index(n)]) for n in lesson.COMPARED}
        out = {
            "n": _N,
            "best": best,
            "lowest": float(found.chi2.min()),
            "percentiles": ", ".join(f"{_LABELS[n]} {100 * p:.0f} %" for n, p in places.items()),
        }
        if step == "mock":
            truth = lesson.score(self.model, self.truth, galaxy)[0]
            return out | {"truth": truth, "better": found.share_better(truth)}
        inside = [n for n, p in places.items() if 0.025 < p < 0.975]
        out["inside"] = (
            "All four are inside its 95 % ranges."
            if len(inside) == len(places)
            else f"{len(inside)} of the four are inside its 95 % ranges."
        )
        near = np.abs(found.chi2 - best) < SIMILAR
        out["alike"] = (
            f"{near.sum():,} draws have a χ² within {SIMILAR:g} of yours, and the table shows how "
            "far they are spread."
            if near.sum() >= FEW
            else f"{'Hardly any' if near.any() else 'No'} draw has a χ² like yours: go back and "
            "see how low you can get it."
        )
        out["exactness"] = (
            "They were weighted, so that together they are the exact posterior."
            if found.exact
            else "Their weights do not pass (k-hat) for this galaxy: these are the network's own."
        )
        return out | {"better": found.share_better(best)}

    # Work

    def _begin(self):
        network = self.scene.network(DEFAULT_WEIGHTS)
        galaxy = self.scene.nsa.photometry(self.scene.nsaid, UGRIZ)
        truth, mock = lesson.mock(network.model, network.prior, self.scene.seed)
        return network, galaxy, truth, mock

    def _begun(self, found):
        self.network, galaxy, self.truth, mock = found
        self.model = self.network.model
        start = self._values()
        for which, one in (("nsa", galaxy), ("mock", mock)):
            values = self.scene.best.get(which, start)
            theta = lesson.hand_theta(values)
            self.best[which] = (lesson.score(self.model, theta, one)[0], theta, values)
        self._set(**self.best[self._which][2])  # before there is a galaxy, so nothing is drawn
        self.galaxies = {"nsa": galaxy, "mock": mock}
        self._arrange()
        self._draw()

    def _ask(self):
        """The posterior of the galaxy shown, once."""
        which = self._which
        if which in self.posterior:
            return
        network, galaxy, seed = self.network, self.galaxies[which], self.scene.seed

        def then(found):
            self.posterior[which] = found
            self._draw_posterior()

        self.scene.run(lambda: lesson.posterior_of(network, galaxy, _N, seed), then)

    # Knobs

    def _set(self, **values):
        for name, value in values.items():
            self.knobs[name].value = value

    def _values(self):
        return {name: float(knob.value) for name, knob in self.knobs.items()}

    def _best_mass(self):
        theta = lesson.hand_theta(self._values())
        return lesson.best_mass(self.model, theta, self.galaxy)

    def _now(self):
        return lesson.score(self.model, lesson.hand_theta(self._values()), self.galaxy)

    def _moved(self, *events):
        if self.galaxies:
            before = self.best[self._which]
            with pn.io.hold():
                self._draw_model()
            best = self.best[self._which]
            if best is not before and not self._setting:
                self.scene.keep(self._which, best[2])
            self.scene.changed()
