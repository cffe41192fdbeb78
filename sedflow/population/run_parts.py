"""The draws that a run kept, a partition at a time, in whatever process."""

from collections import Counter
from collections.abc import Iterator, Sequence
from copy import copy
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from sedflow.catalogue.infer import checked_posterior
from sedflow.catalogue.ledger import part_name
from sedflow.catalogue.manifest import check_files, load_manifest
from sedflow.catalogue.part import read_results
from sedflow.errors import BadWeights, SedflowError, needs
from sedflow.model.derived import missing_quantity, quantities_of
from sedflow.model.sed import SEDModel
from sedflow.network.posterior import AmortizedPosterior
from sedflow.network.weights import packaged_weights
from sedflow.parameters import NAMES
from sedflow.population.prior import SPECIFIC, quantity_values
from sedflow.sampling.verdict import FAILED, MISFIT

NOT_INFERRED = "not inferred yet"  # of why galaxies are left out: partitions to come
#: Of misfits whose draws have weights that do not pass.
NOT_EXACT = "misfit without an exact posterior"
_AT_ONCE = 20_000  # draws that are derived at once


@dataclass(frozen=True)
class PartDraws:
    """Galaxies of a partition that enter.

    ids : n of them
    redshift (n,)
    values (n, n_draw, n_quantity)
    absent : ID of each other, and why it does not enter
    """

    ids: list
    redshift: np.ndarray
    values: np.ndarray
    absent: list[tuple[str, str]]

    @property
    def left_out(self) -> Counter:
        """Why galaxies do not enter -> how many."""
        return Counter(why for _, why in self.absent)


