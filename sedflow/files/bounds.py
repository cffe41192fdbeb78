"""How much any file may ask of a reader: one name for each bound.

A file of a kilobyte can claim a billion rows, or decode to all of the memory there is. Readers
hold what its headers and footers say against these bounds before they decode anything.
"""

from dataclasses import dataclass

from sedflow.errors import SedflowError

HEADER_BYTES = 2_000_000  # of the YAML in front of an ECSV table; 5,000 columns take a quarter
MAPPING_BYTES = 1_000_000  # of a mapping in TOML
FILTER_BYTES = 20_000_000  # of a filter curve; the largest of speclite has 0.3 MB
SSP_VALUES = 2**28  # of an SSP grid; those of FSPS have ten million


@dataclass(frozen=True)
class Bounds:
    """What a catalogue may hold.

    rows, columns : of the whole
    vector : numbers in a cell
    text : characters in a cell
    decoded : bytes that the rows of one part may take in memory
    unpacked : bytes that a compressed file may hold
    remedy : what to do about a catalogue with more
    """

    rows: int
    columns: int
    vector: int
    text: int
    decoded: int
    remedy: str
    unpacked: int = 10**9

    def check_rows(self, n, name) -> None:
        """Refuse a number of rows that is too large to be read."""
        if n > self.rows:
            raise SedflowError(
                f"{name} has {n:,} rows, where {self.rows:,} are read at most; {self.remedy}"
            )

    def check_columns(self, n, name) -> None:
        """Refuse more columns than a catalogue has; each costs all of its readers something."""
        if n > self.columns:
            raise SedflowError(
                f"{name} has {n:,} columns, where {self.columns:,} are read at most; leave out "
                "those that are not needed"
            )

    def check_vector(self, n, name, column="") -> None:
        """Refuse cells of too many numbers: what is needed here has one for each band."""
        if n > self.vector:
            which = f"the field {column!r}" if column else "a field"
            raise SedflowError(
                f"{name} has {which} of {n:,} values in a cell, where {self.vector:,} are read "
                "at most; leave it out"
            )

    def check_text(self, n, name, column) -> None:
        """Refuse a cell of too many characters."""
        if n > self.text:
            raise SedflowError(
                f"{name} has a cell of {n:,} characters in {column!r}, where {self.text:,} are "
                "read at most; leave the column out"
            )

    def check_unpacked(self, n, name) -> None:
        """Refuse to unpack more, whatever else a compressed file holds."""
        if n > self.unpacked:
            raise SedflowError(
                f"{name} holds more than {self.unpacked / 1e6:,.0f} MB once unpacked, where no "
                f"more is read; {self.remedy}, or unpack it first"
            )

    def check_decoded(self, n, name) -> None:
        """Refuse rows that would take too much memory once decoded."""
        if n > self.decoded:
            raise SedflowError(
                f"{name} takes {n / 1e6:,.0f} MB once decoded, where {self.decoded / 1e6:,.0f} MB "
                f"are read at a time; {self.remedy}"
            )


#: Of the library and the command line, which read a large catalogue in parts.
LIBRARY = Bounds(
    rows=10**9,
    columns=5000,
    vector=10_000,
    text=10_000,
    decoded=2**31,
    remedy="read it in parts (sedflow.catalogue.read.open.open_catalogue), or fewer of its columns",
)

#: Of an upload in the app.
APP = Bounds(
    rows=2_000_000,
    columns=1000,
    vector=10_000,
    text=1000,
    decoded=2**28,
    remedy="keep only the columns that are needed, or run `sedflow infer`",
    unpacked=10**8,
)
