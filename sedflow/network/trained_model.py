"""The forward model that a network was trained on, found by the record of the network."""

from pathlib import Path

from sedflow.errors import BadWeights, check_like
from sedflow.files.packaged import SSP_NAMES
from sedflow.model.sed import SEDModel, default_model


def trained_model(record: dict) -> SEDModel:
    """The model on the SSP grid of a record: a packaged one, or the user's own where it was then.

    Raises
    ------
    BadWeights
        That SSP grid is not here any more, or no longer the same.
    """
    name, ssp = record["name"], record["ssp"]
    if ssp["name"] in SSP_NAMES:
        model = default_model(ssp["name"])
    else:
        path = Path(record.get("training", {}).get("ssp", ""))
        if not path.is_file():
            raise BadWeights(
                f"{name} was trained on the SSP grid {ssp['name']!r} "
                f"({ssp['sha256'][:12]}...), which is neither packaged nor at "
                f"{path}; pass load_posterior(..., model=SEDModel(PATH))"
            )
        model = SEDModel(path)
    check_grid(record, model)
    return model


def check_grid(record: dict, model: SEDModel) -> None:
    """Refuse a model on another SSP grid than that of a network's record, with `BadWeights`."""
    check_like("model", model, "grid", "a sedflow.SEDModel", BadWeights)
    ssp, sha256 = record["ssp"], model.grid.sha256
    if not ssp["sha256"]:  # two grids without a hash are not one
        raise BadWeights(
            f"{record['name']} was trained on an SSP grid {ssp['name']!r} that has no sha256, so "
            "that no grid can be recognized as it; train with the grid in a file"
        )
    if sha256 != ssp["sha256"]:
        other = f"has {sha256[:12]}..." if sha256 else "is not as it was read from a file"
        raise BadWeights(
            f"{record['name']} was trained on an SSP grid {ssp['name']!r} of sha256 "
            f"{ssp['sha256'][:12]}..., but this one, {model.grid.name!r}, {other}; give the grid "
            "it was trained on, or train again"
        )
