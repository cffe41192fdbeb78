"""Stage of the lesson on galaxies that the network should not be trusted with."""

from functools import partial

from sedflow.dashboard.learn.out_of_domain import lesson
from sedflow.dashboard.learn.out_of_domain.figures import OutOfDomainFigures, chi2_text
from sedflow.dashboard.widgets import typeset
from sedflow.files.packaged import DEFAULT_WEIGHTS
from sedflow.trust_limits import K_HAT_MAX

#: Cases of each step; the first is shown when the step opens.
_OF = {
    "good": ("good",),
    "band-g": ("band-g",),
    "band-u": ("band-u",),
    "sigma": ("sigma",),
    "redshift": ("near", "far"),
}
#: (galaxy, seed, case) -> Outcome, the latest of all pages: another page need not look again.
_LATEST: dict = {}
_MOST = 60
_UNKNOWN = (
    "Very bright galaxies are large: they overlap stars and are cut into pieces, so single bands "
    "can be badly off; others may be no galaxies at all. The check does not know which."
)


class OutOfDomain(OutOfDomainFigures):
    """A gallery of galaxies: data, the network's answer, the verdict, the exact answer."""

    @property
    def seen(self):
        """The outcome of the case shown; None before it is known."""
        return self._outcome(self.case.value)

    def enter(self, step: str) -> None:
        self._step, self._revealed = step, False
        if self.cases is None:
            self._arrange()
            self.scene.run(self._begin, self._begun)
        else:
            self._options()

    def reveal(self, step: str, choice: str | None) -> None:
        self._revealed = True
        self._draw()

    def facts(self, step: str) -> dict | None:
        seen = self.seen
        if self.cases is None or seen is None:
            return None
        case = seen.case
        out = {
            "title": case.title,
            "what": typeset(case.what),
            "chi2": chi2_text(seen.chi2_best),
            "limit": seen.limit,
            "k_max": K_HAT_MAX,
            "verdict_line": self._verdict_line(seen),
            "atlas": len(self.scene.nsa),
            "refused": self._refused,
            "happened": _UNKNOWN if case.key.startswith("nsa-") else "You know it: " + case.what,
        }
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

    def right(self, step: str) -> str | None:
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
        """What this page has seen stays with it, however much other pages look at."""
        key = self._key(case)
        if case not in self._seen and key in _LATEST:
            self._seen[case] = _LATEST[key]
        return self._seen.get(case)

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
        key, seen = self.case.value, self.seen
        self._more.param.update(disabled=True, label="Looking …")

        def then(found):
            self._keep({key: seen.searched_by(*found)})
            self._draw()

        self.scene.run(partial(lesson.searched, seen.case, self.scene.seed), then, True)

    def _keep(self, found):
        for key, outcome in found.items():
            self._seen[key] = _LATEST[self._key(key)] = outcome
        while len(_LATEST) > _MOST:
            del _LATEST[next(iter(_LATEST))]


def _word(seen):
    return "nothing" if seen.inside else "that it is outside"
