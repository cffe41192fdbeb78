"""A row of a run, recomputed: by the run's network, with the row's own seed."""

from sedflow.catalogue.infer import row_seed
from sedflow.catalogue.results import RunTable
from sedflow.catalogue.stored_row import stored_photometry
from sedflow.dashboard.answer import Answer, OwnGalaxy, Request
from sedflow.dashboard.engine import Engine
from sedflow.dashboard.large import refined
from sedflow.dashboard.panels.run_columns import ident
from sedflow.dashboard.server.visitors import whose
from sedflow.dashboard.server.work import beside, on_worker
from sedflow.errors import SedflowError
from sedflow.fits.fit import fit
from sedflow.network.weights import cached_posterior, packaged_weights

_QUICK = ("weights", "proposals")  # settings of a run whose steps take seconds


class Rerun:
    """Posteriors of a run's rows."""

    def __init__(self, table: RunTable, engine: Engine):
        self.table, self.engine = table, engine
        self._names: dict[int, tuple[str, OwnGalaxy]] = {}

    @property
    def quick(self) -> bool:
        """Whether all steps of the run take seconds, so that they can be repeated here."""
        return self.table.manifest["settings"]["trust"] in _QUICK

    def name(self, row: int | None) -> str:
        """The name on the engine of a row that was asked for; "" if it is not there."""
        name, galaxy = ("", None) if row is None else self._names.get(row, ("", None))
        return name if self.engine.own.get(name) is galaxy else ""

    def request(self, stored: dict) -> Request:
        """What asks for the posterior of a row; adds its galaxy to the engine."""
        manifest, row = self.table.manifest, stored["row"]
        galaxy = stored_photometry(stored, manifest["weights"]["bands"])
        name = f"{manifest['catalogue']['name']} {ident(stored)}"
        name = self.engine.added(self._names, row, name, OwnGalaxy(galaxy))
        settings = manifest["settings"]
        seed = row_seed(settings["seed"], ident(stored))
        return Request(name, settings["n"], seed, manifest["weights"]["name"])

    async def answer(self, request: Request) -> Answer:
        """The answer, if the network is the run's; when this visitor's turn has come."""
        await on_worker(self._check)(request)
        return await self.engine.ask(request, only=False)

    def _check(self, request):
        """Refuse a network that is not the run's."""
        stored = "what is stored is all that can be shown"
        try:
            network = self.engine.posterior(request.weights)
        except SedflowError:
            raise SedflowError(
                f"the run's network {request.weights} is not one of this version's "
                f"({', '.join(packaged_weights())}); {stored}"
            ) from None
        wanted = self.table.manifest["weights"]
        known = {"sha256": network.record["weights_sha256"], "record_sha256": network.record_sha256}
        if any(wanted.get(key, value) != value for key, value in known.items()):
            raise SedflowError(
                f"the network {request.weights} of this version is not the one that the run was "
                f"made with; {stored}"
            )

    async def repeat(self, answer: Answer) -> Answer:
        """The answer by all steps of the run, not the first alone; beside the server.

        Raises
        ------
        Superseded
            Another row is repeated now.
        """
        request, trust = answer.request, self.table.manifest["settings"]["trust"]
        better = await beside(_all_steps, latest=self)(
            self.engine.used(request),
            self.engine.posterior(request.weights) if not whose()[1] else request.weights,
            request.n,
            request.seed,
            trust,
        )
        return await refined(self.engine, answer, better, trust)


def _all_steps(galaxy, network, n, seed, trust):
    """The posterior by all steps; `network` is one, or the name of a packaged one."""
    posterior = cached_posterior(network) if isinstance(network, str) else network
    return fit(galaxy, posterior, n=n, seed=seed, trust=trust)