@dataclass(frozen=True)
class RunDraws:
    """What is read of the draws of a run; small enough to be sent about.

    out : folder of the run
    names : the quantities
    status : of the rows that enter
    in_files, kept : draws of each galaxy in the files, and how many of them are read
    network, record : name of the network that made them, and SHA-256 of its record
    """

    out: str
    names: tuple[str, ...]
    status: tuple[str, ...]
    in_files: int
    kept: int
    network: str
    record: str

    @property
    def posterior(self) -> AmortizedPosterior:
        """The network, loaded once in a process."""
        return checked_posterior(self.network, self.record)

    def part(self, number: int) -> PartDraws:
        """Those of one partition."""
        path = Path(self.out) / "results" / part_name(number)
        table, state = _read(path, ["id", "redshift"], self.status)
        theta = _thetas(Path(self.out) / "draws" / part_name(number), self.in_files)
        theta = theta[:, (np.arange(self.kept) * self.in_files) // self.kept]
        there = ~np.isnan(theta).any((1, 2))
        used = np.isin(state, self.status) & there
        why = [s if h else "no draws" for s, h in zip(state[~used], there[~used], strict=True)]
        ids = table["id"].to_pylist()
        z = table["redshift"].to_numpy()[used].astype(float)
        return PartDraws(
            [i for i, u in zip(ids, used, strict=True) if u],
            z,
            values_of(self.names, theta[used], z, self.posterior.model),
            [*zip((str(ids[k]) for k in np.flatnonzero(~used)), why, strict=True)],
        )


class RunParts:
    """The partitions of a run that kept draws, read one after the other.

    A run that goes on has more partitions a minute later. These are listed once, so that each pass
    over them finds the same galaxies.

    most, draws : galaxies and draws of each at most; with `most`, partitions come in random order,
        and of the files of draws only the sizes are checked
    network : path of the one that made the run, where it is not a packaged one
    """

    def __init__(
        self,
        out: Path,
        names: tuple[str, ...],
        status: Sequence[str],
        most: int | None = None,
        draws: int | None = None,
        network: str | Path | None = None,
    ):
        needs("pyarrow", extra="scale", what="sedflow.Population of a run")
        manifest = load_manifest(out)
        keep = manifest["settings"].get("keep", 0)
        if not keep:
            raise SedflowError(
                f"the run {out} kept no draws; run sedflow infer with --keep 200 into another "
                "folder"
            )
        about = manifest["weights"]
        if network is None and about["name"] not in packaged_weights():
            raise BadWeights(
                f"the run {out} was made with the network {about['name'][:64]!r}, which is none of "
                "the packaged ones; give its .safetensors file: network=PATH (--network PATH)"
            )
        if "record_sha256" not in about:
            raise SedflowError(
                f"the run {out} is of sedflow {manifest['versions']['sedflow']}, which kept no "
                "hash of its network, so that its prior is not known here; run sedflow infer "
                "again, into another folder"
            )
        self.kept = keep if draws is None else min(keep, draws)
        self.draws = RunDraws(
            str(Path(out).resolve()),
            tuple(names),
            tuple(status),
            keep,
            self.kept,
            about["name"] if network is None else str(network),
            about["record_sha256"],
        )
        self.posterior = self.draws.posterior
        check_names(names, self.posterior.model)
        self._run, every = manifest.get("run"), manifest["catalogue"]["rows"]
        hashed = ("results", "draws") if most is None else ("results",)
        self.parts = check_files(out, manifest, hashed=hashed)
        self._most = most
        if most is not None:
            self._shuffle()
        size = manifest["settings"]["part_rows"]
        done = sum(min(size, every - k * size) for k in self.parts)
        self.left_out = Counter({NOT_INFERRED: every - done} if done < every else {})
        self.remedy = (
            f"run sedflow infer again with --keep {5 * keep} --draws {max(5 * keep, 1000)} into "
            "another folder, or these alone: sedflow population with --few FILE.parquet says how"
        )

    def sample(self, most: int, draws: int) -> "RunParts":
        """A number of galaxies and of draws of each, from these partitions in random order."""
        out = copy(self)
        out.kept, out._most, out.left_out = min(self.kept, draws), most, Counter(self.left_out)
        out.draws = replace(self.draws, kept=out.kept)
        out._shuffle()
        return out

    def check(self) -> None:
        """Refuse to read these partitions again where they are not those of before.

        Raises
        ------
        SedflowError
            The folder holds another run by now, or files of this one are gone or damaged.
        """
        out = Path(self.draws.out)
        manifest = load_manifest(out)
        there = manifest.get("run") == self._run and check_files(out, manifest)
        if not there or not set(self.parts) <= set(there):
            raise SedflowError(
                f"{out} does not hold the run any more that the population was made of; ask for "
                "the population again"
            )

    def _shuffle(self):
        self.parts = np.random.default_rng(1).permutation(self.parts).tolist()

    def __iter__(self) -> Iterator[PartDraws]:
        left = self._most
        for number in self.parts:
            if left == 0:
                return
            part = self.draws.part(number)
            self.left_out.update(part.left_out)
            if left is not None:
                part = PartDraws(
                    part.ids[:left], part.redshift[:left], part.values[:left], part.absent
                )
                left -= len(part.ids)
            yield part

    def ends_of_redshift(self) -> tuple[float, float]:
        """Smallest and largest redshift of the galaxies that enter."""
        ends = []
        for number in self.parts:
            path = Path(self.draws.out) / "results" / part_name(number)
            table, state = _read(path, ["redshift"], self.draws.status)
            z = table["redshift"].to_numpy()[np.isin(state, self.draws.status)]
            if len(z):
                ends.append((float(z.min()), float(z.max())))
        return min(e[0] for e in ends), max(e[1] for e in ends)


def with_exact(state: np.ndarray, status: Sequence[str], unknown: np.ndarray) -> np.ndarray:
    """States (n,) of rows, where misfits without an exact posterior are not misfits.

    They are as good as failed ones, and enter where these may.

    unknown (n,) : whether the verdict is misfit, and the evidence is not known

    >>> with_exact(np.array(["ok", "misfit"], object), ["ok", "misfit"], np.array([False, True]))
    array(['ok', 'misfit without an exact posterior'], dtype=object)
    """
    if FAILED in status or MISFIT not in status:
        return state
    return np.where(unknown & (state == MISFIT), NOT_EXACT, state)


def _read(path, columns, status):
    """Columns of a file of results, and the state (n,) of its rows."""
    told = MISFIT in status
    more = ["verdict", "log_evidence"] if told else []
    table, _ = read_results(path, [*columns, "status", *more])
    state = np.array(table["status"].to_pylist(), dtype=object)
    if not told:
        return table, state
    kind = np.array(table["verdict"].to_pylist(), dtype=object)
    evidence = table["log_evidence"].to_numpy().astype(float)
    return table, with_exact(state, status, (kind == MISFIT) & np.isnan(evidence))


def redshifts_of(out: Path) -> dict[str, float]:
    """Redshift of each ID of a run."""
    needs("pyarrow", extra="scale", what="the redshifts of a run")
    found: dict[str, float] = {}
    for number in check_files(out, load_manifest(out), hashed=("results",)):
        table, _ = read_results(out / "results" / part_name(number), ["id", "redshift"])
        found |= zip(map(str, table["id"].to_pylist()), table["redshift"].to_pylist(), strict=True)
    return found


def check_names(names: Sequence[str], model: SEDModel) -> None:
    """Refuse quantities that draws of a model do not have."""
    known = [*(q.name for q in quantities_of(model)), *SPECIFIC]
    for name in names:
        if name not in known:
            raise missing_quantity(name, model)


def values_of(
    names: tuple[str, ...], theta: np.ndarray, redshift: np.ndarray, model: SEDModel
) -> np.ndarray:
    """Values (n, n_draw, n_quantity) of draws (n, n_draw, 12), some galaxies at once."""
    n, n_draw = theta.shape[:2]
    out = np.empty((n, n_draw, len(names)), np.float32)
    step = max(1, _AT_ONCE // max(n_draw, 1))
    for k in range(0, n, step):
        some = slice(k, k + step)
        out[some] = quantity_values(names, theta[some], redshift[some], model)
    return out


def _thetas(path, keep):
    """Draws (n_row, keep, 12) of a partition; NaN where there are none."""
    import pyarrow.parquet as pq

    try:
        table = pq.read_table(path, columns=list(NAMES), page_checksum_verification=True)
        theta = np.full((table.num_rows, keep, len(NAMES)), np.nan)
        for k, name in enumerate(NAMES):
            column = table[name].combine_chunks()
            there = ~column.is_null().to_numpy(zero_copy_only=False)
            theta[there, :, k] = column.flatten().to_numpy().reshape(-1, keep)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:  # Arrow's, too
        problem = " ".join(str(error).split())[:100]
        raise SedflowError(
            f"{path} does not hold {keep:,} draws of each row ({problem}); remove it and run "
            "sedflow infer again"
        ) from None
    return theta
