"""Training: learns, resumes, and survives being killed."""

import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from safetensors.torch import load_file

import sedflow
from sedflow import training
from sedflow.errors import SedflowError
from sedflow.training import TrainingConfig, train

pytestmark = pytest.mark.slow

SMALL = {
    "simulations": 12_288,
    "batch": 128,
    "layers": 2,
    "hidden": 32,
    "warm_up": 1000,
    "ema": 0.9,
}


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch):
    small = (("_BLOCK", 2048), ("_HELD_OUT", 2048), ("_SCALING", 4096), ("_COPIES", 1))
    for name, value in small:
        monkeypatch.setattr(training, name, value)


class _Stop(Exception):
    pass


def _stop_after(n):
    def progress(seen, row):
        if seen >= n:
            raise _Stop

    return progress


def test_training_improves_the_held_out_density(tmp_path):
    rows = []
    posterior = train(TrainingConfig(**SMALL), tmp_path, lambda seen, row: rows.append(row))
    assert rows[-1]["held_out_log_prob"] > rows[0]["held_out_log_prob"] + 0.2
    record = posterior.record["training"]
    assert record["simulations_seen"] == 12_288
    assert record["minutes"] > 0
    assert sorted(p.suffix for p in tmp_path.iterdir()) == [".json", ".safetensors"]
    again = sedflow.load_posterior(tmp_path / "nsa-ugriz-fsps.safetensors")
    assert again.bands == ("u", "g", "r", "i", "z")


def test_an_interrupted_training_ends_where_an_unbroken_one_does(tmp_path):
    config = TrainingConfig(**SMALL)
    train(config, tmp_path / "whole")
    with pytest.raises(_Stop):
        train(config, tmp_path / "broken", _stop_after(6144), checkpoint_seconds=0)
    assert (tmp_path / "broken" / "nsa-ugriz-fsps.checkpoint").exists()
    seen = []
    train(config, tmp_path / "broken", lambda n, row: seen.append(n))
    assert seen[0] > 2048  # it went on, and did not begin again
    a, b = (load_file(tmp_path / k / "nsa-ugriz-fsps.safetensors") for k in ("whole", "broken"))
    for key, value in a.items():
        np.testing.assert_array_equal(value, b[key])


def test_a_checkpoint_of_another_training_is_refused(tmp_path):
    with pytest.raises(_Stop):
        train(TrainingConfig(**SMALL), tmp_path, _stop_after(4096), checkpoint_seconds=0)
    with pytest.raises(SedflowError, match="belongs to a training with other seed, hidden"):
        train(TrainingConfig(**(SMALL | {"hidden": 64, "seed": 5})), tmp_path)


def test_a_killed_command_resumes(tmp_path):
    """`sedflow train` killed without warning goes on from its checkpoint."""
    script = (
        "from sedflow import training as t, cli\n"
        "t._BLOCK, t._HELD_OUT, t._SCALING, t._COPIES = 2048, 2048, 4096, 1\n"
        "t.train.__defaults__ = (None, 0.0)\n"
        f"cli.main(['train', '--output', {str(tmp_path)!r}, '--simulations', '40960',"
        " '--layers', '2', '--hidden', '32'])\n"
    )
    command = [sys.executable, "-c", script]
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    checkpoint = tmp_path / "nsa-ugriz-fsps.checkpoint"
    deadline = time.monotonic() + 120
    while not checkpoint.exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    assert checkpoint.exists()
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=True)
    assert "minutes of training" in done.stdout
    weights = sedflow.load_posterior(tmp_path / "nsa-ugriz-fsps.safetensors")
    assert weights.record["training"]["simulations_seen"] == 40_960


def test_a_training_begins_with_another_network(tmp_path, posterior):
    """It is no worse than its parent from the first block on, and refuses another shape."""
    small = {"simulations": 4096, "batch": 128, "learning_rate": 1e-5, "warm_up": 1}
    config = TrainingConfig.named("nsa-ugriz-bc03", **small)
    rows = []
    child = train(config, tmp_path, lambda seen, row: rows.append(row))
    assert child.ssp == "bc03"
    assert rows[0]["held_out_log_prob"] > -14
    np.testing.assert_array_equal(child.scaling[0], posterior.scaling[0])
    with pytest.raises(SedflowError, match="has another shape"):
        train(TrainingConfig.named("nsa-ugriz-bc03", **(small | {"layers": 2})), tmp_path / "b")
