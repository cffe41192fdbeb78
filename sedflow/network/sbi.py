"""The flow as sbi sees it: a conditional density estimator, and the posterior built on it.

Training takes its loss from here, and sbi's own diagnostics run on `sbi_posterior`. The only
module, with those that import it inside a function, that needs sbi.
"""

import torch
from sbi.inference import DirectPosterior
from sbi.neural_nets.estimators import ConditionalDensityEstimator


class FlowEstimator(ConditionalDensityEstimator):
    """A `CouplingFlow` behind sbi's interface: input x, condition the features."""

    def __init__(self, flow):
        super().__init__(
            net=flow,
            input_shape=torch.Size([flow.config.features]),
            condition_shape=torch.Size([flow.config.context]),
        )

    def log_prob(self, input, condition, **kwargs):
        """Log density of inputs (n_sample, n, n_x) or (n, n_x) given conditions (n, n_feature)."""
        embedded = self.net.embed(condition)
        if input.dim() == embedded.dim():
            return self.net.log_prob_embedded(input, embedded)
        n_sample, n, _ = input.shape
        embedded = embedded.expand(n_sample, n, -1)
        flat = self.net.log_prob_embedded(input.flatten(0, 1), embedded.flatten(0, 1))
        return flat.reshape(n_sample, n)

    def loss(self, input, condition, **kwargs):
        """Negative log density (n,)."""
        return -self.log_prob(input, condition)

    def sample(self, sample_shape, condition, **kwargs):
        """Draws (*sample_shape, n, n_x) for conditions (n, n_feature)."""
        n_sample, n = torch.Size(sample_shape).numel(), len(condition)
        embedded = self.net.embed(condition).expand(n_sample, n, -1).flatten(0, 1)
        n_x = self.net.config.features
        noise = torch.randn(n_sample * n, n_x, device=condition.device)
        x, _ = self.net.transform(noise, embedded)
        return x.reshape(*sample_shape, n, n_x)


def sbi_posterior(flow) -> DirectPosterior:
    """sbi's posterior over x, with the standard-normal prior that x has by construction."""
    device, n_x = next(flow.parameters()).device, flow.config.features
    prior = torch.distributions.MultivariateNormal(
        torch.zeros(n_x, device=device), torch.eye(n_x, device=device)
    )
    return DirectPosterior(FlowEstimator(flow), prior)
