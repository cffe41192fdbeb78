"""Training: learns, resumes, and survives being killed."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from safetensors import safe_open
from safetensors.torch import load_file, save

import sedflow
from sedflow.cli import main
from sedflow.errors import SedflowError
from sedflow.files.hashes import opened, sealed
from sedflow.network import training, training_set
from sedflow.network.flow import FlowConfig, build_flow
from sedflow.network.posterior import AmortizedPosterior
from sedflow.network.steps import GradientSteps
from sedflow.network.training import TrainingConfig, train

pytestmark = pytest.mark.slow

SMALL = {
    "simulations": 12_288,
    "batch": 128,
    "block": 2048,
    "layers": 2,
    "hidden": 32,
    "warm_up": 1000,
    "ema": 0.9,
}


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch):
    for name, value in (("_HELD_OUT", 2048), ("_SCALING", 4096), ("_COPIES", 1)):
        monkeypatch.setattr(training_set, name, value)


class Stop(Exception):
    pass


def stop_after(n):
    def progress(seen, row):
        if seen >= n:
            raise Stop

    return progress


def test_training_improves_the_held_out_density(tmp_path):
    rows = []
    posterior = train(TrainingConfig(**SMALL), tmp_path, lambda seen, row: rows.append(row))
    assert rows[-1]["held_out_log_prob"] > rows[0]["held_out_log_prob"] + 0.2
    record = posterior.record["training"]
    assert record["simulations_seen"] == 12_288
    assert record["minutes"] > 0
    endings = {path.name.partition(".")[2] for path in tmp_path.iterdir()}
    graphs = {"graphs.json", *(f"{graph}.onnx" for graph in ("draw", "density", "features"))}
    assert endings == {"json", "safetensors"} | graphs
    again = sedflow.load_posterior(tmp_path / "nsa-ugriz-fsps.safetensors")
    assert again.bands == ("u", "g", "r", "i", "z")


def test_an_interrupted_training_ends_where_an_unbroken_one_does(tmp_path):
    config = TrainingConfig(**SMALL)
    train(config, tmp_path / "whole")
    with pytest.raises(Stop):
        train(config, tmp_path / "broken", stop_after(6144), checkpoint_seconds=0)
    assert (tmp_path / "broken" / "nsa-ugriz-fsps.checkpoint").exists()
    seen = []
    train(config, tmp_path / "broken", lambda n, row: seen.append(n))
    assert seen[0] > 2048  # it went on, and did not begin again
    a, b = (load_file(tmp_path / k / "nsa-ugriz-fsps.safetensors") for k in ("whole", "broken"))
    for key, value in a.items():
        np.testing.assert_array_equal(value, b[key])


def test_a_checkpoint_of_another_training_is_refused(tmp_path):
    with pytest.raises(Stop):
        train(TrainingConfig(**SMALL), tmp_path, stop_after(4096), checkpoint_seconds=0)
    with pytest.raises(SedflowError, match="belongs to a training with other seed, hidden"):
        train(TrainingConfig(**(SMALL | {"hidden": 64, "seed": 5})), tmp_path)


def test_a_network_is_not_replaced_by_another_of_its_name(tmp_path):
    """Hours of training were gone without a word when the command was given again."""
    config = TrainingConfig(**(SMALL | {"simulations": 2048}))
    train(config, tmp_path)
    path = tmp_path / f"{config.name}.safetensors"
    before = path.read_bytes()
    seen = []
    other = path.with_suffix(".checkpoint")
    other.write_bytes(b"of another training")
    again = train(config, tmp_path, lambda n, row: seen.append(n))
    assert other.read_bytes() == b"of another training"
    other.unlink()
    assert again.record_sha256 == sedflow.load_posterior(path).record_sha256 and not seen
    with pytest.raises(SedflowError, match="trained with other seed; choose another name"):
        train(TrainingConfig(**(SMALL | {"simulations": 2048, "seed": 9})), tmp_path)
    record = path.with_suffix(".json")
    record.write_text(record.read_text()[:100])
    with pytest.raises(SedflowError, match=r"is in the way .*move it away"):
        train(config, tmp_path)
    assert path.read_bytes() == before


def test_two_trainings_of_one_name_do_not_share_a_folder(tmp_path):
    """The second took up the first one's checkpoint, and both wrote the same network."""
    refused = []

    def again(seen, row):
        with pytest.raises(SedflowError, match="another training of nsa-ugriz-fsps is at work in"):
            train(TrainingConfig(**SMALL), tmp_path)
        refused.append(seen)

    train(TrainingConfig(**(SMALL | {"simulations": 2048})), tmp_path, again)
    assert refused


