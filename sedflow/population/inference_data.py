"""A population in ArviZ."""

from typing import Any

import numpy as np

from sedflow import __version__
from sedflow.errors import needs
from sedflow.population import tables


def inference_data(population: Any) -> Any:
    """The draws of the density as `arviz.InferenceData`, as `Population.to_inference_data` says."""
    arviz = needs("arviz", what="to_inference_data")

    names, centres, edges = population.names, population.centres, population.edges
    shares = population.fitted.draws.reshape(-1, *population.area.shape)
    posterior = {"density": shares / population.area}
    for name, mean, spread in tables.moment_draws(names, shares, edges):
        posterior |= {f"mean_{name}": mean, f"sd_{name}": spread}
    cells = list(names)
    coords: dict[str, Any] = dict(zip(names, centres, strict=True))
    dims = {"density": cells}
    constant = {
        "prior_density": population.prior_density,
        "medians_density": population.medians(),
        "stack_density": population.stack(),
    }
    dims |= dict.fromkeys(constant, cells)
    for name, edge in zip(names, edges, strict=True):
        constant[f"edges_{name}"] = edge
        dims[f"edges_{name}"] = [f"edge_{name}"]
    if not population.is_streamed:
        ids = population.ids
        coords["galaxy"] = ids.astype(str) if ids.dtype == object else ids
    each = {"redshift": population.redshift, "effective_draws": population.effective_draws}
    if population.weights is not None:
        each["weight"] = population.weights
    constant |= each
    dims |= {key: ["galaxy"] for key in each}
    total, error = population.total
    about = {
        "title": repr(population).strip("<>"),
        "galaxies": len(population),
        "total": total,
        "total_error": error,
        "prior_error": float(population.prior_error),
        "converged": int(population.fitted.converged),
        "notes": " ".join(population.notes),
        "inference_library": "sedflow",
        "inference_library_version": __version__,
    }
    return arviz.from_dict(
        posterior={name: np.asarray(values)[None] for name, values in posterior.items()},
        constant_data=constant,
        coords=coords,
        dims=dims,
        attrs=about,
        posterior_attrs=about,
    )
