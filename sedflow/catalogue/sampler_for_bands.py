"""Which sampler a table's bands go through: the network, or MCMC where it knows none of them."""

from dataclasses import replace

from sedflow.catalogue.mapping import ColumnMap
from sedflow.errors import UnknownBand
from sedflow.sampling.mcmc import MCMCSampler

__all__ = ["Chains", "cost", "left_aside", "sampler_for", "usable"]

_SECONDS = 12  # of MCMC for a galaxy on one core, at the median (docs/benchmarks.md)


class Chains(MCMCSampler):
    """MCMC in the bands of a table."""

    def __init__(self, bands, model, prior):
        super().__init__(model=model, prior=prior, doublings=1)
        self.bands = tuple(bands)


def usable(mapping: ColumnMap, posterior, trust: str = "weights") -> ColumnMap:
    """The mapping in the bands that can be used: the network's, or all if it knows none of them.

    Raises
    ------
    UnknownBand
        The network knows none, and `trust` does not allow MCMC.
    """
    if set(mapping.bands) & set(posterior.bands):
        other = [band for band in mapping.bands if band not in posterior.bands]
        used = mapping.select(posterior.bands)
        return replace(used, notes=used.notes + left_aside(other, posterior.name))
    if trust != "auto":
        raise UnknownBand(
            f"the table has {', '.join(mapping.bands)}, but the network {posterior.name} was "
            f"trained on {', '.join(posterior.bands)}; choose another network, train one in these "
            f"bands, or use trust='auto' (--trust auto): MCMC, about {_SECONDS} s a galaxy"
        )
    return mapping


def left_aside(bands, network: str) -> tuple[str, ...]:
    """A sentence on bands that a network does not know beside those that it does; none if none.

    >>> left_aside(["W1"], "nsa-ugriz-fsps")
    ('ignored, as nsa-ugriz-fsps was not trained on them: W1',)
    """
    return (f"ignored, as {network} was not trained on them: {', '.join(bands)}",) if bands else ()


def sampler_for(mapping: ColumnMap, posterior):
    """The network, or MCMC on its model and prior where it knows none of the bands."""
    if set(mapping.bands) & set(posterior.bands):
        return posterior
    return Chains(mapping.bands, posterior.model, posterior.prior)


def cost(mapping: ColumnMap, posterior, rows: int, workers: int = 1) -> str:
    """What MCMC for these rows will take, in a sentence; "" if the network does it."""
    if set(mapping.bands) & set(posterior.bands):
        return ""
    hours = rows * _SECONDS / 3600 / max(workers, 1)
    return (
        f"{posterior.name} knows none of {', '.join(mapping.bands)}: each galaxy goes through "
        f"MCMC, about {_SECONDS} s each, {hours:,.1f} hours for {rows:,} rows on {workers} "
        f"core{'s' * (workers != 1)}"
    )
