"""Gradient steps: the same through fixed buffers as called directly, and undone when not finite."""

import numpy as np
import pytest
import torch
from test_training import Stop, stop_after

import sedflow
from sedflow.errors import SedflowError
from sedflow.network import training, training_set
from sedflow.network.configuration import TrainingConfig
from sedflow.network.flow import FlowConfig, build_flow
from sedflow.network.steps import GradientSteps
from sedflow.network.training import chosen_device, train

SMALL = {
    "simulations": 8192,
    "batch": 64,
    "block": 2048,
    "layers": 2,
    "hidden": 32,
    "embedding": 24,
    "embedding_hidden": 40,
    "warm_up": 1000,
    "ema": 0.9,
}
SHAPE = FlowConfig(features=4, context=6, layers=2, hidden=8, embedding=8, embedding_hidden=8)


def _steps(capture=None):
    flow, average = build_flow(SHAPE), build_flow(SHAPE)
    torch.manual_seed(3)
    for p in flow.parameters():
        torch.nn.init.normal_(p, std=0.1)
    average.load_state_dict(flow.state_dict())
    return GradientSteps(flow, average, 32, 5.0, capture)


def _data(n=160):
    generator = torch.Generator().manual_seed(1)
    return torch.randn(n, 4, generator=generator), torch.randn(n, 6, generator=generator)


RATES = [(1e-2, 0.9, 0.7), (1e-2, 0.8, 0.74), (1e-2, 0.9, 0.75), (0.0, 1.0, 0.8), (1e-2, 0.9, 0.9)]


class Replay:
    """A stand-in for a graph: it runs the step three times in trial, then calls it.

    alone : says whether nothing else uses the device
    """

    def __init__(self, alone=lambda: True):
        self.calls, self.alone = [], alone

    def __call__(self, step, precision):
        assert self.alone()
        for _ in range(3):
            step()

        def replay():
            self.calls.append(precision)
            step()

        return replay


def test_steps_through_fixed_buffers_are_those_called_directly():
    """What a graph's trial runs change is put back, and the last quarter is in full precision."""
    direct, replay = _steps(), Replay()
    through = _steps(replay)
    for _ in range(2):
        losses = [steps.learn(*_data(), RATES) for steps in (direct, through)]
        assert losses[0] == pytest.approx(losses[1], abs=1e-6)
    assert replay.calls == ["high", "high", "highest", "highest", "highest"] * 2
    for name, value in direct.state().items():
        torch.testing.assert_close(through.state()[name], value, atol=1e-6, rtol=1e-5)


def test_a_step_is_that_of_plain_adamw():
    """Clipped gradient, AdamW and average, written out."""
    steps = _steps()
    flow = build_flow(SHAPE)
    flow.load_state_dict(steps.flow.state_dict())
    start = [p.detach().clone() for p in flow.parameters()]
    plain = torch.optim.AdamW(flow.parameters(), lr=1e-2, weight_decay=1e-5, betas=(0.9, 0.98))
    x, context = _data(32)
    loss = -flow.log_prob(x, context).mean()
    loss.backward()
    torch.nn.utils.clip_grad_norm_(flow.parameters(), 5.0)
    plain.step()
    assert steps.learn(x, context, [(1e-2, 0.75, 0.0)]) == pytest.approx(
        float(loss.detach()), abs=1e-6
    )
    mine = zip(steps.flow.parameters(), steps.average.parameters(), strict=True)
    for (p, average), q, before in zip(mine, flow.parameters(), start, strict=True):
        torch.testing.assert_close(p, q, atol=1e-6, rtol=1e-5)
        torch.testing.assert_close(average, 0.75 * before + 0.25 * q, atol=1e-6, rtol=1e-5)


def test_a_snapshot_brings_everything_back():
    steps = _steps()
    steps.learn(*_data(), RATES)
    before = steps.snapshot()
    addresses = [t.data_ptr() for t in steps.state().values()]
    steps.learn(*_data(), RATES)
    x, context = _data()
    x[3, 2] = torch.nan
    assert np.isnan(steps.learn(x, context, RATES))
    assert not steps.sound()
    steps.restore(before)
    assert steps.sound()
    for name, value in steps.state().items():
        assert torch.equal(value, before[name])
    assert addresses == [t.data_ptr() for t in steps.state().values()]


