"""VOTables, of which only those are parsed that hold all of their data themselves.

The format lets a table's data stand at an address, which the parser then opens: a file of this
machine, or a server that only this machine can reach. So each document is walked first, element
by element, by the same XML parser (expat), which decodes, and knows no addresses. It is
refused if it declares a document type or an entity, if an element other than LINK (which is for
people, and followed by nobody) refers to anything, or if what it claims to hold is too much.
"""

import math
import re
import warnings
from contextlib import contextmanager
from xml.parsers import expat

from sedflow.errors import SedflowError
from sedflow.files.bounds import LIBRARY
from sedflow.files.guard import reading
from sedflow.units import BLANK, is_parsable

_BLOCK = 1 << 16
_DEEPEST = 100  # elements inside one another; VOTable has a dozen
_ELSEWHERE = ("fits", "parquet", "include", "fallback")  # ways to hold data outside the document
#: Attributes that decide what is read; a prefix must not smuggle in a second one.
_DECISIVE = ("href", "src", "encoding", "nrows", "arraysize", "datatype", "ref")
#: Bytes of a value in memory; text is held as four bytes a character.
_BYTES = {
    "boolean": 1,
    "bit": 1,
    "unsignedbyte": 1,
    "short": 2,
    "int": 4,
    "long": 8,
    "char": 4,
    "unicodechar": 4,
    "float": 4,
    "double": 8,
    "floatcomplex": 8,
    "doublecomplex": 16,
}


def parse_votable(file, name):
    """The first table of a VOTable as an astropy Table; of a binary file that can be rewound.

    Raises
    ------
    SedflowError
        The document refers to something outside itself, or claims too much.
    """
    return _parsed(file, name, LIBRARY, lambda k: k == 0)[0][1]


def parse_votables(file, name, bounds=LIBRARY, only=None) -> list:
    """Names and astropy Tables of a VOTable, in its order; or just of the table number `only`."""
    return _parsed(file, name, bounds, lambda k: only in (None, k))


def _parsed(file, name, bounds, wanted):
    from astropy.io.votable import parse

    check_votable(file, name, bounds)
    file.seek(0)
    with reading(), _numbers_as_written(name):
        tables = list(parse(file, verify="warn").iter_tables())
        found = []
        for k, table in enumerate(tables):
            if wanted(k):
                _check_names(table, name)
                title = table.name or table.ID or f"table {k}"
                found.append((title, table.to_table(use_names_over_ids=True)))
    if not found:
        raise SedflowError(f"{name} is a VOTable without a table; give one with a TABLE")
    return found


def _check_names(table, name):
    """Refuse fields of one name, which the parser would rename."""
    names = [field.name for field in table.fields]
    again = next((n for n in names if names.count(n) > 1), None)
    if again is not None:
        raise SedflowError(
            f"{name} has the column {again[:40]!r} {names.count(again)} times; rename all but one"
        )


@contextmanager
def _numbers_as_written(name):
    """Refuse cells that the parser would make another number, or none, and only warn of."""
    from astropy.io.votable.exceptions import W30, W49, W51, conf

    def show(message, category, *args, **kwargs):
        if not issubclass(category, W30) or not _says_none(str(message)):
            raise message

    with warnings.catch_warnings(), conf.set_temp("max_warnings", 10**9):  # not only ten
        warnings.simplefilter("ignore")
        for kind in (W30, W49, W51):
            warnings.simplefilter("always", kind)
        warnings.showwarning = show
        try:
            yield
        except (W30, W49, W51) as problem:
            told = re.sub(r"^.*?[WE]\d\d: ", "", " ".join(str(problem).split()))[:200]
            raise SedflowError(
                f"{name} has a cell that is not a number of its field's type: {told}; correct the "
                "cell, or the datatype of its FIELD"
            ) from None


def _says_none(message):
    """Whether the text that is not a number is one that says that there is none."""
    found = re.search(r"'(.*?)'", message)
    return bool(found) and found[1].strip().lower() in BLANK


