"""Units of the columns of results, which Parquet holds beside each column, and CSV does not."""

from typing import Any

from sedflow.model.derived import unit_of_column


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
