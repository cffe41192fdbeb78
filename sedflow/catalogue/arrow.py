"""Columns of Arrow as plain arrays, and how long what they hold is before it is decoded."""

import numpy as np


def from_arrow(column):
    """An Arrow column as an array: masked where null, 2-D where it holds lists of one length."""
    import pyarrow as pa
    import pyarrow.compute as pc
    from astropy.table import MaskedColumn

    chunked = isinstance(column, pa.ChunkedArray)
    if chunked and column.num_chunks > 1 and pa.types.is_dictionary(column.type):
        pieces = [from_arrow(chunk) for chunk in column.chunks]
        masked = any(isinstance(piece, np.ma.MaskedArray) for piece in pieces)
        return (np.ma if masked else np).concatenate(pieces)
    if chunked:
        column = column.combine_chunks()
    if isinstance(column, pa.ChunkedArray):
        column = column.chunk(0) if column.num_chunks else pa.array([], column.type)
    kind = column.type
    if pa.types.is_dictionary(kind):  # each value is decoded once, however often it is meant
        values = from_arrow(column.dictionary)
        if values.dtype != object:
            return from_arrow(column.dictionary_decode())
        values = np.array([*values, None], dtype=object)
        return values[column.indices.fill_null(len(values) - 1).to_numpy(zero_copy_only=False)]
    if pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind):
        length = pc.fill_null(pc.list_value_length(column), 0)  # of fixed lists, too
        widths = [n for n in pc.unique(length).to_pylist() if n]
        if not len(column) or len(widths) > 1:  # of no use, and perhaps very many numbers
            return np.full(len(column), "a list of any length", dtype=object)
        if not widths:  # a part of a table without any
            return np.full(len(column), None, dtype=object)
        there = length.to_numpy(zero_copy_only=False) > 0
        numbers = pc.list_flatten(column).cast(pa.float64(), safe=False)
        out = np.full((len(column), widths[0]), np.nan)
        out[there] = numbers.to_numpy(zero_copy_only=False).reshape(-1, widths[0])
        return out
    if pa.types.is_integer(kind) or pa.types.is_boolean(kind):
        mask = column.is_null().to_numpy(zero_copy_only=False)
        values = pc.fill_null(column, False if pa.types.is_boolean(kind) else 0)
        values = values.to_numpy(zero_copy_only=False)
        return MaskedColumn(values, mask=mask) if mask.any() else values
    if pa.types.is_floating(kind):
        return column.to_numpy(zero_copy_only=False)
    return np.array([*column.to_pylist(), None], dtype=object)[:-1]


def longest_list(column) -> int:
    """Values of the longest list of an Arrow array; 0 where it has none."""
    import pyarrow as pa
    import pyarrow.compute as pc

    is_ = pa.types
    if not (is_.is_list(column.type) or is_.is_large_list(column.type)):
        return column.type.list_size if is_.is_fixed_size_list(column.type) else 0
    return pc.max(pc.list_value_length(column)).as_py() or 0


def longest_text(column) -> int:
    """Bytes of the longest text of an Arrow array, of which nothing is decoded."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if pa.types.is_dictionary(column.type):
        column = column.dictionary
    kind, is_ = column.type, pa.types
    text = is_.is_string(kind) or is_.is_large_string(kind) or is_.is_binary(kind)
    if not len(column) or not (text or is_.is_large_binary(kind)):
        return 0
    return pc.max(pc.binary_length(column)).as_py() or 0