def check_votable(file, name, bounds=LIBRARY) -> None:
    """Refuse a document that refers to something outside itself, or claims too much."""
    walk = _Walk(name, bounds)
    parser = expat.ParserCreate()
    parser.SetParamEntityParsing(expat.XML_PARAM_ENTITY_PARSING_NEVER)
    parser.StartDoctypeDeclHandler = parser.EntityDeclHandler = walk.declaration
    parser.ExternalEntityRefHandler = parser.SkippedEntityHandler = walk.declaration
    parser.StartElementHandler, parser.EndElementHandler = walk.start, walk.end
    while block := file.read(_BLOCK):
        parser.Parse(block)
    parser.Parse(b"", True)
    walk.close_table()


def _local(name):
    """A name of an element or attribute without its namespace, in small letters."""
    return name.rpartition(":")[2].lower()


class _Walk:
    """What has been seen of a document."""

    def __init__(self, name, bounds):
        self.name, self.bounds, self.depth = name, bounds, 0
        self.fields = self.width = self.rows = self.row_bytes = 0
        self.claimed = 0

    def declaration(self, *args):
        raise SedflowError(
            f"{self.name} declares a document type or an entity (<!DOCTYPE ...>), which can stand "
            "for any file or address; take the declaration out"
        )

    def start(self, element, attributes):
        tag = _local(element)
        if tag == "tr":
            self.rows += 1
        if tag in ("tr", "td"):
            if not attributes:
                return
        else:
            self.depth += 1
            if self.depth > _DEEPEST:
                raise SedflowError(
                    f"{self.name} has elements nested {_DEEPEST} deep; write it "
                    "again as a plain VOTable"
                )
        local = {_local(key): value for key, value in attributes.items()}
        names = [_local(key) for key in attributes]
        if any(names.count(key) > 1 for key in _DECISIVE):
            raise SedflowError(
                f"{self.name} gives an attribute of {tag.upper()[:20]} twice; "
                "write it again as a plain VOTable"
            )
        self._refuse_references(tag, local)
        if not is_parsable(local.get("unit", "")):
            raise SedflowError(
                f"{self.name} has the unit {local['unit'][:40]!r}, which cannot be read; correct it"
            )
        if tag == "table":
            self.close_table()
            self.claimed = _whole(local.get("nrows"))
        elif tag == "field":
            self._field(local)

    def end(self, element):
        if _local(element) not in ("tr", "td"):
            self.depth -= 1

    def close_table(self):
        """Hold what the table before claims against the bounds."""
        rows = max(self.rows, self.claimed)
        self.bounds.check_rows(rows, self.name)
        self.bounds.check_decoded(rows * self.row_bytes, self.name)
        self.rows = self.claimed = self.fields = 0

    def _refuse_references(self, tag, local):
        if tag in _ELSEWHERE or (tag != "link" and any(key in local for key in ("href", "src"))):
            where = local.get("href") or local.get("src") or ""
            told = f" ({where[:60]!r})" if where else ""
            raise SedflowError(
                f"{self.name} refers to data elsewhere{told} in {tag.upper()[:20]}, which is not "
                "fetched; save the VOTable with its data inside (TABLEDATA or BINARY2)"
            )
        if tag == "stream" and local.get("encoding", "base64").lower() != "base64":
            raise SedflowError(
                f"{self.name} holds a stream in the encoding {local['encoding'][:20]!r}; save the "
                "VOTable as TABLEDATA, or in base64"
            )

    def _field(self, attributes):
        self.fields += 1
        self.bounds.check_columns(self.fields, self.name)
        size = attributes.get("arraysize", "1")
        numbers = math.prod(_whole(n) for n in re.findall(r"\d+", size)) if size else 1
        if numbers < 1 and "*" not in size:
            raise SedflowError(f"{self.name} has a field of no values; leave it out")
        self.bounds.check_vector(numbers, self.name, attributes.get("name", "")[:40])
        kind = attributes.get("datatype", "").lower()
        # Of all tables: one may take over the fields of another.
        self.row_bytes += numbers * (_BYTES.get(kind, 16) + 1)  # and its mask


def _whole(text):
    """A whole number of an attribute; what is none is the parser's to judge."""
    text = (text or "").strip()
    return int(text) if re.fullmatch(r"[0-9]{1,18}", text) else (10**18 if text.isdigit() else 0)
