"""Populations that are known: how fast one is inferred, and whether its bands hold the truth.

    python benchmarks/population.py --speed                  # a minute on a core
    python benchmarks/population.py --brush                  # the packaged atlas, half a minute
    python benchmarks/population.py --mocks 100              # two minutes
    python benchmarks/population.py --selected 40            # half a minute
    python benchmarks/population.py --widths 100 --galaxies 60   # half a minute
    python benchmarks/population.py --stream 1000000 --draws 50   # two minutes
    python benchmarks/population.py --stream 1000000 --draws 50 --workers 2
    python benchmarks/population.py --network 20 --galaxies 200   # ten minutes

--speed: 10,000 galaxies with 200 draws each, two quantities. --brush: what the page Population
does when a visitor selects some of the packaged atlas. --mocks: draws that are exact, under
a prior that is not flat. --network: galaxies with the noise of the NASA-Sloan Atlas at redshifts
of 0.01 to 0.05, a Schechter function in log_mstar times a main sequence in log_ssfr_1gyr, and the
weighted draws of the packaged network. Beside the bands stands what the histogram of medians
holds within its Poisson errors. --wrong: galaxies are lost at random below a mass, and the bands
are held to the population before that. --selected: the galaxies of
such mocks whose medians are in a range, and their true values. --widths: means, standard
deviations and shares of populations of several forms. --stream: a run of that number of
galaxies is written into a temporary folder and read a partition at a time; the largest resident
memory is that of a process of its own. With --workers, that many processes read the partitions,
and the largest memory of one of them is told too. --alone: of the network's mocks, all but the
mass follows the prior, as the population of one quantity supposes; of the exact mocks, those of
the mass alone.
"""

import argparse
import multiprocessing
import resource
import tempfile
import time
import warnings
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
import population_mocks as mocks
from synthetic_run import write_run

import sedflow
from sedflow.population.mocks import SCHECHTER
from sedflow.threads import use_threads

_CUT = (9.75, 10.86)  # log masses that medians are cut to
_NAMES = ("log_mstar", "log_ssfr_1gyr")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--speed", action="store_true")
    parser.add_argument("--brush", action="store_true")
    parser.add_argument("--mocks", type=int, default=0)
    parser.add_argument("--selected", type=int, default=0)
    parser.add_argument("--widths", type=int, default=0)
    parser.add_argument("--network", type=int, default=0)
    parser.add_argument("--stream", type=int, default=0)
    parser.add_argument("--workers", type=int, default=0)
    parser.add_argument("--galaxies", type=int, default=2000)
    parser.add_argument("--draws", type=int, default=200)
    parser.add_argument("--wrong", action="store_true")
    parser.add_argument("--alone", action="store_true")
    args = parser.parse_args()
    warnings.simplefilter("ignore")
    use_threads(1)
    if args.speed:
        speed(args.draws)
    if args.brush:
        brush()
    if args.mocks:
        exact(args.mocks, args.galaxies, args.draws, args.wrong, args.alone)
    if args.selected:
        selected(args.selected, args.galaxies, args.draws)
    if args.widths:
        widths(args.widths, args.galaxies, args.draws)
    if args.stream:
        stream(args.stream, args.draws, args.workers)
    if args.network:
        network(args.network, args.galaxies, args.draws, args.alone)


def speed(draws):
    for axes, truth in (((0,), SCHECHTER), ((0, 1), mocks.SEQUENCE)):
        mock = mocks.exact_mock(truth, 10_000, draws, seed=1)
        spent = []
        for seed in range(3):
            start = time.perf_counter()
            fitted = sedflow.population.fit_density(mock.likelihood, mock.shape, seed=seed)
            spent.append(time.perf_counter() - start)
        print(
            f"{len(axes)} quantities, 10,000 galaxies x {draws} draws: {min(spent):.2f} to "
            f"{max(spent):.2f} s a fit, converged: {fitted.converged}"
        )


def brush():
    from sedflow.dashboard.population_answer import answer_of
    from sedflow.dashboard.population_sample import atlas_sample

    sample = atlas_sample()
    for preset in sedflow.population.PRESETS:
        answer_of(sample, preset.key, "all galaxies", {}, "")
        for part, cuts in (("Virgo", {}), ("seven clusters", {}), ("Virgo", {"mass": (9, 10)})):
            spent = []
            for _ in range(3):
                start = time.perf_counter()
                found = answer_of(sample, preset.key, part, cuts, "")
                spent.append(time.perf_counter() - start)
            print(
                f"{preset.title}, {len(found.population):,} galaxies of {part}: "
                f"{1000 * min(spent):.0f} to {1000 * max(spent):.0f} ms a brush",
                flush=True,
            )


def stream(galaxies, draws, workers):
    with tempfile.TemporaryDirectory() as folder:
        start = time.perf_counter()
        write_run(Path(folder) / "run", galaxies, draws)
        spent = time.perf_counter() - start
        size = sum(f.stat().st_size for f in Path(folder).rglob("*.parquet")) / 1e9
        print(f"{galaxies:,} galaxies x {draws} draws, {size:.2f} GB, written in {spent:.0f} s")
        # Processes of a multiprocessing.Pool may not have workers of their own.
        with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
            found = pool.submit(_streamed, Path(folder) / "run", workers).result()
    spent, read, before, peak, of_workers, held = found
    print(
        f"{workers} workers: {spent:.0f} s, of which {read:.0f} s to read and weigh; resident "
        f"memory {before:.0f} MB before, {peak:.0f} MB at most"
        + (f", of a worker {of_workers:.0f} MB at most" if workers else "")
        + f"; bands of 68 % hold {100 * held[0]:.0f} %, of 95 % {100 * held[1]:.0f} % of the cells"
    )


