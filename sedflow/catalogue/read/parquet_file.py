"""A Parquet file, of which no more is decoded than its footer and its dictionaries allow.

Parquet packs well: a million equal rows take a few bytes, and a text of megabytes is stored once
and meant by every row. So sizes are taken from the footer, the texts of a dictionary are looked
at before they are handed out to rows, and rows are decoded a batch at a time.
"""

from functools import cached_property

from sedflow.catalogue.arrow import longest_list, longest_text
from sedflow.errors import SedflowError

_BATCH = 8192  # rows that are decoded at a time
_DELTA_BYTES = 2**28  # that a batch of text stored as differences may take
_LIMITS = {"thrift_string_size_limit": 10**8, "thrift_container_size_limit": 10**6}
_ENCODED = {"PLAIN", "RLE", "BIT_PACKED", "PLAIN_DICTIONARY", "RLE_DICTIONARY"}


class ParquetFile:
    """One open file, by its path or its bytes.

    schema : Arrow schema
    group_rows : rows of each row group

    Raises
    ------
    SedflowError
        Its footer disagrees with itself, or says that columns are in another file.
    """

    def __init__(self, place, name: str):
        self.place, self.name = place, name
        self._file = self._open()
        self.schema, about = self._file.schema_arrow, self._file.metadata
        self._about = [about.row_group(k) for k in range(about.num_row_groups)]
        self.group_rows = [group.num_rows for group in self._about]
        try:
            self._check(about)
        except SedflowError:
            self._file.close()
            raise

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._file.close()
        if "_coded" in self.__dict__:
            self._coded.close()

    @property
    def flat_names(self) -> list[str]:
        """Columns of single values, or of lists of numbers; other lists are not read."""
        import pyarrow as pa

        def flat(kind):
            return not (pa.types.is_nested(kind) or pa.types.is_run_end_encoded(kind))

        def numbers(kind):
            return (
                pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_boolean(kind)
            )

        def is_list(kind):
            return (
                pa.types.is_list(kind)
                or pa.types.is_large_list(kind)
                or pa.types.is_fixed_size_list(kind)
            )

        return [
            field.name
            for field in self.schema
            if flat(field.type) or (is_list(field.type) and numbers(field.type.value_type))
        ]

    def decoded(self, group, names, rows, bounds) -> int:
        """Bytes that this many rows of a row group take, by the footer; text stays encoded."""
        wanted, total = set(names), 0
        about = self._about[group]
        for k in range(about.num_columns):
            chunk, column = about.column(k), self._file.schema.column(k)
            base = column.path.split(".")[0]
            if base not in wanted:
                continue
            values = rows
            if column.max_repetition_level:  # one row may hold the values of all
                bounds.check_vector(chunk.num_values // about.num_rows, self.name, base)
                values = chunk.num_values
            if column.physical_type == "FIXED_LEN_BYTE_ARRAY":
                bounds.check_text(column.length, self.name, base)
                total += values * column.length
            elif column.physical_type == "BYTE_ARRAY":
                total += 8 * values + chunk.total_uncompressed_size
            else:
                total += 8 * values
        return total

    def rows(self, group, names, low, high, bounds) -> list:
        """Record batches of rows low to high of a row group; decodes a batch more at most."""
        texts = [name for name in self._texts if name in names]
        file = self._file
        if texts:
            first = next(self._coded.iter_batches(1, row_groups=[group], columns=texts))
            longest = self._longest(first, bounds)
            if longest * (high - low) > bounds.decoded:
                file = self._coded
        size = min(_BATCH, high, _DELTA_BYTES // max(self._delta_bytes(group, names), 1))
        at, out = 0, []
        options = {"row_groups": [group], "columns": list(names), "use_threads": False}
        for batch in file.iter_batches(max(size, 1), **options):
            begin, end = max(low - at, 0), min(high - at, batch.num_rows)
            self._longest(batch, bounds)
            if begin < end:
                out.append(batch.slice(begin, end - begin))
            at += batch.num_rows
            if at >= high:
                break
        return out

    def _longest(self, batch, bounds):
        """Bytes of the longest text of a batch, its dictionaries included."""
        longest = 0
        for name, column in zip(batch.schema.names, batch.columns, strict=True):
            n = longest_text(column)
            bounds.check_text(n, self.name, name)
            bounds.check_vector(longest_list(column), self.name, name)
            longest = max(longest, n)
        return longest

    @cached_property
    def _coded(self):
        """The same file, text as codes of a dictionary, of which each value is held once."""
        return self._open(read_dictionary=self._texts)

    @cached_property
    def _texts(self):
        """Columns of text that can be read as codes."""
        return [
            column.path
            for k, column in enumerate(map(self._file.schema.column, range(self._n_columns)))
            if column.physical_type == "BYTE_ARRAY"
            and column.max_repetition_level == 0
            and all(set(group.column(k).encodings) <= _ENCODED for group in self._about)
        ]

    @property
    def _n_columns(self):
        return len(self._file.schema)

    def _delta_bytes(self, group, names):
        """Bytes of the largest text stored as differences: each row may be as long as that."""
        about = self._about[group]
        chunks = [about.column(k) for k in range(about.num_columns)]
        return max(
            (
                chunk.total_uncompressed_size
                for chunk in chunks
                if chunk.path_in_schema.split(".")[0] in names
                and chunk.physical_type == "BYTE_ARRAY"
                and not set(chunk.encodings) <= _ENCODED
            ),
            default=0,
        )

    def _open(self, **options):
        import pyarrow as pa
        import pyarrow.parquet as pq

        place = pa.BufferReader(self.place) if isinstance(self.place, bytes) else self.place
        return pq.ParquetFile(place, **_LIMITS, **options)

    def _check(self, about):
        if min(self.group_rows, default=0) < 0 or sum(self.group_rows) != about.num_rows:
            raise SedflowError(
                f"{self.name} has {about.num_rows:,} rows by its footer, but its row groups have "
                f"{sum(self.group_rows):,}; write it again"
            )
        for group in self._about:
            for k in range(group.num_columns):
                if group.column(k).file_path:
                    raise SedflowError(
                        f"{self.name} keeps the column {group.column(k).path_in_schema[:40]!r} in "
                        f"another file ({group.column(k).file_path[:60]!r}), which is not opened; "
                        "write it again as one file"
                    )
