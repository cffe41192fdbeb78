"""What a session of the dashboard knows: selections and outcomes, no widgets, no figures.

`run` is injected: the app hands in a function that works on a worker thread, tests one that
answers at once. So is `known`, which gives an answer that was computed before, or None.
"""

from typing import Any

import param

from sedflow.dashboard.answer import Answer
from sedflow.dashboard.presets import PRESETS, START
from sedflow.dashboard.server.turns import Superseded
from sedflow.errors import SedflowError
from sedflow.files.packaged import DEFAULT_WEIGHTS, SSP_NAMES
from sedflow.parameters import NAMES, PARAMETERS

_SAME = 1e-4  # difference of two parameters that are the same, as an address has them
MOST_DRAWS = 20_000  # of one galaxy in the app: what a page and a download carry with ease
_UNITS = ["flam", "fnu", "ab"]  # of a flux axis


class LightOptions(param.Parameterized):
    """How spectra are drawn."""

    unit: Any = param.Selector(default="flam", objects=_UNITS, doc="Flux axis")
    log = param.Boolean(default=False, doc="Whether the flux axis is logarithmic")
    rest = param.Boolean(default=False, doc="Whether wavelengths are the galaxy's own")


class ExplorerState(LightOptions):
    """The galaxy looked at, its posterior, and what of it is shown."""

    galaxy = param.String(default="", doc="NSAID, or the name of a galaxy that the visitor added")
    n = param.Integer(default=3000, bounds=(100, MOST_DRAWS), doc="Draws from the posterior")
    seed = param.Integer(default=1, bounds=(0, 2**31 - 1), doc="Seed of the draws")
    weights = param.String(default=DEFAULT_WEIGHTS, doc="Name of the network that is asked")
    bands = param.List(default=[], item_type=str, doc="Bands to use; none for all")
    prior: Any = param.Selector(
        default="flat", objects=["flat", "provabgs"], doc="Prior of the SFH"
    )

    answer = param.Parameter(doc="The Answer shown; None before the first")
    message = param.String(doc="Why there is no posterior, or what to know about it")
    busy = param.Boolean(default=False)

    ASKS = ("galaxy", "n", "seed", "weights", "bands", "prior")

    def __init__(self, run, known=lambda request: None, **params):
        super().__init__(**params)
        self._run, self._known = run, known

    def request(self):
        """What is asked for now."""
        from sedflow.dashboard.answer import Request

        return Request(self.galaxy, self.n, self.seed, self.weights, tuple(self.bands), self.prior)

    def recall(self) -> bool:
        """Publish what is asked for if it was computed before; False if it was not."""
        answer = self._known(self.request())
        if answer is None:
            return False
        if answer is not self.answer:  # what is shown would be drawn again
            self.param.update(**_shown(answer), busy=False)
        return True

    async def infer(self) -> None:
        """Run what is asked for; publish it unless something newer was asked meanwhile."""
        request = self.request()
        if not request.galaxy:
            return
        if self.answer is not None and self.answer.request == request:  # it is shown already
            self.param.update(message=self.answer.note, busy=False)
            return
        if self.recall():
            return
        # What was said of the answer that is still shown stays beside it.
        self.param.update(busy=True, message="" if self.answer is None else self.message)
        shown: dict[str, Any] = {"answer": None, "message": ""}
        try:
            shown = _shown(await self._run(request))
        except Superseded:  # the newer request answers
            shown = {}
        except SedflowError as error:  # expected failures become text; bugs propagate
            shown["message"] = str(error)
        finally:
            if shown and request == self.request():
                self.param.update(**shown, busy=False)

    def publish(self, answer: Answer, of: Answer | None = None) -> bool:
        """Show better draws of what is shown; False if it is no longer what is asked.

        of : the answer that they are better than, where their prior may be another
        """
        if (of or answer).request != self.request():
            return False
        self.param.update(**_shown(answer))
        return True


def _shown(answer):
    """What a state says where an answer is shown: the prior too is that of what is shown."""
    return {"answer": answer, "message": answer.note, "prior": answer.request.prior}


#: What is said where no star formation has a share.
NO_SHARES = "all four β are 0, and shares need one above 0 to be divided by their sum; raise one"


def _forward_parameters():
    return {
        p.name: param.Number(START[p.name], bounds=(p.low, p.high), label=p.label, doc=p.help)
        for p in PARAMETERS
    }


_Theta: Any = param.parameterized_class("_Theta", _forward_parameters())


class ForwardState(_Theta):
    """The 12 parameters and the redshift of a model galaxy, and the SSP grid of its stars.

    The four betas are free here and divided by their sum when used, so that each slider can
    be moved on its own.
    """

    redshift = param.Number(0.05, bounds=(0.002, 0.25), label="redshift", doc="Redshift")
    grid: Any = param.Selector(default="fsps", objects=list(SSP_NAMES), doc="SSP grid")
    model_unit: Any = param.Selector(default="flam", objects=_UNITS, doc="Flux axis")
    model_log = param.Boolean(default=False, doc="Whether the flux axis is logarithmic")
    model_rest = param.Boolean(default=False, doc="Whether wavelengths are the galaxy's own")
    beside = param.Boolean(default=False, doc="Whether another grid is shown beside it")
    ages = param.Boolean(default=False, doc="Whether light is shown by age")

    #: Parameters that say how the model is looked at.
    LOOKS = ("model_unit", "model_log", "model_rest", "beside", "ages")

    def theta(self) -> dict[str, float]:
        """The parameters by name, betas on the simplex.

        Raises
        ------
        SedflowError
            All betas are 0, and nothing is left to divide.
        """
        theta = {name: getattr(self, name) for name in NAMES}
        betas = NAMES[1:5]
        total = sum(theta[b] for b in betas)
        if not total > 0:
            raise SedflowError(NO_SHARES)
        return theta | {b: theta[b] / total for b in betas}

    def preset(self, name: str) -> None:
        """Take the parameters of a preset; the redshift stays."""
        self.param.update(**{**START, **PRESETS[name]})

    def began(self) -> str:
        """Name of the preset whose parameters these are; empty for those of none."""
        for name, values in PRESETS.items():
            if all(abs(getattr(self, n) - v) < _SAME for n, v in (START | values).items()):
                return name
        return ""
