"""The prior of each quantity alone, as curves beside a posterior's histograms."""

import numpy as np

from sedflow.errors import DamagedPackage
from sedflow.model.prior_curves import prior_density
from sedflow.network.posterior import AmortizedPosterior
from sedflow.parameters import BETAS, NAMES, PARAMETERS
from sedflow.site.atlas import plain
from sedflow.site.tables import packaged_table

_KNOTS = 65  # of a share's curve: straight lines between them are its parabola to 2e-4 of its peak


def prior_curves(posterior: AmortizedPosterior) -> dict:
    """Densities of the network's prior by quantity, linear between their points.

    parameters : name -> {x, density}, exact
    derived : name -> {x, density (n_redshift, n)} at each of `redshift`, from draws of the prior;
        what follows from the parameters depends on the age of the universe

    Raises
    ------
    DamagedPackage
        The packaged table is of another network.
    """
    table = packaged_table("prior.json")
    if table["record_sha256"] != posterior.record_sha256:
        raise DamagedPackage(
            f"the site's prior curves were made for another network than {posterior.name}; run "
            "tools/build_site_tables.py"
        )
    return {
        "parameters": {p.name: _exact(p, posterior.prior) for p in PARAMETERS},
        "redshift": table["redshift"],
        "derived": table["derived"],
    }


def _exact(parameter, prior):
    n = _KNOTS if parameter.name in NAMES[BETAS] else 2
    x = np.linspace(parameter.low, parameter.high, n)
    density = prior_density(parameter.name, x, prior)
    return {"x": x.tolist(), "density": plain(density, 6)}
