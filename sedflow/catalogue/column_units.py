"""Units of the columns of results, which Parquet holds beside each column, and CSV does not."""

from collections.abc import Iterable
from typing import Any

from sedflow.model.derived import unit_of_column

#: Columns that together only results of this program have.
_OF_RESULTS = frozenset({"status", "verdict", "reason", "n_band", "k_hat"})


def are_results(names: Iterable[str]) -> bool:
    """Whether columns of these names are results of this program, whichever file held them.

    Fluxes and errors must follow their pulls as results have them, and be all there are: beside
    those of another table that was joined to results, a flux may have the unit of that table.
    """
    names = list(names)
    bands = [name.removeprefix("pull_") for name in names if name.startswith("pull_")]
    if not (bands and _OF_RESULTS.issubset(names)):
        return False
    fluxes = [f"{what}_{band}" for band in bands for what in ("flux", "sigma")]
    own = [f"pull_{band}" for band in bands] + fluxes
    start = names.index(own[0])
    return names[start : start + len(own)] == own and fluxes == [
        name for name in names if name.startswith(("flux", "sigma"))
    ]


def unit_of_result(name: str) -> str:
    """Unit of a column of results; "" where it has none.

    >>> unit_of_result("flux_u"), unit_of_result("log_mstar_p50"), unit_of_result("id")
    ('nanomaggies', 'dex(Msun)', '')
    """
    flux = name.startswith(("flux_", "sigma_"))
    return "nanomaggies" if flux else unit_of_column(name)


def with_units(table: Any) -> Any:
    """An Arrow table with the unit of each column in its metadata, where it has one.

    Quantities and their quantiles have theirs, fluxes and errors nanomaggies.

    >>> import pyarrow as pa
    >>> schema = with_units(pa.table({"log_mstar_p50": [10.0], "flux_u": [5.0], "id": [1]})).schema
    >>> [field.metadata for field in schema]
    [{b'unit': b'dex(Msun)'}, {b'unit': b'nanomaggies'}, None]
    """
    import pyarrow as pa

    fields = [_field(field) for field in table.schema]
    schema = pa.schema(fields, metadata=table.schema.metadata)
    return pa.Table.from_arrays(table.columns, schema=schema)


def _field(field):
    unit = unit_of_result(field.name)
    return field.with_metadata({"unit": unit}) if unit else field
