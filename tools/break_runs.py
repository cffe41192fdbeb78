"""Break catalogue runs in every way that a machine does, and say what was lost.

    python tools/break_runs.py                 # all, in some minutes: the table of docs/scale.md
    python tools/break_runs.py scheduler disk  # those whose names have one of these words

Each run is over the same 24 galaxies of the packaged atlas, in twelve partitions. It is broken
after some of them, and its command is given again: what comes out must be what an undisturbed run
gives, bit for bit.
"""

import hashlib
import os
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd
import psutil

import sedflow

ROWS, PARTS, AFTER = 24, 12, 3
_QUIET = 120  # seconds in which a run must have ended, or be going on


def catalogue(folder):
    """Galaxies of the atlas in a Parquet file."""
    table = sedflow.load_nsa().table[:9240:385]
    frame = pd.DataFrame({"id": np.array(table["NSAID"], int), "redshift": np.array(table["Z"])})
    for k, band in enumerate("ugriz", start=2):
        frame[f"flux_{band}"] = np.array(table["NMGY"][:, k], float)
        frame[f"flux_ivar_{band}"] = np.array(table["NMGY_IVAR"][:, k], float)
    frame.astype({"redshift": float}).to_parquet(folder / "galaxies.parquet")
    return folder / "galaxies.parquet"


class Bench:
    """A folder to break runs in, and the files that an undisturbed run gives."""

    def __init__(self, folder):
        self.folder, self.source = folder, catalogue(folder)
        self.start("whole", "--workers", "0").communicate()
        self.expected = self.hashes("whole")
        assert len(self.expected) == 2 * PARTS

    def command(self, name, *options):
        return [
            sys.executable,
            "-m",
            "sedflow.cli",
            "infer",
            str(self.source),
            "-o",
            str(self.folder / name),
            "--draws",
            "100",
            "--keep",
            "10",
            "--part-rows",
            "2",
            "--unit",
            "nanomaggies",
            *options,
        ]

    def start(self, name, *options, prefix=(), **how):
        pipes = {"stdout": subprocess.DEVNULL, "stderr": subprocess.PIPE, "text": True}
        return subprocess.Popen([*prefix, *self.command(name, *options)], **pipes, **how)

    def done(self, name):
        """How many partitions are in the ledger."""
        try:
            return (self.folder / name / "files.jsonl").read_bytes().count(b"\n")
        except OSError:
            return 0

    def hashes(self, name):
        return {
            f"{path.parent.name}/{path.name}": hashlib.sha256(path.read_bytes()).hexdigest()
            for path in sorted((self.folder / name).glob("*/part-*.parquet"))
        }

    def until(self, process, name, parts=AFTER):
        """Wait until some partitions are done."""
        end = time.monotonic() + _QUIET
        while self.done(name) < parts and process.poll() is None and time.monotonic() < end:
            time.sleep(0.02)


def ended(process):
    """Exit status and last sentence of a run; "hung" where it does not end."""
    try:
        told = process.communicate(timeout=_QUIET)[1]
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
        return "hung", ""
    if "Traceback" in told:
        return process.returncode, "Traceback: " + told.strip().splitlines()[-1]
    lines = [line for line in told.replace("\r", "\n").splitlines() if line.startswith("Error")]
    return process.returncode, lines[-1] if lines else ""


def workers_of(process):
    return [
        child
        for child in psutil.Process(process.pid).children(recursive=True)
        if "spawn_main" in " ".join(child.cmdline())
    ]


class Cluster:
    """A dask scheduler and a worker, each a process of its own."""

    def __init__(self):
        self.scheduler = subprocess.Popen(
            [
                sys.executable,
                "-m",
                "distributed.cli.dask_scheduler",
                "--host",
                "127.0.0.1",
                "--port",
                "0",
                "--no-dashboard",
            ],
            stderr=subprocess.PIPE,
            text=True,
        )
        for line in self.scheduler.stderr:
            if "Scheduler at:" in line:
                self.address = line.split()[-1]
                break
        self.worker = self.another()

    def another(self):
        return subprocess.Popen(
            [
                sys.executable,
                "-m",
                "distributed.cli.dask_worker",
                self.address,
                "--nthreads",
                "1",
                "--no-nanny",
                "--no-dashboard",
            ],
            stderr=subprocess.DEVNULL,
        )

    def end(self, *more):
        for process in (self.worker, self.scheduler, *more):
            process.kill()
            process.wait()


def a_worker_is_killed(bench, name):
    run = bench.start(name, "--workers", "2")
    bench.until(run, name)
    workers_of(run)[0].kill()
    return ended(run)


def all_workers_are_killed(bench, name):
    run = bench.start(name, "--workers", "2")
    bench.until(run, name)
    for worker in workers_of(run):
        worker.kill()
    return ended(run)


def the_client_is_killed(bench, name):
    run = bench.start(name, "--workers", "2")
    bench.until(run, name)
    workers = workers_of(run)
    run.kill()
    psutil.wait_procs(workers, timeout=30)
    return ended(run)


