"""Which sampler a table's bands go through: the network, or MCMC where it knows none of them."""

from dataclasses import replace

from sedflow.bands import BAND_ALIASES
from sedflow.catalogue.mapping import ColumnMap
from sedflow.errors import UnknownBand
from sedflow.sampling.mcmc import MCMCSampler

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
    mapping = in_names_of(mapping, posterior.bands)
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


def in_names_of(mapping, bands):
    """The mapping with bands called as the network calls the same curve: g, not sdss2010-g."""
    names = {BAND_ALIASES.get(band, band): band for band in bands}
    new = {
        name: name if name in bands else names.get(BAND_ALIASES.get(name, name), name)
        for name in mapping.bands
    }
    if len(set(new.values())) < len(new) or all(a == b for a, b in new.items()):
        return mapping
    by_name = frozenset(new[name] for name in mapping.by_name)
    return replace(
        mapping,
        bands={new[name]: band for name, band in mapping.bands.items()},
        by_name=by_name,
    )


def foreign_bands(mapping: ColumnMap, posterior, rows: int, name: str) -> str:
    """What becomes of bands that the network does not know, before a run; "" if it knows all.

    rows : how many there are; name : of the file
    """
    other = [band for band in mapping.bands if band not in posterior.bands]
    known = [band for band in mapping.bands if band in posterior.bands]
    if not other:
        return ""
    if known:
        return (
            f"Left out: {', '.join(other)}, which {posterior.name} was not trained on; the "
            f"posteriors are those of {', '.join(known)} alone. sedflow.fit uses all bands of a "
            f"galaxy, about {_SECONDS} s where that takes MCMC"
        )
    seconds = rows * _SECONDS
    time = f"{seconds} s" if seconds < 180 else f"{seconds / 60:,.0f} minutes"
    return (
        f"{posterior.name} knows none of {', '.join(other)}, so nothing is run here; choose "
        f"another network, or give these rows to MCMC with sedflow infer {name} -o OUT --trust "
        f"auto: about {_SECONDS} s a galaxy, {time} for {rows:,} rows on one core"
    )


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
