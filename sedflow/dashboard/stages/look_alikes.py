"""Stage of the lesson on galaxies that look alike."""

import numpy as np
import panel as pn

from sedflow.dashboard.lessons import look_alikes as lesson
from sedflow.dashboard.prose import prose
from sedflow.dashboard.stages.plots import COLORS, OTHER, Plot, SpectrumPlot, steps
from sedflow.dashboard.stages.stage import Stage, pane
from sedflow.derived import DERIVED
from sedflow.domain import chi2_limit
from sedflow.fitting import fit
from sedflow.importance import min_ess, reweight
from sedflow.model import default_model
from sedflow.parameters import NAMES, PARAMETERS
from sedflow.photometry import UGRIZ

__all__ = ["LookAlikes"]

_N = 3000
_LETTERS = "ABC"
_DASHES = ("solid", "dashed", "dotdash")
_QUANTITIES = ("age_mw", "log_z_mw_solar", "a_v")
_LABELS = {p.name: p.axis_label for p in (*PARAMETERS, *DERIVED)}
_LIMITS = {"age_mw": (0, 13.2), "log_z_mw_solar": (-2.2, 0.6), "a_v": (0, 2.5)}
_UNITS = {"age_mw": " Gyr", "log_z_mw_solar": " in log Z", "a_v": " mag"}
_CALLED = {"age": "age_mw", "metals": "log_z_mw_solar", "dust": "a_v"}
_COMPARED = (*(n for n in NAMES if not n.startswith("beta")), *_QUANTITIES, "log_sfr_100myr",
             "log_ssfr_1gyr")  # fmt: skip
_MUCH = 0.7  # of a range: what is left of one that is known much better
_COLORS = ("FUV-r", "NUV-r", "u-g", "g-r", "r-i", "i-z")
_DUSTY = 1  # the galaxy whose posterior is shown: B


