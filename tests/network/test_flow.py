"""The flow: laws that hold for any weights."""

import numpy as np
import pytest
import torch

from sedflow.errors import BadParameters
from sedflow.network.flow import CouplingFlow, FlowConfig, build_flow


@pytest.fixture(scope="module", params=["coupling", "maf"])
def flow(request):
    """A flow far from the identity, in double precision."""
    torch.manual_seed(0)
    config = FlowConfig(features=5, context=4, layers=4, hidden=32, kind=request.param)
    flow = build_flow(config).double()
    with torch.no_grad():
        for p in flow.parameters():
            p += 0.1 * torch.randn_like(p)
    return flow.eval()


def test_it_begins_as_the_prior():
    flow = CouplingFlow(FlowConfig(features=11, context=4))
    x = torch.randn(50, 11)
    expected = torch.distributions.Normal(0, 1).log_prob(x).sum(-1)
    torch.testing.assert_close(flow.log_prob(x, torch.randn(50, 4)), expected, atol=1e-4, rtol=1e-4)


def test_the_inverse_inverts_and_agrees_on_the_density(flow):
    embedded = flow.embed(torch.randn(64, 4).double())
    x, log_prob = flow.transform(torch.randn(64, 5).double(), embedded)
    torch.testing.assert_close(flow.log_prob_embedded(x, embedded), log_prob)


def test_the_density_is_that_of_autograd(flow):
    """log |det| against the Jacobian of the map from noise."""
    embedded = flow.embed(torch.randn(1, 4).double())
    noise = torch.randn(5).double()

    def forward(z):
        return flow.transform(z[None], embedded)[0][0]

    jacobian = torch.autograd.functional.jacobian(forward, noise)
    base = torch.distributions.Normal(0, 1).log_prob(noise).sum()
    expected = base - torch.linalg.slogdet(jacobian).logabsdet
    torch.testing.assert_close(flow.transform(noise[None], embedded)[1][0], expected)


def test_the_density_integrates_to_one():
    torch.manual_seed(1)
    flow = CouplingFlow(FlowConfig(features=2, context=3, layers=3, hidden=16)).double()
    with torch.no_grad():
        for p in flow.parameters():
            p += 0.1 * torch.randn_like(p)
    axis = torch.linspace(-20, 20, 251).double()
    x = torch.cartesian_prod(axis, axis)
    embedded = flow.embed(torch.ones(1, 3).double())
    with torch.no_grad():
        total = flow.log_prob_embedded(x, embedded).exp().sum() * (axis[1] - axis[0]) ** 2
    assert total.item() == pytest.approx(1, abs=0.01)


def test_an_unknown_architecture_is_refused():
    with pytest.raises(BadParameters, match="'spline' is unknown; choose one of"):
        build_flow(FlowConfig(features=5, context=4, kind="spline"))


def test_the_published_network_has_its_size():
    """15 MADE blocks, 500 wide, two square layers in each."""
    flow = build_flow(FlowConfig(features=10, context=42, layers=15, hidden=500, kind="maf"))
    count = 15 * ((10 + 42) * 500 + 500 + 2 * (500 * 500 + 500) + 500 * 20 + 20)
    assert sum(p.numel() for p in flow.parameters()) == count
    assert count == pytest.approx(7.9e6, rel=0.03)


def test_every_dimension_moves_and_conditions():
    flow = CouplingFlow(FlowConfig(features=5, context=4, layers=4, hidden=32))
    moved = np.zeros(5, bool)
    for layer in flow.layers:
        moved[layer.moved.numpy()] = True
    assert moved.all()


def test_sbi_sees_the_same_density_and_draws(flow):
    from sedflow.network.sbi import FlowEstimator

    estimator = FlowEstimator(CouplingFlow(FlowConfig(features=11, context=4)))
    x, condition = torch.randn(7, 3, 11), torch.randn(3, 4)
    many = estimator.log_prob(x, condition)
    assert many.shape == (7, 3)
    one = torch.stack([estimator.log_prob(part, condition) for part in x])
    torch.testing.assert_close(many, one)
    torch.testing.assert_close(estimator.loss(x[0], condition), -one[0])
    assert estimator.sample(torch.Size([6]), condition).shape == (6, 3, 11)
