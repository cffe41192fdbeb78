"""Speed of training on the device that there is: simulations and gradient steps per second.

    python benchmarks/training.py                   # two minutes on a core
    python benchmarks/training.py --device cuda     # batches of a GPU, and its graph

On a processor, time is the process's own, so that other work on the machine does not count, and
"plain" is the step without fused AdamW and fixed rates: torch's own loss, clip, AdamW and
`lerp`, with which the networks of 2026 were trained. Both take turns in one run. On a GPU, time
is that of the clock, and the graph is compared with the same step called directly.
"""

import argparse
import time

import torch
from torch import nn

from sedflow.network import training_set
from sedflow.network.configuration import TrainingConfig
from sedflow.network.flow import FlowConfig, build_flow
from sedflow.network.steps import GradientSteps, captured
from sedflow.network.training import chosen_device
from sedflow.network.training_set import TrainingSet
from sedflow.parameters import N_SHAPE
from sedflow.threads import use_threads

_TURNS = 3  # of which the fastest counts


class PlainSteps:
    """The step in torch's plainest form, to compare with."""

    def __init__(self, flow, average, batch, clip):
        self.flow, self.average, self.batch, self.clip = flow, average, batch, clip
        self.optimizer = torch.optim.AdamW(
            flow.parameters(), lr=1e-3, weight_decay=1e-5, betas=(0.9, 0.98)
        )

    def learn(self, x, context, rates):
        losses = []
        parts = zip(x.split(self.batch), context.split(self.batch), rates, strict=True)
        for a, b, (rate, keep, _) in parts:
            for group in self.optimizer.param_groups:
                group["lr"] = rate
            loss = -self.flow.log_prob(a, b).mean()
            self.optimizer.zero_grad(set_to_none=True)
            loss.backward()
            nn.utils.clip_grad_norm_(self.flow.parameters(), self.clip)
            self.optimizer.step()
            with torch.no_grad():
                torch._foreach_lerp_(
                    list(self.average.parameters()), list(self.flow.parameters()), 1.0 - keep
                )
            losses.append(loss.detach())
        return float(torch.stack(losses).mean())


def seconds(call, clock):
    start = clock()
    call()
    return clock() - start


def fastest(calls, clock):
    """Seconds of each call, the best of a few, in turn."""
    taken = {name: [] for name in calls}
    for _ in range(_TURNS):
        for name, call in calls.items():
            taken[name].append(seconds(call, clock))
    return {name: min(times) for name, times in taken.items()}


def simulations(made, device, size, clock):
    """Simulations made per second, of which one in `pool.size` is learnt from."""
    block = made.device_blocks(device)
    block(0, size)
    calls = {"numpy": lambda: made.block(1, size), f"torch, {device}": lambda: block(1, size)}
    return {k: made.pool.size * size / t for k, t in fastest(calls, clock).items()}


def gradient_steps(config, made, device, n, clock):
    """Steps per second of a batch; on a GPU the graph's, in both precisions."""

    def pair():
        shape = FlowConfig(
            features=N_SHAPE,
            context=made.n_feature,
            layers=config.layers,
            hidden=config.hidden,
            bins=config.bins,
            embedding=config.embedding or 128,
            embedding_hidden=config.embedding_hidden or 256,
        )
        return [build_flow(shape).to(device) for _ in range(2)]

    x = torch.randn(n * config.batch, N_SHAPE, device=device)
    context = torch.randn(n * config.batch, made.n_feature, device=device)
    kinds = {
        "plain": (PlainSteps(*pair(), config.batch, config.clip), 0.0),
        "called directly": (GradientSteps(*pair(), config.batch, config.clip), 0.0),
    }
    if device.type == "cuda":
        graph = GradientSteps(*pair(), config.batch, config.clip, captured)
        kinds |= {"graph, TF32": (graph, 0.0), "graph, fp32": (graph, 1.0)}

    def learn(steps, done):
        return lambda: steps.learn(x, context, [(1e-4, 0.999, done)] * n)

    calls = {name: learn(*kind) for name, kind in kinds.items()}
    for call in calls.values():
        call()
    return {name: n / t for name, t in fastest(calls, clock).items()}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--network", default="nsa-ugriz-fsps")
    parser.add_argument("--device", default="auto", choices=["auto", "cpu", "cuda"])
    parser.add_argument("--steps", type=int, help="Steps of a turn; default 6, on a GPU 200.")
    args = parser.parse_args()
    use_threads(1)
    device = chosen_device(args.device)
    on_gpu = device.type == "cuda"
    clock = time.perf_counter if on_gpu else time.process_time
    config = TrainingConfig.named(args.network, device.type)
    training_set._SCALING = 20_000  # enough for the speed
    made = TrainingSet(config)
    name = torch.cuda.get_device_name() if on_gpu else "one core"
    print(f"{args.network}, {name}, batches of {config.batch}\n")
    print("| simulations made | per second |\n|---|---|")
    for kind, rate in simulations(made, device, config.block if on_gpu else 8192, clock).items():
        print(f"| {kind} | {rate:,.0f} |")
    steps = gradient_steps(config, made, device, args.steps or (200 if on_gpu else 6), clock)
    print("\n| gradient steps | per second | simulations per second |\n|---|---|---|")
    for kind, rate in steps.items():
        print(f"| {kind} | {rate:,.2f} | {rate * config.batch:,.0f} |")


if __name__ == "__main__":
    main()
