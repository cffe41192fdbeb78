"""Training of the amortized posterior on a stream of fresh simulations.

Every batch is new: simulations cost less than the gradient step they feed, and a network
that never sees a galaxy twice cannot overfit. The loss is -log q(x | galaxy); x leaves out the
mass, whose conditional is known (`sedflow.model.mass`), so the density learnt is the marginal over
it. In half of the pairs bands are missing.

Each block is chosen from a larger pool of weighted pairs (`simulation.draw_pairs`; on a GPU
`simulator`), in proportion to their weights and, for a share of them, to their likeness to
galaxies of the atlas (`atlas_prior`). All of the state is written at intervals, and block k
depends on the seed, k and the kind of device alone, so an interrupted run goes on where it was.

A block after which a number of the state is not finite is undone, and the learning rate lowered.
"""

import json
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file, save

from sedflow.curve_hashes import own_curves
from sedflow.errors import BadParameters, SedflowError, check_choice
from sedflow.files.hashes import opened, sealed, sha256_of
from sedflow.files.locking import locked
from sedflow.files.writing import made_folder, replacing
from sedflow.network.configuration import NETWORKS, TrainingConfig, noise_of
from sedflow.network.flow import FlowConfig, build_flow
from sedflow.network.posterior import AmortizedPosterior
from sedflow.network.steps import GradientSteps, captured
from sedflow.network.training_set import TrainingSet
from sedflow.network.weights import load_posterior, parameter_table
from sedflow.parameters import N_SHAPE

__all__ = ["NETWORKS", "TrainingConfig", "chosen_device", "train"]

_HELD_OUT_EVERY = 8  # blocks
_ELSEWHERE = "choose another name or folder, or move it away"
_DAMPING, _MOST_UNDONE = 0.7, 8  # of the learning rate for each block undone; how many may be


def chosen_device(device: str = "auto") -> torch.device:
    """The device of that name, "cpu" or "cuda"; "auto" takes a GPU if torch sees one.

    Raises
    ------
    SedflowError
        An unknown name, or no GPU.
    """
    check_choice("device", device, ("auto", "cpu", "cuda"), BadParameters)
    there = torch.cuda.is_available()
    if device == "cuda" and not there:
        raise SedflowError(
            f"device cuda: torch {torch.__version__} sees no GPU; install a torch with CUDA and "
            "its driver, or choose cpu"
        )
    return torch.device("cuda" if there and device != "cpu" else "cpu")


def train(
    config: TrainingConfig,
    folder: str | Path,
    progress: Callable[[int, dict], object] | None = None,
    checkpoint_seconds: float = 120.0,
    device: str = "auto",
) -> AmortizedPosterior:
    """Train a network, or go on with an interrupted training; one that is done is only read.

    Parameters
    ----------
    config : TrainingConfig
    folder : path
        Holds the checkpoint while training, NAME.safetensors and NAME.json at the end.
    progress : callable, optional
        Called as progress(simulations_seen, record) after every block.
    checkpoint_seconds : float
        Time between checkpoints; a KeyboardInterrupt writes one, too, of the blocks that are done.
    device : "auto", "cpu" or "cuda"
        Where to train; "auto" takes a GPU if torch sees one. The configuration is not changed:
        `TrainingConfig.named(name, device=...)` gives the one made for a device.

    Returns
    -------
    AmortizedPosterior

    Raises
    ------
    SedflowError
        The folder holds a network, or the checkpoint of one, of that name and another
        configuration; another training of that name is at work in it; there is no such device; or
        the weights did not stay finite.
    """
    chosen = chosen_device(device)
    folder = made_folder(folder)
    lock = f".{config.name}.lock"
    with locked(folder, f"training of {config.name}", lock):
        try:
            return _train(config, folder, progress, checkpoint_seconds, chosen)
        finally:
            (folder / lock).unlink(missing_ok=True)


