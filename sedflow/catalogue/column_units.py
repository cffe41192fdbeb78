"""Units of the columns of results, which Parquet holds beside each column."""

from typing import Any

from sedflow.model.derived import unit_of_column


def with_units(table: Any) -> Any:
    """An Arrow table with the unit of each column in its metadata, where it has one.

    Quantities and their quantiles have theirs (`unit_of_column`), fluxes and errors nanomaggies.

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
    flux = field.name.startswith(("flux_", "sigma_"))
    unit = "nanomaggies" if flux else unit_of_column(field.name)
    return field.with_metadata({"unit": unit}) if unit else field
