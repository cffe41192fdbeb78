"""What legends and sentences call a sampler, whose own name is short."""

_TITLES = {"smc": "MCMC by tempered populations", "emcee": "MCMC by emcee", "zeus": "MCMC by zeus"}


def sampler_title(name: str) -> str:
    """The title of a sampler; a network is called by its name.

    >>> sampler_title("smc"), sampler_title("nsa-ugriz-fsps")
    ('MCMC by tempered populations', 'nsa-ugriz-fsps')
    """
    return _TITLES.get(name, name)
