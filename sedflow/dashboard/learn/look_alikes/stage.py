"""Stage of the lesson on galaxies that look alike."""

import numpy as np

from sedflow.bands import UGRIZ
from sedflow.dashboard.learn.look_alikes import lesson
from sedflow.dashboard.learn.look_alikes.figures import (
    COLORS,
    LABELS,
    LETTERS,
    QUANTITIES,
    LookAlikesFigures,
)
from sedflow.dashboard.printed import printed
from sedflow.fits.fit import fit
from sedflow.model.likelihood import chi2_limit
from sedflow.model.sed import default_model
from sedflow.parameters import NAMES
from sedflow.sampling.reweighting import reweight

_N = 3000
_UNITS = {"age_mw": " Gyr", "log_z_mw_solar": " in log Z", "a_v": " mag"}
_CALLED = {"age": "age_mw", "metals": "log_z_mw_solar", "dust": "a_v"}
_COMPARED = (
    *(n for n in NAMES if not n.startswith("beta")),
    *QUANTITIES,
    "log_sfr_100myr",
    "log_ssfr_1gyr",
)
_MUCH = 0.7  # of a range: what is left of one that is known much better
_DUSTY = 1  # the galaxy whose posterior is shown: B


class LookAlikes(LookAlikesFigures):
    """Three galaxies of one colour: spectra, colours, and the posterior of one of them."""

    def enter(self, step: str) -> None:
        self._step = step
        self._named = step != "alike"
        self._arrange()
        if self.triple is None:
            self.scene.run(self._begin, self._begun)
        else:
            self._draw()

    def facts(self, step: str) -> dict | None:
        if self.triple is None:
            return None
        t = self.triple
        if step == "alike":
            return {
                "r": lesson.R_MAGNITUDE,
                "target": f"{t.target:.2f}",
                "start": f"{t.start.color('g-r'):.2f}",
                "mass_start": f"{t.start.theta[0]:.2f}",
                "masses": ", ".join(f"{g.theta[0]:.2f}" for g in t.galaxies),
                **{k: g.way for k, g in zip(LETTERS, t.galaxies, strict=True)},
            }
        if step == "u":
            sigma = {c: self._spread(c) / self._error(c) for c in COLORS[2:]}
            widest = max(COLORS[2:], key=self._spread)
            best = max(sigma, key=lambda color: sigma[color])
            return {
                "best": _minus(best),
                "best_sigma": sigma[best],
                "gr_sigma": sigma["g-r"],
                "widest": _minus(widest),
                "widest_mag": self._spread(widest),
                "widest_error": self._error(widest),
            }
        if step == "uv":
            fuv = [g.color("FUV-r") for g in t.galaxies]
            k = int(np.argmin(fuv))
            return {
                "brightest": f"{LETTERS[k]}, {t.galaxies[k].way}",
                "fuv": ", ".join(f"{v:.1f} ({x})" for v, x in zip(fuv, LETTERS, strict=True)),
                "fuv_spread": self._spread("FUV-r"),
                "ug_spread": self._spread("u-g"),
            }
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

    def right(self, step: str) -> str | None:
        t = self.triple
        if step == "alike":
            return LETTERS[[g.way for g in t.galaxies].index("dustier")]
        if step == "u":
            return (self.facts(step) or {})["best"]
        if step == "uv":
            return (self.facts(step) or {})["brightest"]
        if step == "posterior-uv":
            return self._known_better()
        return None

    def reveal(self, step: str, choice: str | None) -> None:
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
            return found, {name: prior[name] for name in QUANTITIES}

        def then(result):
            found, self._prior = result
            self.posterior |= found
            self._draw()

        self.scene.run(job, then)

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
        left = printed(after / before, ".0%")
        return f"from {before:.2f} to {after:.2f}{_UNITS[name]} ({left} of it)"

    def _known_better(self):
        """Which of the three, as the choices call it."""
        share = {w: np.divide(*self._widths(n)[::-1]) for w, n in _CALLED.items()}
        best = min(share, key=share.get)
        return best if share[best] < _MUCH else lesson.NONE_MUCH

    def _summary(self):
        """In a sentence or two: what the ultraviolet did."""
        share = {n: np.divide(*self._widths(n)[::-1]) for n in _COMPARED}
        most = min(share, key=share.get)
        words = (
            f"Of everything that the fit knows, {LABELS[most]} gained most: its range is "
            f"{printed(share[most], '.0%')} of what it was."
        )
        if "sfr" in most:
            words += " (SFR is the rate at which stars form.)"
        if self._known_better() != lesson.NONE_MUCH:
            return words
        return (
            "None of the three is known much better: a galaxy that fits badly is ruled out, but "
            "others take its place, with another dust curve or a few more young stars. " + words
        )


def _posterior(network, triple, key, seed):
    """Fit of the dusty galaxy with the bands of a network, exact where the weights pass."""
    sampler = network(lesson.UGRIZ_NETWORK if key == "ugriz" else lesson.UV_NETWORK)
    galaxy = triple.observed(_DUSTY, sampler.bands, seed)
    drawn = fit(galaxy, sampler, n=_N, seed=seed, trust=None)
    weighted = reweight(drawn, min_ess=0)
    good = weighted.draws.importance.good()
    result = weighted if good else drawn
    _ = result.derived, result.induced_prior
    return result


def _percent(share):
    return "under 1 %" if share < 0.01 else "over 99 %" if share > 0.99 else f"{100 * share:.0f} %"


def _minus(color):
    return color.replace("-", "−")