def _streamed(out, workers):
    """Seconds, and of these to read; memory [MB] with the network loaded and at most, and of a
    worker; what the bands hold."""
    use_threads(1)
    sedflow.load_posterior()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    (edges,), start = SCHECHTER.edges, time.perf_counter()
    population = _Timed(
        out,
        "log_mstar",
        ranges={"log_mstar": (edges[0], edges[-1])},
        cells=len(edges) - 1,
        workers=workers,
    )
    spent = time.perf_counter() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    of_workers = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    in68, in95, _ = mocks.held_by(population, SCHECHTER.shares)
    return spent, population.read_s, before, peak, of_workers, (in68.mean(), in95.mean())


class _Timed(sedflow.population.StreamedPopulation):
    """Says how long the partitions took, the start of the workers included."""

    def _read(self, folder):
        start = time.perf_counter()
        blocks = super()._read(folder)
        self.read_s = time.perf_counter() - start
        return blocks


def exact(n_mock, galaxies, draws, wrong, alone):
    truths = (("Schechter", SCHECHTER), ("main sequence", mocks.SEQUENCE))
    for name, truth in truths[:1] if alone else truths:
        held = [
            mocks.held(mocks.exact_mock(truth, galaxies, draws, seed=k, lost=wrong), seed=k)
            for k in range(n_mock)
        ]
        report(f"{name}, {n_mock} mocks of {galaxies:,}", held)


def selected(n_mock, galaxies, draws):
    low, high = _CUT
    found = [
        mocks.held_of_selected(mocks.exact_mock(SCHECHTER, galaxies, draws, seed=k), low, high, k)
        for k in range(n_mock)
    ]
    for name, held in zip(("selected", "inferred alone"), zip(*found, strict=True), strict=True):
        report(f"medians of {low} to {high}, {name}, {n_mock} mocks of {galaxies:,}", held)


def widths(n_mock, galaxies, draws):
    for name, truth in mocks.WIDTHS.items():
        found = [
            mocks.held_moments(mocks.exact_mock(truth, galaxies, draws, seed=k), seed=k)
            for k in range(n_mock)
        ]
        in68, in95, ratio = (np.mean([one[k] for one in found], axis=0) for k in range(3))
        said = (
            f"{what} {100 * a:.0f} and {100 * b:.0f} %"
            for what, a, b in zip(("mean", "width", "share"), in68, in95, strict=True)
        )
        print(
            f"{name}, {n_mock} mocks of {galaxies:,}: bands of 68 and 95 % hold: "
            f"{', '.join(said)}; inferred width {ratio:.3f} of the true one",
            flush=True,
        )


def report(title, held):
    """Shares of the cells, with the scatter of the mean over mocks."""
    means = np.array([[flags.mean() for flags in one] for one in held])
    error = means.std(0) / np.sqrt(len(means))
    in68, in95, medians = (np.concatenate([h[k] for h in held]).mean() for k in range(3))
    print(
        f"{title}: bands of 68 % hold {100 * in68:.1f} ± {100 * error[0]:.1f} %, of 95 % "
        f"{100 * in95:.1f} ± {100 * error[1]:.1f} %; the "
        f"histogram of medians {100 * medians:.1f} % within its 68 %",
        flush=True,
    )


def network(n_mock, galaxies, draws, alone):
    posterior = sedflow.load_posterior()
    n = n_mock * galaxies
    if alone:
        theta, z = mocks.galaxies_of_a_schechter_function(n, posterior.prior, seed=3)
        truth, edges = SCHECHTER.shares, SCHECHTER.edges
    else:
        found = mocks.sequence_of_galaxies(n, posterior.model, posterior.prior, seed=3)
        theta, z, truth, edges = found
    photometry = mocks.observed(theta, z, posterior.model, posterior.noise, seed=4)
    start = time.perf_counter()
    fits = []
    for k in range(n_mock):
        rows = slice(k * galaxies, (k + 1) * galaxies)
        fits.append(sedflow.fit(photometry[rows], posterior, n=draws, seed=k, trust="weights"))
    spent = time.perf_counter() - start
    print(f"{n_mock * galaxies:,} fits with {draws} draws in {spent:.0f} s", flush=True)
    both = dict(zip(_NAMES, edges, strict=False))
    for of in [_NAMES[:1]] if alone else [_NAMES, *((name,) for name in _NAMES)]:
        axis = tuple(k for k, name in enumerate(both) if name not in of)
        share = truth.sum(axis) if axis else truth
        held, left, few = [], 0, 0
        for k, fit in enumerate(fits):
            ranges = {name: (both[name][0], both[name][-1]) for name in of}
            cells = tuple(len(both[name]) - 1 for name in of)
            population = sedflow.Population(
                fit, of, ranges=ranges, cells=cells, status=("ok", "misfit", "failed"), seed=k
            )
            held.append(mocks.held_by(population, share))
            left += sum(population.left_out.values())
            few += len(population.few)
        report(f"{' x '.join(of)}, {n_mock} mocks of {galaxies:,}", held)
        print(f"  left out {left:,}, with few effective draws {few:,}", flush=True)


if __name__ == "__main__":
    main()