@pytest.fixture
def quick(monkeypatch):
    for name, value in (("_HELD_OUT", 1024), ("_SCALING", 4096), ("_COPIES", 1)):
        monkeypatch.setattr(training_set, name, value)


@pytest.fixture
def as_on_a_gpu(quick, monkeypatch):
    """All that a GPU does but the capture: torch's simulator, fixed buffers, on the CPU."""

    class OnDevice(training._Training):
        def __init__(self, config, folder, device):
            super().__init__(config, folder, device, on_device=True)
            self.steps._capture = Replay(lambda: self.next_block is None)

    monkeypatch.setattr(training, "_Training", OnDevice)


@pytest.mark.slow
def test_a_training_of_the_device_learns_and_resumes(as_on_a_gpu, tmp_path):
    config = TrainingConfig(**SMALL)
    rows = []
    whole = train(config, tmp_path / "whole", lambda seen, row: rows.append(row))
    assert rows[-1]["held_out_log_prob"] > rows[0]["held_out_log_prob"] + 0.1
    assert whole.record["training"]["device"] == "cpu"
    assert whole.record["architecture"]["embedding"] == 24
    with pytest.raises(Stop):
        train(config, tmp_path / "broken", stop_after(4096), checkpoint_seconds=0)
    seen = []
    broken = train(config, tmp_path / "broken", lambda n, row: seen.append(n))
    assert seen[0] > 2048
    for a, b in zip(whole.flow.parameters(), broken.flow.parameters(), strict=True):
        assert torch.equal(a, b)
    assert sedflow.load_posterior(tmp_path / "whole" / "nsa-ugriz-fsps.safetensors").bands


@pytest.mark.slow
def test_a_training_of_the_device_begins_with_another_network(as_on_a_gpu, tmp_path, posterior):
    small = {"simulations": 2048, "batch": 256, "block": 1024, "learning_rate": 1e-5, "warm_up": 1}
    rows = []
    config = TrainingConfig.named("nsa-ugriz-bc03", "cuda", **small)
    child = train(config, tmp_path, lambda seen, row: rows.append(row))
    assert rows[0]["held_out_log_prob"] > -14
    np.testing.assert_array_equal(child.scaling[0], posterior.scaling[0])
    assert child.flow.config.embedding == posterior.flow.config.embedding


@pytest.mark.slow
@pytest.mark.parametrize("broken", [1, range(100)], ids=["once", "always"])
def test_a_block_that_is_not_finite_is_undone(broken, quick, monkeypatch, tmp_path):
    made = training_set.TrainingSet.block

    def block(self, k, size):
        x, context = made(self, k, size)
        if k == broken or (isinstance(broken, range) and k in broken):
            x[5, 1] = torch.nan
        return x, context

    monkeypatch.setattr(training_set.TrainingSet, "block", block)
    rows = []

    def keep(seen, row):
        rows.append(row)

    if broken == 1:
        train(TrainingConfig(**SMALL), tmp_path, keep)
        assert [row.get("undone", False) for row in rows] == [False, True, False, False]
        assert rows[1]["training_log_prob"] is None
        assert rows[-1]["held_out_log_prob"] > rows[0]["held_out_log_prob"]
    else:
        long = TrainingConfig(**SMALL | {"simulations": 10 * 2048})
        with pytest.raises(SedflowError, match="did not stay finite in 9 blocks"):
            train(long, tmp_path, keep)


def test_a_device_that_is_not_there_is_refused(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert chosen_device("auto").type == "cpu"
    with pytest.raises(SedflowError, match="sees no GPU; install a torch with CUDA"):
        chosen_device("cuda")
    with pytest.raises(SedflowError, match="'tpu' is unknown; choose one of auto, cpu, cuda"):
        chosen_device("tpu")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert chosen_device("auto").type == "cuda"
    assert chosen_device("cpu").type == "cpu"
