"""Large files of a survey, fetched once into a cache and kept whole.

A file is written under another name and renamed when it is complete and found sound. When it is
asked for again it is held to its receipt, and fetched again where it is not the same. One that
breaks off goes on where it was, if the server still has the same file (Range and If-Range);
a lock lets one process at a time fetch, while others wait and then find the file there. Beside
it stands a receipt (NAME.json): address, size, ETag and SHA-256 of what came.

urllib of the standard library does it: pooch has hashes and a cache, but starts again when a
download breaks off, and these files take an hour.
"""

import http.client
import json
import os
import shutil
import time
import urllib.error
import urllib.request
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

from sedflow.errors import DownloadFailed
from sedflow.files import hashes

_PIECE = 1 << 20
_LONGEST_NAME = 200  # bytes; a file system takes 255, and .part.json.new is added
_TRIES = 6  # in a row without a byte gained
_TIMEOUT = 60.0  # seconds without a byte
_RETRY = frozenset({408, 425, 429, 500, 502, 503, 504})


def cache_dir() -> Path:
    """Folder of downloaded files: $SEDFLOW_CACHE, or the one that the system has for such."""
    from platformdirs import user_cache_path

    chosen = os.environ.get("SEDFLOW_CACHE")
    return Path(chosen).expanduser() if chosen else user_cache_path("sedflow", appauthor=False)


def download(
    url: str,
    folder=None,
    *,
    sha256: str | None = None,
    check=None,
    progress=None,
    patience: float = 1.0,
) -> Path:
    """Path of the file at an address, fetched unless it is there already.

    A file of that name that came from another address is fetched again, unless it has the
    published hash.

    Parameters
    ----------
    url : str
    folder : path, optional
        Default `cache_dir()`.
    sha256 : str, optional
        Published hash; what comes and does not match is refused and deleted, and a file that is
        there and does not match is fetched again.
    check : callable, optional
        Called with the path of the complete file before it gets its name; raises OSError or
        ValueError where the file is not sound.
    progress : callable, optional
        Called as progress(done, total) [bytes]; total is None where the server does not say.
    patience : float
        Seconds before the second try; doubled with each.

    Raises
    ------
    DownloadFailed
        No such address, no connection after several tries, no room on the disk, or a file that is
        not sound.
    """
    from filelock import FileLock

    folder = cache_dir() if folder is None else Path(folder)
    name = _file_name(url)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with FileLock(folder / f".{name}.lock"):
            path = folder / name
            if path.is_file() and _sound(path, url, sha256, check):
                return path
            return _Fetch(url, path, sha256, check, progress, patience).run()
    except OSError as error:  # of the folder, the lock, or a full disk
        raise DownloadFailed(
            f"cannot write to {folder} ({error.strerror or error}); free some room, or choose "
            "another folder with SEDFLOW_CACHE"
        ) from None


def _file_name(url):
    """Name of the file at an address; `DownloadFailed` where it is not the address of one."""
    try:
        parts = urlsplit(url)
        good = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except (TypeError, ValueError, AttributeError) as error:  # "port out of range", for one
        raise DownloadFailed(
            f"{str(url)[:200]} is not an address ({error}); give one such as "
            "https://HOST/nsa_v1_0_1.fits"
        ) from None
    if not good:
        raise DownloadFailed(
            f"{str(url)[:200]} is not an http address; give one such as "
            "https://HOST/nsa_v1_0_1.fits"
        )
    name = Path(parts.path).name
    if not name or len(name.encode()) > _LONGEST_NAME:
        raise DownloadFailed(f"{url[:200]} names no file, or one too long; give another address")
    return name


def verify(path) -> str:
    """SHA-256 of a downloaded file, if it is the one in its receipt.

    Raises
    ------
    DownloadFailed
        It has changed since it was downloaded, or has no receipt.
    """
    path = Path(path)
    expected, found = _receipt(path).get("sha256"), hashes.sha256(path)
    if expected is None:
        raise DownloadFailed(
            f"{path} has no receipt {path.name}.json of its download, so nothing to compare with; "
            "delete it and download it again"
        )
    if found != expected:
        raise DownloadFailed(
            f"{path} has changed since it was downloaded (sha256 {found[:12]}... instead of "
            f"{expected[:12]}...); delete it and download it again"
        )
    return found


def _sound(path, url, sha256, check):
    """Whether a file that is there already is whole; one without a receipt came by hand."""
    receipt = _receipt(path)
    if receipt:
        found = hashes.sha256(path)
        here = receipt.get("url") == url if sha256 is None else found == sha256
        return (
            here and receipt.get("size") == path.stat().st_size and receipt.get("sha256") == found
        )
    if sha256 is not None and hashes.sha256(path) != sha256:
        return False
    try:
        if check is not None:
            check(path)
    except (OSError, ValueError):
        return False
    return True