def the_client_is_interrupted(bench, name):
    def heeding():  # a shell's background jobs are deaf to it
        signal.signal(signal.SIGINT, signal.default_int_handler)

    run = bench.start(name, "--workers", "2", preexec_fn=heeding)
    bench.until(run, name)
    run.send_signal(signal.SIGINT)
    return ended(run)


def the_scheduler_elsewhere_is_killed(bench, name):
    cluster = Cluster()
    run = bench.start(name, "--scheduler", cluster.address)
    bench.until(run, name)
    cluster.scheduler.kill()
    out = ended(run)
    cluster.end()
    return out


def the_only_worker_elsewhere_is_killed(bench, name):
    cluster = Cluster()
    run = bench.start(name, "--scheduler", cluster.address)
    bench.until(run, name)
    cluster.worker.kill()
    out = ended(run)
    cluster.end()
    return out


def the_only_worker_elsewhere_is_killed_and_another_comes(bench, name):
    cluster = Cluster()
    run = bench.start(name, "--scheduler", cluster.address)
    bench.until(run, name)
    cluster.worker.kill()
    time.sleep(3)
    other = cluster.another()
    out = ended(run)
    cluster.end(other)
    return out


def the_disk_is_full(bench, name):
    """Files of 14 kB at most: draws fit, results do not."""
    limit = (14_000, 14_000)

    def limited():
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, limit)

    return ended(bench.start(name, "--workers", "0", preexec_fn=limited))


def the_disk_fills_under_way(bench, name):
    """A file system of its own with 250 kB."""
    out = bench.folder / name
    out.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=250k", "tmpfs", out]).returncode:
        return None
    try:
        status = ended(bench.start(name, "--workers", "2"))
        shutil.copytree(out, bench.folder / "kept", ignore=lambda *_: [".lock"])
    finally:
        subprocess.run(["umount", "-l", out], check=True)
    shutil.copytree(bench.folder / "kept", out, dirs_exist_ok=True)
    return status


def _removed(which):
    def scenario(bench, name):
        run = bench.start(name, "--workers", "2")
        bench.until(run, name)
        shutil.rmtree(bench.folder / name / which, ignore_errors=True)
        return ended(run)

    return scenario


def the_home_cannot_be_written(bench, name):
    environment = {**os.environ, "HOME": "/proc/nowhere", "XDG_CACHE_HOME": "", "TMPDIR": ""}
    return ended(bench.start(name, "--workers", "2", env=environment))


def the_package_is_read_only(bench, name):
    """The folder of the package, mounted for reading alone."""
    package = str(Path(sedflow.__file__).parent)
    script = 'mount --bind "$0" "$0" && mount -o remount,bind,ro "$0" && exec "$@"'
    prefix = ["unshare", "--mount", "sh", "-c", script, package]
    if subprocess.run([*prefix, "true"], check=False, capture_output=True).returncode:
        return None
    return ended(bench.start(name, "--workers", "2", prefix=prefix))


def a_second_run_in_the_same_folder(bench, name):
    first = bench.start(name, "--workers", "1")
    bench.until(first, name, 1)
    second = ended(bench.start(name, "--workers", "1"))
    assert first.wait(_QUIET) == 0
    return second


SCENARIOS = {
    "a worker of its own, kill -9": a_worker_is_killed,
    "all its workers, kill -9": all_workers_are_killed,
    "the client, kill -9": the_client_is_killed,
    "the client, Ctrl-C": the_client_is_interrupted,
    "the scheduler on a cluster, kill -9": the_scheduler_elsewhere_is_killed,
    "the only worker on a cluster, kill -9": the_only_worker_elsewhere_is_killed,
    "the same, and another worker comes": the_only_worker_elsewhere_is_killed_and_another_comes,
    "a disk without room for one file": the_disk_is_full,
    "a disk that fills under way": the_disk_fills_under_way,
    "OUT/ removed under way": _removed("."),
    "OUT/results/ removed under way": _removed("results"),
    "OUT/files.jsonl removed under way": lambda bench, name: _file_removed(bench, name),
    "a HOME that cannot be written": the_home_cannot_be_written,
    "a package that cannot be written": the_package_is_read_only,
    "a second run in the same folder": a_second_run_in_the_same_folder,
}


def _file_removed(bench, name):
    run = bench.start(name, "--workers", "2")
    bench.until(run, name)
    (bench.folder / name / "files.jsonl").unlink()
    return ended(run)


def main():
    words = sys.argv[1:]
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(Path(folder))
        print("| what was done | exit, and what was said | kept of 12 | resumed: the same bits |")
        print("|---|---|---|---|")
        for k, (what, scenario) in enumerate(SCENARIOS.items()):
            if words and not any(word in what for word in words):
                continue
            name = f"run{k}"
            found = scenario(bench, name)
            if found is None:
                print(f"| {what} | cannot be tried here | | |", flush=True)
                continue
            status, said = found
            kept = bench.done(name)
            again, trouble = ended(bench.start(name, "--workers", "2"))
            same = again == 0 and bench.hashes(name) == bench.expected
            said = said.removeprefix("Error: ").replace(folder, "").replace(name, "OUT")
            print(
                f"| {what} | {status}{': ' + said if said else ''} | {min(kept, PARTS)} | "
                f"{'yes' if same else f'NO, {again} {trouble}'} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
