"""Stage of the lesson on galaxies that the network should not be trusted with."""

import numpy as np
import panel as pn
from bokeh.models import Range1d

from sedflow.dashboard.lessons import out_of_domain as lesson
from sedflow.dashboard.prose import prose
from sedflow.dashboard.stages.plots import MODEL, Plot, SpectrumPlot
from sedflow.dashboard.stages.stage import Stage, pane
from sedflow.importance import K_HAT_MAX
from sedflow.likelihood import pulls
from sedflow.photometry import UGRIZ, band_flux
from sedflow.resources import DEFAULT_WEIGHTS

__all__ = ["OutOfDomain"]

#: Cases of each step; the first is shown when the step opens.
_OF = {
    "good": ("good",), "band-g": ("band-g",), "band-u": ("band-u",), "sigma": ("sigma",),
    "redshift": ("near", "far"),
}  # fmt: skip
_SEEN: dict = {}  # (galaxy, seed, case) -> Outcome, shared by the process; a few dozen at most
_MOST = 60
_LOOK = "Look for the exact answer (some seconds)"
_UNKNOWN = (
    "Very bright galaxies are large: they overlap stars and are cut into pieces, so single bands "
    "can be badly off; others may be no galaxies at all. The check does not know which."
)


class OutOfDomain(Stage):
    """A gallery of galaxies: data, the network's answer, the verdict, the exact answer."""

    def __init__(self, scene):
        super().__init__(scene)
        self._step, self._revealed, self._setting = "good", False, False
        self.network = self.cases = None
        self._refused = 0
        self.case = pn.widgets.Select(label="Case", options={}, sizing_mode="stretch_width")
        self._more = pn.widgets.Button(label=_LOOK, color="primary", align="end")
        self.spectrum = SpectrumPlot(
            "trust_sed", UGRIZ, {"best": ("spectrum of the best draw", MODEL, {})}
        )
        self.spectrum.label("model", "median of the draws, with 16 to 84 %")
        self.spectrum.line("range", "", color=MODEL, line_width=5, line_alpha=0.35)
        self.pulls = Plot("trust_pulls", "band", "pull of the best draw", 340,
                          factors=list(UGRIZ), y_range=Range1d(-5, 5), title=" ")  # fmt: skip
        self.pulls.bars("pull", "", color=MODEL)
        self._table = prose()
        self._reasons = prose()
        self._figures = pn.Row(
            pane(self.spectrum), pane(self.pulls, width=330),
            sizing_mode="stretch_width",
        )  # fmt: skip
        self._pick = pn.Row(self.case, self._more, sizing_mode="stretch_width")
        self.layout[:] = [self._pick, self._figures, self._reasons, self._table]
        self.case.param.watch(self._chosen, "value")
        self._more.on_click(lambda event: self._climb())

    @property
    def seen(self):
        """The outcome of the case shown; None before it is known."""
        return _SEEN.get(self._key(self.case.value))

    def enter(self, step):
        self._step, self._revealed = step, False
        if self.cases is None:
            self._arrange()
            self.scene.run(self._begin, self._begun)
        else:
            self._options()

    def reveal(self, step, choice):
        self._revealed = True
        self._draw()

    def facts(self, step):
        seen = self.seen
        if self.cases is None or seen is None:
            return None
        case = seen.case
        out = {
            "title": case.title, "what": case.what, "chi2": _chi2(seen.chi2_best),
            "limit": seen.limit, "k_max": K_HAT_MAX, "verdict_line": self._verdict_line(seen),
            "atlas": len(self.scene.nsa), "refused": self._refused,
            "happened": _UNKNOWN if case.key.startswith("nsa-") else "You know it: " + case.what,
        }  # fmt: skip
        if step in ("band-g", "band-u"):
            good = self._outcome("good")
            if good is None:
                return None
            (a, b, c), (x, y, z) = (o.quantiles("network")["log_sfr_100myr"] for o in (good, seen))
            out["width_line"] = (
                f"log SFR = {y:.2f}, give or take {(z - x) / 2:.2f}, where it had said {b:.2f}, "
                f"give or take {(c - a) / 2:.2f}, of the untouched galaxy"
            )
        if step == "band-u":
            galaxy = case.galaxy
            out["error"] = float(galaxy.magnitude_error[galaxy.bands.index("u")])
            out["u_line"] = (
                "The error of u is large, and some galaxy has such a colour within it: a mistake "
                "that hides behind its error bar changes the answer and raises no alarm: "
                f"{out['width_line']}."
                if seen.inside
                else "The error of u is small enough here to tell."
            )
        if step == "redshift":
            both = [self._outcome(key) for key in ("good", "near", "far")]
            if None in both:
                return None
            good, near, far = both
            out["mass_true"], out["mass_near"] = (
                float(o.quantiles("network")["log_mass_formed"][1]) for o in (good, near)
            )
            out["redshift_line"] = (
                f"At 0.005 the best χ² is {near.chi2_best:.1f} and the check says "
                f"{_word(near)}; at 0.25 it is {far.chi2_best:.1f}, and the check says "
                f"{_word(far)}; at the true redshift it is {good.chi2_best:.1f}."
            )
        return out

    def right(self, step):
        if self.seen is None:
            return None
        if step == "good":
            return "Yes" if self.seen.inside and self.seen.exact is not None else "No"
        if step in ("band-g", "band-u"):
            return "No" if self.seen.inside else "Yes"
        return {"sigma": "Yes", "redshift": "No"}.get(step)

    # Work

    def _key(self, case):
        return self.scene.nsaid, self.scene.seed, case

    def _outcome(self, case):
        return _SEEN.get(self._key(case))

    def _begin(self):
        network = self.scene.network(DEFAULT_WEIGHTS)
        nsa = self.scene.nsa
        cases = lesson.cases(nsa, network, self.scene.nsaid)
        galaxies = nsa.photometry(nsa.ids, network.bands)
        refused = int((~network.check(galaxies, draws=False).inside).sum())
        return network, cases, refused

    def _begun(self, found):
        self.network, self.cases, self._refused = found
        self._options()

    def _options(self):
        """The cases of this step; the gallery has all, the real ones first."""
        if self._step == "gallery":
            real = [k for k in self.cases if k.startswith("nsa-")]
            keys = real + [k for k in self.cases if k not in real]
        else:
            keys = _OF[self._step]
        self._setting = True
        self.case.options = {self.cases[k].title: k for k in keys}
        self.case.value = keys[0]
        self._setting = False
        self._arrange()
        self._look()

    def _chosen(self, event):
        if not self._setting:
            self._look()
            self.scene.changed()

    def _look(self):
        """The network's answer to what is shown, and what the step compares it with."""
        wanted = [self.case.value]
        if self._step in ("band-g", "band-u"):
            wanted.append("good")
        if self._step == "redshift":
            wanted += ["good", "near", "far"]
        missing = [key for key in dict.fromkeys(wanted) if self._outcome(key) is None]
        if not missing:
            self._draw()
            return
        network, cases, seed = self.network, self.cases, self.scene.seed

        def then(found):
            self._keep(found)
            self._draw()

        self.scene.run(
            lambda: {key: lesson.look(network, cases[key], seed) for key in missing}, then
        )

    def _climb(self):
        key, seen, network, seed = self.case.value, self.seen, self.network, self.scene.seed
        self._more.param.update(disabled=True, label="Looking …")

        def then(found):
            self._keep(found)
            self._draw()

        self.scene.run(lambda: {key: lesson.climbed(network, seen, seed)}, then)

    def _keep(self, found):
        for key, outcome in found.items():
            _SEEN[self._key(key)] = outcome
        while len(_SEEN) > _MOST:
            del _SEEN[next(iter(_SEEN))]

    # Drawing

    def _arrange(self):
        ready = self.cases is not None
        self._pick.visible = self._figures.visible = self._table.visible = ready
        self.case.visible = len(self.case.options) > 1

    def _draw(self):
        seen = self.seen
        if seen is None:
            return
        with pn.io.hold():
            self._draw_spectrum(seen)
            # Until the student has said what to expect, the verdict is not shown.
            shown = self._revealed or self._step == "gallery"
            self._more.visible = shown and seen.exact is None and not _searched(seen)
            self._more.param.update(disabled=False, label=_LOOK)
            self._reasons.object = self._found(seen) if shown else ""
            self._table.object = self._answers(seen) if shown else ""

    def _draw_spectrum(self, seen):
        galaxy = seen.case.galaxy
        top = self.spectrum.data(galaxy)
        flux = seen.network.predicted.flux
        chi2 = seen.network.predicted.chi2
        best = int(np.argmin(chi2))
        spectrum = self.network.model.spectrum(seen.network.draws.theta[best], galaxy.redshift)
        self.spectrum.spectrum("best", spectrum.wavelength, spectrum.flux)
        low, middle, high = np.quantile(flux, (0.16, 0.5, 0.84), axis=0)
        top = max(top, self.spectrum.photometry("model", middle))
        self._ranges(low, high)
        self.spectrum.top(1.2 * top)
        self.spectrum.title(f"{seen.case.title}, z = {float(galaxy.redshift):.4f}")
        pull = np.nan_to_num(pulls(flux[[best]], galaxy)[0])
        reach = max(5.0, 1.1 * np.abs(pull).max())
        self.pulls.show("pull", x=list(galaxy.bands), bottom=np.zeros(len(pull)), top=pull)
        self.pulls.ends(y=(-reach, reach))
        self.pulls.title(f"χ² = {_chi2(chi2[best])}")

    def _ranges(self, low, high):
        """The 68 % range of the predicted fluxes, as bars."""
        pivot, low = band_flux(low, UGRIZ)
        _, high = band_flux(high, UGRIZ)
        gap = np.full(len(pivot), np.nan)
        self.spectrum.show(
            "range", x=np.stack([pivot, pivot, gap], 1).ravel(),
            y=np.stack([low, high, gap], 1).ravel(),
        )  # fmt: skip

    def _verdict_line(self, seen):
        """What check and weights say, as the start of an answer."""
        check = "The check finds nothing" if seen.inside else "The check refuses it"
        return f"{check} (best χ² {_chi2(seen.chi2_best)}); {seen.verdict}."

    def _found(self, seen):
        lines = ["**Check of the data:** " + (
            "inside the training domain." if seen.inside else "outside."
        )]  # fmt: skip
        lines += [f"- {reason}" for reason in seen.reasons]
        lines += ["", f"**Weights:** {seen.verdict}."]
        return "\n".join(lines)

    def _answers(self, seen):
        network, exact = seen.quantiles("network"), seen.quantiles("exact")
        rows = ["| median (16 to 84 %) | network | exact |", "|---|---|---|"]
        for name, label in lesson.LABELS.items():
            right = _range(exact[name]) if exact else "not known"
            rows.append(f"| {label} | {_range(network[name])} | {right} |")
        return "\n".join(rows)


def _range(quantiles):
    low, middle, high = quantiles
    return f"{middle:.2f} ({low:.2f} to {high:.2f})"


def _chi2(value):
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}"


def _word(seen):
    return "nothing" if seen.inside else "that it is outside"


def _searched(seen):
    return "learn" in seen.verdict