class _Fetch:
    """One download: NAME.part grows, NAME.part.json says which file it is the beginning of."""

    def __init__(self, url, path, sha256, check, progress, patience):
        self.url, self.path, self.sha256 = url, path, sha256
        self.check, self.progress, self.patience = check, progress, patience
        self.part = path.with_name(f"{path.name}.part")
        self.about = path.with_name(f"{path.name}.part.json")
        self.total = self.tag = None

    def run(self):
        failures, before = 0, self._have()
        while True:
            try:
                if self._piece():
                    break
                trouble = "the connection closed early"
            except urllib.error.HTTPError as error:
                error.close()
                if error.code not in _RETRY:
                    raise DownloadFailed(
                        f"{self.url} answers {error.code} {error.reason}; check the address, or "
                        "download the file by hand and give its path"
                    ) from None
                trouble = f"the server answers {error.code} {error.reason}"
            except (http.client.HTTPException, ConnectionError, TimeoutError) as error:
                trouble = f"{type(error).__name__}: {error}"
            except urllib.error.URLError as error:
                trouble = str(error.reason)
            have = self._have()
            failures = 0 if have > before else failures + 1
            before = have
            if failures >= _TRIES:
                raise DownloadFailed(
                    f"{self.url} could not be downloaded after {_TRIES} tries ({trouble}); "
                    f"{have:,} bytes are kept, and the next download goes on from there"
                )
            time.sleep(self.patience * 2 ** max(failures - 1, 0))
        return self._finish()

    def _have(self):
        return self.part.stat().st_size if self.part.exists() else 0

    def _piece(self):
        """One request; whether the file is complete after it."""
        have, request = self._have(), urllib.request.Request(self.url)
        about = _load(self.about)
        if self.sha256 is None and about.get("url", self.url) != self.url:  # perhaps another file
            self.part.unlink(missing_ok=True)
            self.about.unlink(missing_ok=True)
            have, about = 0, {}
        tag = self.tag = about.get("tag")
        if have and have == about.get("size"):  # the last run ended between two steps
            return True
        # Some servers would pack the file on the way, and bytes could not be counted.
        request.add_header("Accept-Encoding", "identity")
        if have and tag:
            request.add_header("Range", f"bytes={have}-")
            request.add_header("If-Range", tag)
        try:
            reply = urllib.request.urlopen(request, timeout=_TIMEOUT)
        except urllib.error.HTTPError as error:
            if error.code != 416:  # the part is as long as the file, or longer
                raise
            error.close()
            self.part.unlink()
            return False
        with reply:
            length = reply.headers.get("Content-Length")
            length = int(length) if length and length.isdigit() else None
            start, self.total = _range(reply) if reply.status == 206 else (0, length)
            if start != have and start != 0:
                raise http.client.HTTPException(f"asked for byte {have}, got byte {start}")
            # A weak ETag does not promise the same bytes.
            tag = reply.headers.get("ETag") or reply.headers.get("Last-Modified")
            self.tag = None if not tag or tag.startswith("W/") else tag
            if start == 0:
                _save(self.about, {"url": self.url, "tag": self.tag, "size": self.total})
            self._room(start)
            with open(self.part, "r+b" if start else "wb") as file:
                file.seek(start)
                done = start
                while piece := _read(reply):
                    file.write(piece)
                    done += len(piece)
                    if self.progress:
                        self.progress(done, self.total)
        return self.total is None or done == self.total

    def _room(self, start):
        if self.total is None:
            return
        free = shutil.disk_usage(self.part.parent).free
        if free < self.total - start:
            needed = self.total - start
            raise DownloadFailed(
                f"{self.path.name} needs {needed / 1e9:.2f} GB more, but {free / 1e9:.2f} GB are "
                f"free in {self.part.parent}; choose another folder with SEDFLOW_CACHE"
            )

    def _finish(self):
        found = hashes.sha256(self.part)
        try:
            if self.sha256 is not None and found != self.sha256:
                raise ValueError(f"its sha256 is {found}, but {self.sha256} was published")
            if self.check is not None:
                self.check(self.part)
        except (OSError, ValueError) as error:
            self.part.unlink()
            self.about.unlink(missing_ok=True)
            raise DownloadFailed(
                f"what came from {self.url} is not sound: {error}; download it again"
            ) from None
        with open(self.part, "rb") as file:
            os.fsync(file.fileno())
        _save(
            _receipt_path(self.path),
            {
                "url": self.url,
                "size": self.part.stat().st_size,
                "etag": self.tag,
                "sha256": found,
                "published_sha256": self.sha256,
                "downloaded": datetime.now(UTC).isoformat(timespec="seconds"),
            },
        )
        os.replace(self.part, self.path)
        self.about.unlink(missing_ok=True)
        return self.path


def _read(reply):
    try:
        return reply.read(_PIECE)
    except OSError as error:  # of the line, not of the disk
        raise ConnectionError(str(error)) from None


def _range(reply):
    """First byte and total size of a partial answer, "bytes 100-199/200"."""
    unit, _, rest = reply.headers.get("Content-Range", "").partition(" ")
    span, _, total = rest.partition("/")
    first = span.split("-")[0]
    if unit != "bytes" or not first.isdigit():
        raise http.client.HTTPException(f"odd Content-Range {reply.headers.get('Content-Range')!r}")
    return int(first), int(total) if total.isdigit() else None


def _receipt_path(path):
    return path.with_name(f"{path.name}.json")


def _receipt(path):
    return _load(_receipt_path(path))


def _load(path):
    try:
        found = json.loads(path.read_text())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _save(path, document):
    new = path.with_name(f"{path.name}.new")
    new.write_text(json.dumps(document, indent=1) + "\n")
    os.replace(new, path)
