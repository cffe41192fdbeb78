"""What a catalogue run began with and what came out, as its folder says; and whether it is whole.

    OUT/manifest.json   input, mapping, weights, settings and versions
    OUT/summary.json    counts, of a run that has finished

Both carry a checksum. Runs of format 1, which had neither that nor a ledger, are read as they are.
"""

from contextlib import contextmanager

from sedflow.catalogue.contents import disagreements, summary_faults
from sedflow.catalogue.documents import MANIFEST, SUMMARY
from sedflow.catalogue.ledger import NAME, Ledger, result_files, some
from sedflow.errors import SedflowError
from sedflow.files.documents import anything, checked, read
from sedflow.files.hashes import opened
from sedflow.files.paths import as_path

FORMAT = 4  # from which on k_hat and ess are of the draws that are returned
NAMES = 3  # from which on quantiles are called NAME_p16
LEDGER = 2  # from which on a run has a ledger of its files
OLD = 1


@contextmanager
def _explained(path, missing, remedy):
    """Say what is wrong with a document of a run while it is read; missing : if it is not there."""
    try:
        yield
    except FileNotFoundError:
        raise SedflowError(missing) from None
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        if isinstance(error, SedflowError):
            raise
        raise SedflowError(f"{path} cannot be used ({str(error)[:200]}); {remedy}") from None


def load_manifest(out) -> dict:
    """What a run in the folder `out` began with.

    Raises
    ------
    SedflowError
        No run, one of a newer version, or a manifest that is damaged.
    """
    path = as_path(out) / "manifest.json"
    missing = (
        f"{out} holds no manifest.json, so it is not an output of sedflow infer; check the name"
    )
    with _explained(path, missing, "get it from a copy, or begin again in another folder"):
        manifest = read(path, {"format": anything})
        if manifest["format"] not in (OLD, LEDGER, NAMES, FORMAT):
            raise SedflowError(
                f"{path} has format {str(manifest['format'])[:20]}, this version reads {OLD} to "
                f"{FORMAT}; use the version of sedflow that wrote it"
            )
        if manifest["format"] != OLD:
            manifest = opened(manifest)
        checked(manifest, MANIFEST)
    return manifest


def load_summary(out) -> dict:
    """The summary of a finished run."""
    path = as_path(out) / "summary.json"
    missing = f"there is no {path}: the run is not finished; give its command again"
    with _explained(path, missing, "give the command of the run again, which rewrites the file"):
        summary = read(path, SUMMARY)
        manifest = load_manifest(out)
        if manifest["format"] != OLD:
            summary = opened(summary)
            if summary["run"] != manifest["run"]:
                raise ValueError("it is of another run")
    return summary


def n_parts(manifest) -> int:
    """Of how many partitions a run consists."""
    return max(-(-manifest["catalogue"]["rows"] // manifest["settings"]["part_rows"]), 1)


def check_files(out, manifest, hashed=("results", "draws")) -> list[int]:
    """Numbers of the finished partitions of a run, all of whose files are as they were written.

    hashed : kinds of files that are read from end to end; of others, only the sizes are compared.
    Of a run of a version that kept no ledger: those that are there, whatever is in them.

    Raises
    ------
    SedflowError
        Files are gone, or not those that were written; the sentence says which, and what to do.
    """
    out, parts = as_path(out), n_parts(manifest)
    ledger = Ledger(out, manifest["run"])
    trouble = ledger.strangers(parts)
    if trouble:
        raise SedflowError(
            f"{some(trouble)} in {out}: no partition of this run, which has {parts:,}; move it "
            "elsewhere"
        )
    if manifest["format"] == OLD:
        if (out / NAME).exists():
            raise SedflowError(
                f"{out / 'manifest.json'} has format {OLD}, of which runs had no {NAME}, but there "
                "is one; get manifest.json from a copy"
            )
        if odd := [path.name for path in result_files(out) if not path.is_file()]:
            raise SedflowError(f"{some(odd)} in {out} is not a regular file; remove it")
        return [int(path.stem.removeprefix("part-")) for path in result_files(out)]
    faults = ledger.faults(hashed=hashed)
    others, counts = disagreements(ledger, manifest, hashed)
    trouble = list((others | faults).values())
    if ledger.wrong:
        trouble.append(f"{ledger.path.name} has {ledger.wrong:,} damaged lines")
    elif not ledger.size and result_files(out):
        trouble.append(f"{ledger.path.name}, the list of the finished partitions, is gone")
    elif not trouble and (out / "summary.json").exists():
        trouble += summary_faults(load_summary(out), ledger, counts, parts)
    if trouble:
        raise SedflowError(
            f"in {out}, {some(trouble, '; ')}; give the command of the run again: it recomputes "
            "just what is wrong"
        )
    return sorted(k for k in ledger.entries if k < parts)
