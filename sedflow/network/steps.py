"""The steps of training: forward, backward, clipped gradient, AdamW, running average.

On a GPU all of a step is one CUDA graph, captured once and replayed: a step is some thousand
small kernels, which take longer to launch one by one than to run. What changes between steps,
batch and rates, is therefore copied into tensors that stay where they are. The first three
quarters of a training take their products there in TF32, the rest in single precision.

On a processor the same step is called directly.
"""

from collections.abc import Callable

import torch
from torch import nn

_ROUGH = 0.75  # share of a training that needs no more than TF32


def captured(step: Callable[[], None], precision: str) -> Callable[[], None]:
    """A call that repeats the step as a CUDA graph, with products in a precision of torch's."""
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision(precision)
    try:
        side = torch.cuda.Stream()
        side.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(side):
            for _ in range(3):  # what libraries set up at first use cannot be captured
                step()
        torch.cuda.current_stream().wait_stream(side)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            step()
    finally:
        torch.set_float32_matmul_precision(before)
    return graph.replay


class GradientSteps:
    """A flow that learns, its running average, and the state of the optimizer.

    Parameters
    ----------
    flow, average : modules of one shape and on one device; the average is never trained
    batch : int
        Simulations of a step.
    clip : float
        Largest norm of the gradient.
    capture : callable, optional
        `captured` on a GPU; without it each step is called directly.
    """

    def __init__(
        self,
        flow: nn.Module,
        average: nn.Module,
        batch: int,
        clip: float,
        capture: Callable[[Callable[[], None], str], Callable[[], None]] | None = None,
    ) -> None:
        self.flow, self.average, self.batch, self._clip = flow, average, batch, clip
        self._own, self._averages = list(flow.parameters()), list(average.parameters())
        device = self._own[0].device
        self._rate = torch.zeros((), device=device)
        self._keep = torch.zeros((), device=device)
        self._loss = torch.zeros((), device=device)
        self.optimizer = torch.optim.AdamW(
            self._own,
            lr=self._rate,
            weight_decay=1e-5,
            betas=(0.9, 0.98),
            fused=True,
            capturable=device.type == "cuda",
        )
        for p in self._own:  # at once, so that a state can be read into it before the first step
            self.optimizer.state[p] = {
                "step": torch.zeros((), device=device),
                "exp_avg": torch.zeros_like(p),
                "exp_avg_sq": torch.zeros_like(p),
            }
        self._capture = capture
        self._batch: list[torch.Tensor] = []

    def learn(self, x, context, rates) -> float:
        """Mean loss of the steps from one block, x (n, n_x) and context (n, n_feature).

        rates : for each of the n / batch steps the learning rate, the share of the running
            average that is kept, and the share of the training that is done
        """
        self.prepare(x, context)
        self._loss.zero_()
        parts = zip(x.split(self.batch), context.split(self.batch), rates, strict=True)
        for part_x, part_context, (rate, keep, done) in parts:
            self._rate.fill_(rate)
            self._keep.fill_(keep)
            if self._batch:
                self._batch[0].copy_(part_x)
                self._batch[1].copy_(part_context)
                (self._rough if done < _ROUGH else self._fine)()
            else:
                self.flow.zero_grad(set_to_none=True)
                self._step(part_x, part_context)
        return float(self._loss) / len(rates)

    def prepare(self, x, context) -> None:
        """Capture the step, once; what its trial runs changed is put back.

        No other thread may use the GPU meanwhile: a capture fails where one asks for memory.
        """
        self.flow.train()
        if not self._capture or self._batch:
            return
        self._batch = [x[: self.batch].clone(), context[: self.batch].clone()]
        for p in self._own:
            p.grad = torch.zeros_like(p)

        def step():
            torch._foreach_zero_([p.grad for p in self._own])
            self._step(*self._batch)

        before = self.snapshot()
        self._rough, self._fine = self._capture(step, "high"), self._capture(step, "highest")
        self.restore(before)

    def _step(self, x, context):
        loss = -self.flow.log_prob(x, context).mean()
        loss.backward()
        nn.utils.clip_grad_norm_(self._own, self._clip, foreach=True)
        self.optimizer.step()
        with torch.no_grad():
            # As one product and one sum: `_foreach_lerp_` takes no tensor as weight in a graph.
            torch._foreach_mul_(self._averages, self._keep)
            torch._foreach_add_(self._averages, torch._foreach_mul(self._own, 1.0 - self._keep))
            self._loss += loss

    def state(self) -> dict[str, torch.Tensor]:
        """All that changes, by name: the tensors themselves."""
        tensors = {f"flow.{k}": v for k, v in self.flow.state_dict().items()}
        tensors |= {f"average.{k}": v for k, v in self.average.state_dict().items()}
        for name, p in self.flow.named_parameters():
            tensors |= {f"adam.{name}.{k}": v for k, v in self.optimizer.state[p].items()}
        return tensors

    def snapshot(self) -> dict[str, torch.Tensor]:
        """A copy of `state`."""
        return {name: value.detach().clone() for name, value in self.state().items()}

    @torch.no_grad()
    def restore(self, snapshot: dict[str, torch.Tensor]) -> None:
        """Write a snapshot, of any device, into the state: a graph knows the tensors by place."""
        for name, value in self.state().items():
            value.copy_(snapshot[name])

    def sound(self) -> bool:
        """Whether every number of the state is finite."""
        norms = torch._foreach_norm([t for t in self.state().values() if t.is_floating_point()])
        return bool(torch.isfinite(torch.stack(norms)).all())
