"""Runs of catalogues that were stopped on the way."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path


def stopped(run: Path, folder: Path, gone: int) -> Callable[[], None]:
    """A copy of a run that has not come to a partition, and what lets it go on to the end."""
    shutil.copytree(run, folder)
    (folder / "summary.json").unlink()
    ledger, name = folder / "files.jsonl", f"part-{gone:06d}.parquet"
    lines = ledger.read_bytes().splitlines(keepends=True)
    ledger.write_bytes(b"".join(x for x in lines if json.loads(x).get("part") != gone))
    for kind in ("results", "draws"):
        (folder / kind / name).unlink()

    def go_on():
        shutil.rmtree(folder)
        shutil.copytree(run, folder)

    return go_on
