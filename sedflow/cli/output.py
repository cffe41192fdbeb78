"""What the commands share: failures in a sentence, notes and progress on stderr, figures."""

import errno
import os
import sys
from contextlib import contextmanager, suppress
from pathlib import Path

import click

from sedflow.errors import SedflowError, needs
from sedflow.files.writing import replacing

PATH = click.Path(path_type=Path)  # of what a command reads or writes
_FIGURES = (".png", ".pdf", ".svg")


class Group(click.Group):
    """Expected failures become one sentence on stderr and exit code 1."""

    def invoke(self, ctx):
        _write_anything()
        try:
            return super().invoke(ctx)
        except SedflowError as error:
            raise click.ClickException(shown(error)) from None
        except OSError as error:
            if error.errno == errno.EPIPE:  # whoever read has gone: click ends quietly
                raise
            _drop_output()
            raise click.ClickException(
                f"the output cannot be written ({error.strerror or error}); make room, or send it "
                "elsewhere"
            ) from None


def _write_anything():
    """Let a sign that the output's encoding lacks, as that of Windows lacks ☉, be a ?."""
    with suppress(OSError, ValueError, AttributeError):
        sys.stdout.reconfigure(errors="replace")


def _drop_output():
    """Let go of what could not be written, which Python would try again at its end."""
    with suppress(OSError, ValueError, AttributeError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def shown(text):
    """Text as a terminal may have it: signs that do not show are escaped, but for new lines.

    An ID of somebody's catalogue could clear the screen, or forge the lines of a result.
    """
    return "".join(c if c.isprintable() or c == "\n" else ascii(c)[1:-1] for c in str(text))


def echo(text="", err=False):
    """Print text that may hold names of others."""
    click.echo(shown(text), err=err)


def say(text):
    """A note on stderr, which may be full or closed: that must not stop the work."""
    with suppress(OSError, ValueError):
        echo(text, err=True)


class Quiet:
    """Stderr for a progress bar; what cannot be written is lost."""

    def write(self, text):
        with suppress(OSError, ValueError, AttributeError):
            return sys.stderr.write(text)
        return len(text)

    def flush(self):
        with suppress(OSError, ValueError, AttributeError):
            sys.stderr.flush()

    def isatty(self):
        with suppress(OSError, ValueError, AttributeError):
            return sys.stderr.isatty()
        return False

    def fileno(self):
        if sys.stderr is None:
            raise OSError("closed")
        return sys.stderr.fileno()


@contextmanager
def bar(unit, resumed=False):
    """A progress bar on stderr, as a callable of (done, total).

    resumed : whether the first call tells what was done before, which is not a measure of speed
    """
    from tqdm import tqdm

    with tqdm(unit=unit, unit_scale=unit == "B", file=Quiet()) as bar:

        def tell(done, total):
            nonlocal resumed
            bar.total = total
            if resumed:
                bar.initial = bar.n = done
                resumed = False
            bar.update(done - bar.n)

        yield tell


def figure_module():
    """The module of figures, or a sentence on what it lacks."""
    needs("corner", extra="app", what="a figure")
    from sedflow.figures import publication

    return publication


def check_place(path, what="a file"):
    """Refuse a place for a file before the work, not after it; what : is to be given."""
    try:
        with replacing(path, f"give {what} in a folder that exists") as temporary:
            temporary.touch()
            raise _Tried
    except _Tried:
        pass


def check_figure(path):
    """Refuse a place for a figure before the work, not after it."""
    if path.suffix.lower() not in _FIGURES or not path.parent.is_dir():
        raise SedflowError(
            f"cannot write {path}: give a .png, .pdf or .svg in a folder that exists"
        )
    check_place(path, "a .png, .pdf or .svg")


def write_figure(figure, path):
    """Write a figure, or say in a sentence why it cannot be."""
    try:
        with replacing(path) as temporary:
            figure.savefig(temporary, dpi=110)
    except SedflowError:
        raise  # a sentence already
    except ValueError as error:
        raise SedflowError(
            f"cannot write {path}: {error}; give a .png, .pdf or .svg in a folder that exists"
        ) from None
    say(f"wrote {path}")


class _Tried(Exception):
    """It can be written."""
