"""Configurations: by name and device, with a schedule that fits the simulations."""

import json
from importlib.resources import files

import numpy as np
import pytest

from sedflow.errors import SedflowError
from sedflow.model.simulation import nsa_noise
from sedflow.network.configuration import NETWORKS, TrainingConfig, noise_of


def test_a_name_stands_for_another_configuration_on_a_gpu():
    core, gpu = (TrainingConfig.named("nsa-ugriz-fsps", device) for device in ("cpu", "cuda"))
    assert (core.batch, core.simulations, core.embedding) == (1024, 14_000_000, None)
    assert (gpu.batch, gpu.simulations, gpu.embedding) == (8192, 201_326_592, 192)
    for name in ("layers", "hidden", "bins", "bands", "ssp", "prior", "survey"):
        assert getattr(core, name) == getattr(gpu, name)
    assert gpu.block % gpu.batch == 0
    own = TrainingConfig.named("mine", "cuda", batch=512, simulations=1000)
    assert (own.batch, own.simulations, own.hidden) == (512, 1000, 192)


@pytest.mark.parametrize("device", ["cpu", "cuda"])
def test_a_network_that_begins_with_another_takes_its_embedding(device):
    config = TrainingConfig.named("nsa-ugriz-bc03", device)
    assert config.start == "nsa-ugriz-fsps"
    assert config.embedding is None and config.embedding_hidden is None
    assert TrainingConfig.named("nsa-ugriz-bc03", device, embedding=64).embedding == 64


@pytest.mark.parametrize("name", NETWORKS)
def test_the_packaged_networks_say_how_they_were_trained(name):
    """Their record has what decides grid, bands, prior and shape of the flow of that name."""
    record = json.loads((files("sedflow") / "data" / f"{name}.json").read_text())
    config = TrainingConfig.named(name)
    for key in ("ssp", "prior", "survey", "layers", "hidden", "bins"):
        assert record["training"][key] == getattr(config, key)
    assert tuple(record["training"]["bands"]) == config.bands


def test_the_rate_rises_and_falls():
    config = TrainingConfig(simulations=1_000_000, warm_up=100_000, learning_rate=1e-3)
    rates = [config.rate(seen) for seen in range(0, 1_000_001, 10_000)]
    top = int(np.argmax(rates))
    assert 5 <= top <= 12
    assert (np.diff(rates[:top]) > 0).all() and (np.diff(rates[top:]) < 0).all()
    assert rates[0] == 0
    assert rates[-1] == pytest.approx(1e-5)
    assert TrainingConfig(warm_up=0).rate(0) == pytest.approx(1.2e-3)


def test_a_short_training_is_warm_in_time():
    """However long the warm-up, the rate is near its height after a fifth of the training."""
    config = TrainingConfig.named("mine", "cuda", simulations=1_000_000)
    assert config.rate(200_000) > 0.9 * config.learning_rate


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"batch": 0}, "batch = 0; give a whole number from 1"),
        ({"block": 2.5}, "block = 2.5; give a whole number"),
        ({"embedding": -1}, "embedding = -1; give a whole number"),
        ({"seed": -1}, "seed = -1; give a whole number from 0"),
        ({"pool": 0}, "pool = 0; give a whole number"),
        ({"alike": 0.5}, "alike = 0.5; give a number from 1"),
        ({"learning_rate": float("nan")}, "learning_rate = nan; give a number between 0 and 1"),
    ],
)
def test_a_configuration_that_cannot_be_is_refused(options, message):
    with pytest.raises(SedflowError, match=message):
        TrainingConfig(**options)


def _scatter_of_zero(numbers):
    numbers["scatter"][0][0] = 0.0


def _two_nodes(numbers):
    for key in ("log_flux", "median", "scatter"):
        numbers[key] = [row[:2] for row in numbers[key]]


def _nodes_that_round_to_one(numbers):
    numbers["log_flux"][0][1] = numbers["log_flux"][0][0] + 1e-6


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda numbers: numbers.update(broad=[-12, 3]), "from -10 to 10 dex"),
        (_scatter_of_zero, "give dex above 0"),
        (_nodes_that_round_to_one, "must ascend"),
        (lambda numbers: numbers["log_flux"][1].reverse(), "must ascend"),
        (_two_nodes, "of 3 nodes at least"),
    ],
)
def test_a_noise_model_that_no_record_takes_is_refused_before_the_training(tmp_path, change, words):
    numbers = nsa_noise().to_dict()
    path = tmp_path / "noise.json"
    config = TrainingConfig(name="mine", noise=str(path))
    path.write_text(json.dumps(numbers))
    assert noise_of(config).sha256 == nsa_noise().sha256
    change(numbers)
    path.write_text(json.dumps(numbers))
    with pytest.raises(SedflowError, match=words):
        noise_of(config)


@pytest.mark.parametrize("bands", [("u", "u"), ()])
def test_bands_that_cannot_be_are_refused_at_once(bands):
    with pytest.raises(SedflowError, match=r"twice|at least one band"):
        TrainingConfig(bands=bands)
