"""What a session of the dashboard knows: selections and outcomes, no widgets, no figures.

`run` is injected: the app hands in a function that works on a worker thread, tests one that
answers at once.
"""

import param

from sedflow.errors import SedflowError
from sedflow.parameters import NAMES, PARAMETERS
from sedflow.resources import DEFAULT_WEIGHTS

__all__ = ["ExplorerState", "ForwardState"]


class ExplorerState(param.Parameterized):
    """The galaxy looked at, and its posterior."""

    nsaid = param.Integer(default=None, allow_None=True, doc="Galaxy of the atlas")
    n = param.Integer(default=3000, bounds=(100, 50_000), doc="Draws from the posterior")
    seed = param.Integer(default=1, bounds=(0, None), doc="Seed of the draws")
    weights = param.String(default=DEFAULT_WEIGHTS, doc="Name of the network that is asked")

    fit = param.Parameter(doc="The Fit shown; None before the first")
    message = param.String(doc="Why there is no fit, or what to know about it")
    busy = param.Boolean(default=False)

    def __init__(self, run, **params):
        super().__init__(**params)
        self._run = run

    def request(self):
        """What is asked for now: (nsaid, n, seed, weights)."""
        return self.nsaid, self.n, self.seed, self.weights

    async def infer(self):
        """Run what is asked for; publish it unless something newer was asked meanwhile."""
        request = self.request()
        if request[0] is None:
            return
        self.param.update(busy=True, message="")
        fit, message = None, ""
        try:
            fit, message = await self._run(request)
        except SedflowError as error:  # expected failures become text; bugs propagate
            message = str(error)
        finally:
            if request == self.request():
                self.param.update(fit=fit, message=message, busy=False)


def _forward_parameters():
    defaults = {
        "log_mstar": 10.5, "beta1": 0.25, "beta2": 0.25, "beta3": 0.25, "beta4": 0.25,
        "f_burst": 0.0, "t_burst": 1.0, "log_gamma1": -2.5, "log_gamma2": -2.5,
        "tau_bc": 1.0, "tau_ism": 0.3, "n_dust": -0.7,
    }  # fmt: skip
    return {
        p.name: param.Number(defaults[p.name], bounds=(p.low, p.high), label=p.label, doc=p.help)
        for p in PARAMETERS
    }


class ForwardState(param.parameterized_class("_Theta", _forward_parameters())):
    """The 12 parameters and the redshift of a model galaxy.

    The four betas are free here and divided by their sum when used, so that each slider can
    be moved on its own.
    """

    redshift = param.Number(0.05, bounds=(0.002, 0.25), label="redshift", doc="Redshift")

    def theta(self) -> dict[str, float]:
        """The parameters by name, betas on the simplex."""
        theta = {name: getattr(self, name) for name in NAMES}
        betas = NAMES[1:5]
        total = sum(theta[b] for b in betas)
        for b in betas:
            theta[b] = theta[b] / total if total > 0 else 0.25
        return theta
