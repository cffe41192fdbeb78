"""While a reader runs: no socket, no other program, no file but its own.

Readers are other people's, and formats can name addresses and files. Each format's references
are refused before it is parsed; this is the second fence, for what nobody thought of. It sees what
Python itself opens (PEP 578); libraries in C that open files on their own it does not see.
"""

import os
import platform
import sys
import sysconfig
import threading
from contextlib import contextmanager
from pathlib import Path

from sedflow.errors import SedflowError

_REFUSED = (
    "socket.",
    "urllib.Request",
    "http.client.",
    "ftplib.",
    "smtplib.",
    "subprocess.Popen",
    "os.system",
    "os.exec",
    "os.posix_spawn",
    "os.spawn",
    "os.fork",
    "ctypes.dlopen",
    "webbrowser.open",
)
_HARMLESS = ("socket.gethostname", "socket.__new__")  # neither sends nor asks anything
_CODE = tuple(sysconfig.get_paths()[k] for k in ("stdlib", "platstdlib", "purelib", "platlib"))
#: Files that libraries read of themselves: their code and tables, and astropy's settings.
_OWN = tuple(
    os.path.realpath(p) + os.sep
    for p in {*_CODE, sys.prefix, str(Path(__file__).parents[1]), "/usr/share/zoneinfo"}
)
_SETTINGS = ("astropy.cfg",)
_SUFFIXES = (".py", ".pyc", ".so")  # modules that are first needed now

_here = threading.local()
_installed = threading.Lock()


@contextmanager
def reading(*paths):
    """Let this thread open these files and no others, and no connection.

    Raises
    ------
    SedflowError
        By whatever tries it.
    """
    if _installed.acquire(blocking=False):  # never given back: a hook stays
        platform.processor()  # h5py asks when it is loaded, and Python runs a program to answer
        sys.addaudithook(_watch)
    before = getattr(_here, "allowed", None)
    _here.allowed = {os.path.realpath(path) for path in paths}
    try:
        yield
    finally:
        _here.allowed = before


def _watch(event, args):
    allowed = getattr(_here, "allowed", None)
    if allowed is None:
        return
    if event == "open":
        _check_open(args[0], allowed)
    elif event.startswith(_REFUSED) and event not in _HARMLESS:
        raise SedflowError(
            f"the file makes its reader reach for something outside itself ({event}), which is "
            "not done; give a file that holds its data itself"
        )


def _check_open(path, allowed):
    if not isinstance(path, str | bytes | os.PathLike):
        return  # a file that is open already
    path = os.fsdecode(path)
    _here.allowed = None  # what follows may itself ask the file system
    try:
        real = os.path.realpath(path)
    finally:
        _here.allowed = allowed
    own = real.startswith(_OWN) or real.endswith(_SUFFIXES) or os.path.basename(real) in _SETTINGS
    if real not in allowed and not own:
        raise SedflowError(
            f"the file makes its reader open another ({real[:100]}), which is not done; give a "
            "file that holds its data itself"
        )