def _train(config, folder, progress, checkpoint_seconds, device):
    run = _Training(config, folder, device)
    if (finished := run.finished()) is not None:
        return finished
    run.resume()
    saved = time.monotonic()
    try:
        while run.seen < config.simulations:
            run.train_block()
            if progress:
                progress(run.seen, run.history[-1])
            if time.monotonic() - saved > checkpoint_seconds:
                run.checkpoint()
                saved = time.monotonic()
    except KeyboardInterrupt:
        run.back_to_whole_blocks()
        if run.seen:
            run.checkpoint()
        raise
    finally:
        run.worker.shutdown(cancel_futures=True)
    run.checkpoint()
    posterior = run.posterior()
    posterior.save(folder)
    run.checkpoint_path.unlink(missing_ok=True)
    return posterior


class _Training:
    """The state of one training.

    on_device : bool, optional
        Whether blocks are made by the torch `Simulator`; default on a GPU.
    """

    def __init__(self, config, folder, device, on_device=None):
        self.config, self.device = config, device
        self.checkpoint_path = folder / f"{config.name}.checkpoint"
        size = min(config.block, config.simulations)
        self.batch = min(config.batch, size)
        self.size = -(-size // self.batch) * self.batch
        parent = load_posterior(config.start) if config.start else None
        self.parent_sha256 = "" if parent is None else parent.record_sha256
        if parent is not None:
            _check_start(parent, config)  # before simulations, which take long
        self.training_set = TrainingSet(config, parent and parent.scaling)
        self.domain = self.training_set.domain()
        self.architecture = FlowConfig(
            kind=config.architecture,
            features=N_SHAPE,
            context=self.training_set.n_feature,
            layers=config.layers,
            hidden=config.hidden,
            bins=config.bins,
            seed=config.seed,
            **_embedding(config, parent),
        )
        torch.manual_seed(config.seed)
        flow, average = build_flow(self.architecture), build_flow(self.architecture)
        if parent is not None:
            _begin_with(parent, flow)
        average.load_state_dict(flow.state_dict())
        # zuko's flow looks at values on its way, which a graph cannot.
        graph = device.type == "cuda" and config.architecture == "coupling"
        self.steps = GradientSteps(
            flow.to(device),
            average.to(device),
            self.batch,
            config.clip,
            captured if graph else None,
        )
        self.held_out = [
            torch.from_numpy(a.astype(np.float32)).to(device) for a in self.training_set.held_out()
        ]
        on_device = device.type == "cuda" if on_device is None else on_device
        self.block = (
            self.training_set.device_blocks(device) if on_device else self.training_set.block
        )
        self.worker = ThreadPoolExecutor(1)
        self.next_block = None
        self.seen, self.step, self.seconds, self.undone = 0, 0, 0.0, 0
        self.history = []
        self.held_out_log_prob = None
        self.good = self.steps.snapshot()
        self.whole = self._counts()

    def _counts(self):
        """The weights at the end of the last block, and all that was counted until there."""
        counts = self.seen, self.step, self.undone, self.seconds, self.held_out_log_prob
        return self.good, len(self.history), counts

    def back_to_whole_blocks(self):
        """Forget the block that was interrupted: a training goes on from the end of a whole one."""
        self.good, rows, counts = self.whole
        self.steps.restore(self.good)
        del self.history[rows:]
        self.seen, self.step, self.undone, self.seconds, self.held_out_log_prob = counts

    def train_block(self):
        start = time.monotonic()
        k, first = self.seen // self.size, self.seen
        ready = self.next_block or self.worker.submit(self.block, k, self.size)
        x, context = (part.to(self.device) for part in ready.result())
        self.steps.prepare(x, context)
        # The next block is simulated while the network learns from this one.
        more = self.seen + self.size < self.config.simulations
        self.next_block = self.worker.submit(self.block, k + 1, self.size) if more else None
        loss = self.steps.learn(x, context, self._rates())
        self.seen += self.size
        self.step += self.size // self.batch
        undone = not (np.isfinite(loss) and self.steps.sound())
        if undone:
            self._undo()
        else:
            self.good = self.steps.snapshot()
        self.seconds += time.monotonic() - start
        last = self.seen >= self.config.simulations
        if last or k % _HELD_OUT_EVERY == 0:
            self.held_out_log_prob = round(self.measure(), 4)
        row = {
            "first": first,
            "simulations": self.seen,
            "seconds": round(self.seconds, 1),
            "training_log_prob": None if undone else round(-loss, 4),
            "held_out_log_prob": self.held_out_log_prob,  # of the last measurement
        }
        self.history.append(row | ({"undone": True} if undone else {}))
        self.whole = self._counts()

    def _rates(self):
        """Learning rate, share of the average kept, and share done, of each step of a block."""
        c, damping = self.config, _DAMPING**self.undone
        return [
            (
                damping * c.rate(self.seen + k * self.batch),
                min(c.ema, (1 + self.step + k) / (10 + self.step + k)),
                (self.seen + k * self.batch) / c.simulations,
            )
            for k in range(self.size // self.batch)
        ]

    def _undo(self):
        self.steps.restore(self.good)
        self.undone += 1
        if self.undone > _MOST_UNDONE:
            raise SedflowError(
                f"the weights did not stay finite in {self.undone} blocks of "
                f"{self.size:,} simulations, though the learning rate was lowered from "
                f"{self.config.learning_rate:g} each time; train with a lower one"
            )

    @torch.no_grad()
    def measure(self):
        """Mean log density [nats] of held-out pairs under the averaged weights."""
        x, context, weight = self.held_out
        parts = [
            self.steps.average.log_prob(a, b)
            for a, b in zip(x.split(4096), context.split(4096), strict=True)
        ]
        return float((torch.cat(parts) * weight).sum() / weight.sum())

    def posterior(self):
        c, made = self.config, self.training_set
        record = {
            "name": c.name,
            "bands": list(made.noise.bands),
            "prior": c.prior,
            "ssp": {"name": made.model.grid.name, "sha256": made.model.grid.sha256},
            "redshift": list(made.pool.redshift),
            "parameters": parameter_table(),
            "architecture": self.architecture.to_dict(),
            "scaling": dict(
                zip(("centre", "half"), (a.tolist() for a in made.scaling), strict=True)
            ),
            "noise": made.noise.to_dict(),
            "noise_sha256": made.noise.sha256,
            "domain": asdict(self.domain),
            "training": {
                **asdict(c),
                "start_sha256": self.parent_sha256,
                "simulations_seen": self.seen,
                "minutes": round(self.seconds / 60, 2),
                "device": self.device_name,
                "threads": torch.get_num_threads(),
                "curve": _thin(self.history),
            },
        }
        if curves := own_curves(record["bands"]):  # a path alone does not say which curve it was
            record["curves"] = curves
        return AmortizedPosterior(self.steps.average.cpu(), record)

    @property
    def device_name(self):
        return torch.cuda.get_device_name() if self.device.type == "cuda" else "cpu"

    def checkpoint(self):
        """Write all of the state to one file, replacing the last only when it is complete."""
        state = {
            "config": asdict(self.config),
            "made_of": self.made_of,
            "seen": self.seen,
            "step": self.step,
            "undone": self.undone,
            "seconds": self.seconds,
            "history": self.history,
        }
        tensors = {k: v.detach().cpu().contiguous() for k, v in self.steps.state().items()}
        state = sealed({**state, "tensors": _tensor_hash(tensors)})
        remedy = "make room, and train again: it goes on from the last checkpoint"
        with replacing(self.checkpoint_path, remedy) as partial:
            partial.write_bytes(save(tensors, metadata={"state": json.dumps(state)}))

    def finished(self):
        """The network of this very training, where it is done already; None where it is not.

        Raises
        ------
        SedflowError
            There is a network of that name, and another training or nothing readable made it.
        """
        path = self.checkpoint_path.with_suffix(".safetensors")
        if not (path.exists() and path.with_suffix(".json").exists()):
            return None  # of half a network nothing is lost
        try:
            found = load_posterior(path)
        except SedflowError as error:
            raise SedflowError(f"{path} is in the way ({error}); {_ELSEWHERE}") from None
        before = found.record["training"]
        changed = self._changed(before)
        made, record = self.made_of, found.record
        held = {"ssp": record["ssp"]["sha256"], "noise": record["noise_sha256"]}
        held["start"] = before.get("start_sha256", "")
        held |= record.get("curves", {})
        changed += [f"{key} (its file)" for key, value in made.items() if held.get(key) != value]
        if changed:
            raise SedflowError(
                f"{path} is a network that was trained with other {', '.join(changed)}; "
                f"{_ELSEWHERE}"
            )
        return found

    def resume(self):
        if not self.checkpoint_path.exists():
            return
        from safetensors import SafetensorError, safe_open

        try:
            with safe_open(self.checkpoint_path, "pt") as file:
                state = json.loads(file.metadata()["state"])
            tensors = load_file(self.checkpoint_path)
            # Those of earlier versions have no checksums.
            if "tensors" in state and opened(state)["tensors"] != _tensor_hash(tensors):
                raise ValueError("its numbers do not match their checksum")
            self._go_on(state, tensors)
        except SedflowError:
            raise
        except (SafetensorError, OSError, LookupError, RuntimeError, TypeError, ValueError) as why:
            raise SedflowError(
                f"{self.checkpoint_path} cannot be gone on with ({' '.join(str(why).split())[:200]}"
                "); delete it to begin again, or choose another folder"
            ) from None

    @property
    def made_of(self) -> dict:
        """What the names in the configuration stand for: grid, noise, curves and first network."""
        made = self.training_set
        return {
            "ssp": made.model.grid.sha256,
            "noise": made.noise.sha256,
            "start": self.parent_sha256,
            **own_curves(made.noise.bands),
        }

    @property
    def _configured(self):
        """The configuration as JSON has it: lists, not tuples."""
        return json.loads(json.dumps(asdict(self.config)))

    def _changed(self, before):
        """Names of what the configuration has otherwise than one that was written."""
        return [name for name, value in self._configured.items() if before.get(name) != value]

    def _go_on(self, state, tensors):
        """Take up the state of a checkpoint, which must be of the same training."""
        if state["config"] != self._configured:
            changed = self._changed(state["config"])
            raise SedflowError(
                f"{self.checkpoint_path} belongs to a training with other {', '.join(changed)}; "
                "finish that one, choose another folder, or delete the file"
            )
        before = state.get("made_of", self.made_of)  # earlier versions did not tell
        if before != self.made_of:
            changed = [k for k, v in self.made_of.items() if before.get(k) != v]
            raise SedflowError(
                f"{self.checkpoint_path} belongs to a training whose {', '.join(changed)} held "
                "something else; restore that, choose another folder, or delete the file"
            )
        self.steps.restore(tensors)
        self.good = self.steps.snapshot()
        self.seen, self.step, self.undone = state["seen"], state["step"], state["undone"]
        self.seconds, self.history = state["seconds"], state["history"]
        self.held_out_log_prob = self.history[-1]["held_out_log_prob"]
        self.whole = self._counts()


def _tensor_hash(tensors):
    """SHA-256 of all tensors with their names."""
    return sha256_of(save(dict(sorted(tensors.items()))))


def _check_start(parent, config):
    """Refuse to start from a network of another shape than the one configured."""
    shape = parent.flow.config
    wanted = {"kind": config.architecture} | {
        name: getattr(config, name)
        for name in ("layers", "hidden", "bins", "embedding", "embedding_hidden")
        if getattr(config, name) is not None
    }
    same = all(getattr(shape, name) == value for name, value in wanted.items())
    if not same or len(parent.bands) != len(noise_of(config).bands):
        raise _other_shape(parent)


def _begin_with(parent, flow):
    try:
        flow.load_state_dict(parent.flow.state_dict())
    except RuntimeError:
        raise _other_shape(parent) from None


def _other_shape(parent):
    return SedflowError(
        f"{parent.name} has another shape ({parent.flow.config}), so training cannot start "
        f"from it; choose as many bands as its {', '.join(parent.bands)}, and the same layers, "
        "hidden and bins, or train without start"
    )


def _embedding(config, parent):
    """Shape of the embedding: as configured, else a parent's, else the flow's default."""
    shape = {}
    for name in ("embedding", "embedding_hidden"):
        if getattr(config, name) is not None:
            shape[name] = getattr(config, name)
        elif parent is not None:
            shape[name] = parent.record["architecture"][name]
    return shape


def _thin(history):
    """About 100 rows of the learning curve, the last among them."""
    step = max(1, len(history) // 100)
    rows = history[::step]
    return rows if not history or rows[-1] is history[-1] else [*rows, history[-1]]