def test_a_checkpoint_that_is_damaged_or_of_other_files_is_refused(tmp_path):
    """A file cut short gave a traceback, and another SSP grid of the same name went unnoticed."""
    config = TrainingConfig(**SMALL)
    with pytest.raises(Stop):
        train(config, tmp_path, stop_after(4096), checkpoint_seconds=0)
    path = tmp_path / "nsa-ugriz-fsps.checkpoint"
    whole = path.read_bytes()
    tensors = {name: value.clone() for name, value in load_file(path).items()}  # not its memory
    with safe_open(path, "np") as file:
        state = json.loads(file.metadata()["state"])
    flipped = whole[:-1000] + bytes([whole[-1000] ^ 1]) + whole[-999:]
    for content in (b"", b"x" * 100, whole[: len(whole) // 2], save(tensors), save({}), flipped):
        path.write_bytes(content)
        with pytest.raises(SedflowError, match=r"cannot be gone on with .*delete it"):
            train(config, tmp_path)
    state = opened(state)
    state["made_of"]["ssp"] = "0" * 64
    path.write_bytes(save(tensors, metadata={"state": json.dumps(sealed(state))}))
    with pytest.raises(SedflowError, match="a training whose ssp held something else"):
        train(config, tmp_path)


def test_a_killed_command_resumes(tmp_path):
    """`sedflow train` killed without warning goes on from its checkpoint."""
    script = (
        "from sedflow import cli\nfrom sedflow.network import configuration, training as t\n"
        "from sedflow.network import training_set as s\n"
        "s._HELD_OUT, s._SCALING, s._COPIES = 2048, 4096, 1\n"
        "configuration._BY_DEVICE['cpu']['block'] = 2048\n"
        "t.train.__defaults__ = (None, 0.0, 'auto')\n"
        f"cli.main(['train', '--output', {str(tmp_path)!r}, '--simulations', '20480',"
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
    assert "20,480 simulations on" in done.stderr
    assert re.search(r"\d\.\d minutes to go", done.stderr)
    weights = sedflow.load_posterior(tmp_path / "nsa-ugriz-fsps.safetensors")
    assert weights.record["training"]["simulations_seen"] == 20_480


def test_a_training_that_is_interrupted_in_a_block_keeps_the_blocks_before_it(
    tmp_path, monkeypatch
):
    config, step, steps = TrainingConfig(**SMALL), GradientSteps._step, []

    def interrupted(self, *batch):
        steps.append(batch)
        if len(steps) == 40:  # of 16 a block
            raise KeyboardInterrupt
        step(self, *batch)

    train(config, tmp_path / "whole")
    with monkeypatch.context() as patched:
        patched.setattr(GradientSteps, "_step", interrupted)
        with pytest.raises(KeyboardInterrupt):
            train(config, tmp_path / "broken")
    seen = []
    train(config, tmp_path / "broken", lambda n, row: seen.append(n))
    assert seen[0] == 6144
    a, b = (load_file(tmp_path / k / "nsa-ugriz-fsps.safetensors") for k in ("whole", "broken"))
    for key, value in a.items():
        np.testing.assert_array_equal(value, b[key])


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_command_that_is_stopped_keeps_what_it_has_trained(tmp_path, number):
    script = (
        "import os\nfrom sedflow import cli\nfrom sedflow.network import configuration\n"
        "from sedflow.network import training as t, training_set as s\n"
        "s._HELD_OUT, s._SCALING, s._COPIES = 2048, 4096, 1\n"
        "configuration._BY_DEVICE['cpu']['block'] = 2048\n"
        "block = t._Training.train_block\n"
        "def then_stop(run):\n"
        "    block(run)\n"
        f"    if run.seen == 4096: os.kill(os.getpid(), {int(number)})\n"
        "t._Training.train_block = then_stop\n"
        f"cli.main(['train', '--output', {str(tmp_path)!r}, '--simulations', '20480',"
        " '--layers', '2', '--hidden', '32'])\n"
    )
    command = [sys.executable, "-c", script]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 1
    assert "Error: stopped; give the same command again to go on in" in done.stderr
    with safe_open(tmp_path / "nsa-ugriz-fsps.checkpoint", "pt") as file:
        assert json.loads(file.metadata()["state"])["seen"] == 4096


def test_a_training_begins_with_another_network(tmp_path, posterior):
    """It is no worse than its parent from the first block on, and refuses another shape."""
    small = {"simulations": 4096, "batch": 128, "block": 2048, "learning_rate": 1e-5, "warm_up": 1}
    config = TrainingConfig.named("nsa-ugriz-bc03", **small)
    rows = []
    child = train(config, tmp_path, lambda seen, row: rows.append(row))
    assert child.ssp == "bc03"
    assert rows[0]["held_out_log_prob"] > -14
    np.testing.assert_array_equal(child.scaling[0], posterior.scaling[0])
    with pytest.raises(SedflowError, match="has another shape"):
        train(TrainingConfig.named("nsa-ugriz-bc03", **(small | {"layers": 2})), tmp_path / "b")


@pytest.mark.parametrize(
    "other",
    [
        {"bands": ("g", "r")},
        {"layers": 2},
        {"hidden": 64},
        {"bins": 4},
        {"embedding": 8},
    ],
)
def test_a_start_of_another_shape_is_refused_before_anything_is_simulated(
    tmp_path, monkeypatch, other
):
    def simulated(*_):
        raise AssertionError("simulated first")

    monkeypatch.setattr("sedflow.network.training.TrainingSet", simulated)
    config = TrainingConfig.named("nsa-ugriz-bc03", simulations=100)
    with pytest.raises(AssertionError, match="simulated first"):
        train(config, tmp_path)
    with pytest.raises(SedflowError, match=r"has another shape.*choose as many bands as its u, g"):
        train(TrainingConfig.named("nsa-ugriz-bc03", simulations=100, **other), tmp_path)


def test_a_training_begins_with_a_network_of_a_wider_embedding(tmp_path, posterior):
    """Without an option for the embedding, the child takes its parent's."""
    shape = {**posterior.record["architecture"], "embedding": 96, "embedding_hidden": 160}
    shape |= {"layers": SMALL["layers"], "hidden": SMALL["hidden"]}
    record = {**posterior.record, "name": "wide", "architecture": shape}
    parent = AmortizedPosterior(build_flow(FlowConfig(**shape)), record).save(tmp_path)
    small = SMALL | {"simulations": 2048}
    child = train(TrainingConfig(name="child", start=str(parent), **small), tmp_path / "child")
    assert child.record["architecture"]["embedding"] == 96
    assert child.record["architecture"]["embedding_hidden"] == 160


def test_the_command_takes_a_network_by_name(monkeypatch, tmp_path):
    """As an argument or an option, with the configuration of the device."""
    taken = []

    def stop(config, folder, **options):
        taken.append((config, options["device"]))
        raise SedflowError("far enough")

    monkeypatch.setattr(training, "train", stop)
    monkeypatch.setattr(training.torch.cuda, "is_available", lambda: True)
    for words in (["nsa-uv-bc03"], ["--name", "nsa-uv-bc03", "--device", "cpu"]):
        CliRunner().invoke(main, ["train", *words, "--output", str(tmp_path)])
    assert taken == [
        (TrainingConfig.named("nsa-uv-bc03", "cuda"), "cuda"),
        (TrainingConfig.named("nsa-uv-bc03", "cpu"), "cpu"),
    ]
    both = CliRunner().invoke(main, ["train", "a", "--name", "b"])
    assert both.exit_code == 2 and "two names, a and b" in both.output
    monkeypatch.setattr(training.torch.cuda, "is_available", lambda: False)
    none = CliRunner().invoke(main, ["train", "--device", "cuda", "--output", str(tmp_path)])
    assert none.exit_code == 1 and "sees no GPU" in none.output


def test_the_commands_of_the_documentation_run(tmp_path, monkeypatch):
    """On the CPU, with tiny networks, in the order of the page: one command needs another."""
    monkeypatch.chdir(tmp_path)
    tiny = ["--layers", "2", "--hidden", "8", "--embedding", "8", "--embedding-hidden", "8"]
    tiny += ["--simulations", "1024", "--device", "cpu"]
    done = 0
    for page in ("recipes", "training"):
        text = (Path(__file__).parents[2] / "docs" / f"{page}.md").read_text()
        text = re.sub(r"\\\n *", "", text)  # commands of two lines
        for words in re.findall(r"^    sedflow (train .*)$", text, re.MULTILINE):
            result = CliRunner().invoke(main, [*words.split(), *tiny])
            assert result.exit_code == 0, result.output
            done += 1
    assert done >= 5
    assert (tmp_path / "runs" / "gpu" / "nsa-ugriz-bc03.safetensors").exists()
