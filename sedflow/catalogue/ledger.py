"""The ledger of a catalogue run: which files it has written, and whether they are still those.

    OUT/files.jsonl     a line for each finished partition: rows, first and last ID, the hash
                        of OUT/input.parquet, and the bytes and SHA-256 of its
                        files; each line with a hash of its own

A line is added when the files of a partition are in place, by the one process that leads the
run. A process that is killed while it writes leaves half a line, which does not count; a
partition without a line is not finished. Lines that take others back come later in the file.
"""

import json
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from sedflow.catalogue.documents import ENTRY, PART
from sedflow.errors import SedflowError
from sedflow.files.documents import checked, parsed
from sedflow.files.hashes import opened, sealed, sha256, stamp
from sedflow.files.regular import read_regular
from sedflow.files.writing import replacing

NAME = "files.jsonl"
_READERS = 2  # threads that hash; hashlib lets others go on meanwhile
_LONGEST = 2**30  # bytes of a ledger; a million partitions take two thirds of that
#: Files whose hash was right in this process: path -> stamp. A changed file has another stamp.
_SOUND: dict[str, tuple] = {}


def result_files(out, kind: str = "results") -> list[Path]:
    """The partitions of a run that are there, in the input's order; kind: "results", "draws"."""
    return sorted((Path(out) / kind).glob("part-*.parquet"))


def part_name(number: int) -> str:
    """Name of a partition's files."""
    return f"part-{number:06d}.parquet"


def _is_part(path, parts):
    """Whether a file has the name of one of the partitions 0 to parts - 1."""
    number = path.stem.removeprefix("part-")
    known = number.isascii() and number.isdigit() and len(number) < 12
    return known and int(number) < parts and path.name == part_name(int(number))


def some(items, between: str = ", ") -> str:
    """The first of many, and how many more there are."""
    more = f"{between}and {len(items) - 3:,} more" if len(items) > 3 else ""
    return between.join(items[:3]) + more


class Ledger:
    """The finished partitions of a run.

    Parameters
    ----------
    out : path
        Folder of the run.
    run : str
        Hash of the run; lines of others do not count.

    Attributes
    ----------
    entries : dict of number -> what is written of a partition
    wrong : number of lines that are damaged or belong to another run
    """

    def __init__(self, out, run: str):
        self.out, self.run, self.path = Path(out), run, Path(out) / NAME
        self.entries: dict = {}
        self.wrong, self.size = 0, 0
        try:
            content = read_regular(self.path, _LONGEST)
        except FileNotFoundError:
            content = b""
        except OSError as error:
            raise SedflowError(
                f"cannot read {self.path}: {error.strerror or error}; check its permissions"
            ) from None
        self.size = len(content)
        *lines, rest = content.split(b"\n")
        self._torn = bool(rest)
        for line in lines:
            try:
                self._take(opened(checked(parsed(line), ENTRY)))
            except (ValueError, KeyError, TypeError):
                self.wrong += 1

    def _take(self, entry):
        if entry["run"] != self.run:
            raise ValueError("another run's")
        if not {"part", "copy", "back"} & set(entry):  # copy: of formats 2 and 3
            raise ValueError("of no kind")
        for number in entry.get("back", ()):
            self.entries.pop(number, None)
        if "part" in entry:
            self.entries[entry["part"]] = checked(entry, PART)

    # To write

    def tidy(self) -> None:
        """Rewrite a ledger that ends in half a line, or has wrong lines."""
        if not (self._torn or self.wrong):
            return
        content = b"".join(self._line(entry) for entry in self.entries.values())
        with replacing(self.path) as temporary:
            temporary.write_bytes(content)
        self.size, self._torn, self.wrong = len(content), False, 0

    def add(self, entry: dict) -> None:
        """Write a line; it is on the disk when this returns."""
        line = self._line(entry)
        there = self.path.stat().st_size if self.path.exists() else 0
        if there != self.size:
            raise SedflowError(
                f"{self.path} was removed or changed while the run went on; let the folder be, and "
                "run again: what it does not vouch for is recomputed"
            )
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
        with open(os.open(self.path, flags, 0o644), "ab") as file:
            file.write(line)
            file.flush()
            os.fsync(file.fileno())
        self.size += len(line)
        self._take({**entry, "run": self.run})

    def _line(self, entry):
        return json.dumps(sealed({**entry, "run": self.run})).encode() + b"\n"

    # To compare

    def strangers(self, parts: int, kinds=("results", "draws")) -> list[str]:
        """Files that look like partitions, but do not belong to this run of `parts`."""
        return [
            f"{kind}/{path.name}"
            for kind in kinds
            for path in result_files(self.out, kind)
            if not _is_part(path, parts)
        ]

    def faults(self, kinds=("results", "draws"), hashed=("results", "draws")) -> dict[int, str]:
        """What is wrong with the files of finished partitions, in words, by their number.

        kinds : of files that are looked at; hashed : of those, which are read from end to end
        """
        tasks = [
            (number, f"{kind}/{part_name(number)}", about, kind in hashed)
            for number, entry in sorted(self.entries.items())
            for kind, about in entry["files"].items()
            if kind in kinds
        ]
        with ThreadPoolExecutor(_READERS) as pool:
            found = list(pool.map(lambda task: self._fault(*task[1:]), tasks))
        out = {}
        for (number, *_), fault in zip(tasks, found, strict=True):
            if fault and number not in out:
                out[number] = fault
        return out

    def _fault(self, name, about, hashed):
        path = self.out / name
        try:
            now = stamp(path)
            if now[0] != about["bytes"]:
                return f"{name} has {now[0]:,} bytes, where {about['bytes']:,} were written"
            if not hashed or _SOUND.get(str(path)) == (now, about["sha256"]):
                return None
            digest = sha256(path)
        except FileNotFoundError:
            return f"{name} is gone"
        except OSError as error:
            return f"{name} cannot be read ({error.strerror or 'it is not a regular file'})"
        if digest != about["sha256"]:
            return f"{name} is not what was written (its SHA-256 is another)"
        _SOUND[str(path)] = now, about["sha256"]
        return None