class LookAlikes(Stage):
    """Three galaxies of one colour: spectra, colours, and the posterior of one of them."""

    def __init__(self, scene):
        super().__init__(scene)
        self._step, self._named = "alike", False
        self.model = self.triple = self._reach = None
        self.posterior, self._prior = {}, None
        self.slider = pn.widgets.FloatSlider(
            label="g−r of all three [AB mag]",
            start=0.4,
            end=0.6,
            step=0.01,
            value=0.5,
            sizing_mode="stretch_width",
        )
        self.spectra = SpectrumPlot(
            "alike_sed", UGRIZ,
            {k: (k, COLORS[i], {"line_dash": _DASHES[i]}) for i, k in enumerate(_LETTERS)},
            data=False,
        )  # fmt: skip
        self.colors = Plot("alike_colors", "colour", "less the mean of the three [mag]", 320,
                           factors=list(_COLORS))  # fmt: skip
        self.colors.bars("error", "error of the atlas, 1σ", fill_color=OTHER, fill_alpha=0.3)
        for i, k in enumerate(_LETTERS):
            self.colors.dots(k, k, color=COLORS[i], size=11,
                             marker=("circle", "square", "triangle")[i])  # fmt: skip
        self.plots = {}
        for name in _QUANTITIES:
            plot = Plot(
                f"alike_{name}", _LABELS[name], "probability density", 320, legend_columns=3
            )
            plot.line("prior", "prior", color=OTHER, line_dash="dashed")
            plot.area("ugriz", "ugriz", fill_color=COLORS[0], fill_alpha=0.35)
            plot.line("uv", "with FUV, NUV", color=COLORS[4], line_width=2.5)
            for i, k in enumerate(_LETTERS):
                plot.line(k, k, color=COLORS[i], line_dash=_DASHES[i], line_width=2)
            plot.ends(x=_LIMITS[name])
            self.plots[name] = plot
        self._spectra, self._colors = pane(self.spectra), pane(self.colors)
        self._posteriors = pn.Row(*(pane(p) for p in self.plots.values()),
                                  sizing_mode="stretch_width")  # fmt: skip
        self._table = prose()
        self.layout[:] = [
            self.slider, self._spectra, self._colors, self._posteriors, self._table
        ]  # fmt: skip
        self._slide = self.slider.param.watch(self._moved, "value")

    def enter(self, step):
        self._step = step
        self._named = step != "alike"
        self._arrange()
        if self.triple is None:
            self.scene.run(self._begin, self._begun)
        else:
            self._draw()

    def facts(self, step):
        if self.triple is None:
            return None
        t = self.triple
        if step == "alike":
            return {
                "r": lesson.R_MAGNITUDE, "target": f"{t.target:.2f}",
                "start": f"{t.start.color('g-r'):.2f}",
                "mass_start": f"{t.start.theta[0]:.2f}",
                "masses": ", ".join(f"{g.theta[0]:.2f}" for g in t.galaxies),
                **{k: g.way for k, g in zip(_LETTERS, t.galaxies, strict=True)},
            }  # fmt: skip
        if step == "u":
            sigma = {c: self._spread(c) / self._error(c) for c in _COLORS[2:]}
            widest = max(_COLORS[2:], key=self._spread)
            best = max(sigma, key=sigma.get)
            return {
                "best": _minus(best), "best_sigma": sigma[best], "gr_sigma": sigma["g-r"],
                "widest": _minus(widest), "widest_mag": self._spread(widest),
                "widest_error": self._error(widest),
            }  # fmt: skip
        if step == "uv":
            fuv = [g.color("FUV-r") for g in t.galaxies]
            k = int(np.argmin(fuv))
            return {
                "brightest": f"{_LETTERS[k]}, {t.galaxies[k].way}",
                "fuv": ", ".join(f"{v:.1f} ({x})" for v, x in zip(fuv, _LETTERS, strict=True)),
                "fuv_spread": self._spread("FUV-r"), "ug_spread": self._spread("u-g"),
            }  # fmt: skip
        bands = UGRIZ if step == "ugriz" else lesson.BANDS
        if "ugriz" not in self.posterior or (step != "ugriz" and "uv" not in self.posterior):
            return None
        chi2 = lesson.rival_chi2(t, _DUSTY, bands)
        limit = chi2_limit(len(bands))
        alive = [k for k, value in (("A", chi2[0]), ("C", chi2[2])) if value < limit]
        ruled = {0: "Yes, both", 1: f"One of them, but not {''.join(alive)}", 2: "No"}[len(alive)]
        out = {"chi2_a": chi2[0], "chi2_c": chi2[2], "limit": limit, "n": _N, "ruled": ruled}
        lines = {"dust_line": "a_v", "age_line": "age_mw", "metal_line": "log_z_mw_solar"}
        for key, name in lines.items():
            out[key] = self._places(name) if step == "ugriz" else self._shrinks(name)
        if step != "ugriz":
            out["summary"] = self._summary()
        width = self._width(self.posterior["ugriz"], "age_mw")
        low, high = np.quantile(self._prior["age_mw"], (0.16, 0.84))
        return out | {"age_width": width, "age_share": width / (high - low)}

    def right(self, step):
        t = self.triple
        if step == "alike":
            return _LETTERS[[g.way for g in t.galaxies].index("dustier")]
        if step == "u":
            return self.facts(step)["best"]
        if step == "uv":
            return self.facts(step)["brightest"]
        if step == "posterior-uv":
            return self._known_better()
        return None

    def reveal(self, step, choice):
        self._named = True
        self._draw()

    # Work

    def _begin(self):
        """The model with its ultraviolet bands takes two seconds to build, once per process."""
        model = default_model(lesson.SSP)
        low, high = lesson.reach(model)
        return model, (low, high), lesson.find_triple(model, round(low + 0.7 * (high - low), 2))

    def _begun(self, found):
        self.model, self._reach, self.triple = found
        low, high = self._reach
        self.slider.param.update(start=low, end=high, value=self.triple.target)
        self._arrange()
        self._draw()
        self._infer()

    def _moved(self, event):
        target = round(float(np.clip(event.new, *self._reach)), 2) if self._reach else None
        if target is None or target == self.triple.target:
            return
        self.triple = lesson.find_triple(self.model, target)
        self.posterior = {}
        self._draw()
        self.scene.changed()
        self._infer()

    def _infer(self):
        """The posterior of the dusty galaxy, where the step shows it."""
        wanted = {"ugriz": ("ugriz",), "posterior-uv": ("ugriz", "uv")}.get(self._step, ())
        missing = [key for key in wanted if key not in self.posterior]
        if not missing:
            return
        triple, seed, network = self.triple, self.scene.seed, self.scene.network

        def job():
            found = {key: _posterior(network, triple, key, seed) for key in missing}
            prior = next(iter(found.values())).induced_prior
            return found, {name: prior[name] for name in _QUANTITIES}

        def then(result):
            found, self._prior = result
            self.posterior |= found
            self._draw()

        self.scene.run(job, then)

    # Drawing

    def _arrange(self):
        step, ready = self._step, self.triple is not None
        self.slider.visible = ready and step == "alike"
        self._spectra.visible = ready and step == "alike"
        self._colors.visible = ready and step in ("u", "uv")
        self._posteriors.visible = ready and step in ("ugriz", "posterior-uv")
        self._table.visible = ready

    def _draw(self):
        if self._step in ("ugriz", "posterior-uv"):
            self._draw_posteriors()
            self._infer()
        elif self._step == "alike":
            self._draw_spectra()
        else:
            self._draw_colors()
        self._table.object = self._words()

    def _name(self, k):
        return f"{_LETTERS[k]}: {self.triple.galaxies[k].way}" if self._named else _LETTERS[k]

    def _draw_spectra(self):
        top = 0.0
        for k, galaxy in enumerate(self.triple.galaxies):
            spectrum = self.model.spectrum(galaxy.theta, lesson.REDSHIFT)
            top = max(top, self.spectra.spectrum(_LETTERS[k], spectrum.wavelength, spectrum.flux))
            self.spectra.label(_LETTERS[k], self._name(k))
        self.spectra.show("model")
        self.spectra.label("model", "")
        self.spectra.top(top)
        self.spectra.title(f"Three galaxies of g−r = {self.triple.target:.2f}")

    def _draw_colors(self):
        names = _COLORS if self._step == "uv" else _COLORS[2:]
        self.colors.figure.x_range.factors = list(names)
        values = np.array([[g.color(c) for c in names] for g in self.triple.galaxies])
        values -= values.mean(0)
        for k in range(3):
            self.colors.show(_LETTERS[k], x=list(names), y=values[k])
            self.colors.label(_LETTERS[k], self._name(k))
        error = np.array([self._error(c) for c in names])
        self.colors.show("error", x=list(names), bottom=-error, top=error)
        reach = 1.15 * max(np.abs(values).max(), error.max())
        self.colors.ends(y=(-reach, reach))

    def _draw_posteriors(self):
        for name, plot in self.plots.items():
            low, high = _LIMITS[name]
            edges = np.linspace(low, high, 41)
            top = 0.1
            for key in ("ugriz", "uv"):
                shown = key in self.posterior and (key == "ugriz" or self._step == "posterior-uv")
                if not shown:
                    plot.show(key)
                    continue
                result = self.posterior[key]
                x, y = steps(result.derived[name], edges, result.draws.weights)
                top = max(top, y.max())
                extra = {"x": x, "low": np.zeros(len(x)), "high": y} if key == "ugriz" else {
                    "x": x, "y": y}  # fmt: skip
                plot.show(key, **extra)
            plot.label("uv", "with FUV, NUV" if self._step == "posterior-uv" else "")
            if self._prior is not None:
                x, y = steps(self._prior[name], edges)
                plot.show("prior", x=x, y=y)
                top = max(top, y.max())
            for k, galaxy in enumerate(self.triple.galaxies):
                at = galaxy.derived[name]
                plot.show(_LETTERS[k], x=np.array([at, at]), y=np.array([0, 1.08 * top]))
            plot.ends(y=(0, 1.1 * top))

    def _words(self):
        """What the three are, once they may be known."""
        if not self._named:
            return ""
        head = "| | " + " | ".join(_LABELS[n] for n in _QUANTITIES) + " | log M★ |"
        rows = [
            f"| **{self._name(k)}** | "
            + " | ".join(f"{g.derived[n]:.2f}" for n in _QUANTITIES)
            + f" | {g.theta[0]:.2f} |"
            for k, g in enumerate(self.triple.galaxies)
        ]
        return "\n".join([head, "|---" * (len(_QUANTITIES) + 2) + "|", *rows])

    # Numbers

    def _spread(self, color):
        """Largest less smallest of the three [mag]."""
        return float(np.ptp([g.color(color) for g in self.triple.galaxies]))

    def _error(self, color):
        """Error of a colour in the atlas [mag], the mean of the three."""
        seen = [self.triple.observed(k, lesson.BANDS) for k in range(3)]
        error = np.mean([g.magnitude_error for g in seen], axis=0)
        a, b = (lesson.BANDS.index(x) for x in color.split("-"))
        return float(np.hypot(error[a], error[b]))

    def _width(self, result, name):
        values = result.draws[name] if name in NAMES else result.derived[name]
        low, high = result.draws.quantile(values, (0.16, 0.84))
        return float(high - low)

    def _places(self, name):
        """Where A and C lie in the posterior of B."""
        result = self.posterior["ugriz"]
        values = result.derived[name]
        w = result.draws.weights
        w = np.full(len(values), 1 / len(values)) if w is None else w
        at = [float(w[values < self.triple.galaxies[k].derived[name]].sum()) for k in (0, 2)]
        return f"{_percent(at[0])} of the draws lie below A, {_percent(at[1])} below C"

    def _widths(self, name):
        """Width in ugriz, and with the ultraviolet."""
        return tuple(self._width(self.posterior[key], name) for key in ("ugriz", "uv"))

    def _shrinks(self, name):
        before, after = self._widths(name)
        unit = _UNITS[name]
        return f"from {before:.2f} to {after:.2f}{unit} ({after / before:.0%} of it)"

    def _known_better(self):
        """Which of the three, as the choices call it."""
        share = {w: np.divide(*self._widths(n)[::-1]) for w, n in _CALLED.items()}
        best = min(share, key=share.get)
        return best if share[best] < _MUCH else lesson.NONE_MUCH

    def _summary(self):
        """In a sentence or two: what the ultraviolet did."""
        share = {n: np.divide(*self._widths(n)[::-1]) for n in _COMPARED}
        most = min(share, key=share.get)
        words = f"Of everything that the fit knows, {_LABELS[most]} gained most: its range is " \
                f"{share[most]:.0%} of what it was."  # fmt: skip
        if "sfr" in most:
            words += " (SFR is the rate at which stars form.)"
        if self._known_better() != lesson.NONE_MUCH:
            return words
        return (
            "None of the three is known much better: a galaxy that fits badly is ruled out, but "
            "others take its place, with another dust curve or a few more young stars. " + words
        )


def _posterior(network, triple, key, seed):
    """Fit of the dusty galaxy with the bands of a network, exact where the weights hold."""
    sampler = network(lesson.UGRIZ_NETWORK if key == "ugriz" else lesson.UV_NETWORK)
    galaxy = triple.observed(_DUSTY, sampler.bands, seed)
    drawn = fit(galaxy, sampler, n=_N, seed=seed)
    weighted = reweight(drawn, min_ess=0)
    good = weighted.draws.importance.good(min_ess(_N))
    result = weighted if good else drawn
    _ = result.derived, result.induced_prior
    return result


def _percent(share):
    return "under 1 %" if share < 0.01 else "over 99 %" if share > 0.99 else f"{100 * share:.0f} %"


def _minus(color):
    return color.replace("-", "−")
