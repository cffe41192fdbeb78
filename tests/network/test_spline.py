"""The spline, against zuko's of the same raw parameters and against autograd."""

import pytest
import torch
from zuko.transforms import MonotonicRQSTransform

from sedflow.network.spline import RationalQuadraticSpline

BOUND, M, N, K = 4.0, 3, 400, 6


@pytest.fixture(scope="module")
def case():
    """Raw parameters of wild splines, and points inside, outside and on the edges."""
    rng = torch.Generator().manual_seed(3)
    raw = 3.0 * torch.randn(M, 3 * K - 1, N, generator=rng, dtype=torch.float64)
    x = 2.0 * BOUND * (2.0 * torch.rand(M, N, generator=rng, dtype=torch.float64) - 1.0)
    x[:, :3] = torch.tensor([-BOUND, 0.0, BOUND])
    return raw.requires_grad_(), x.requires_grad_()


def zuko_spline(raw):
    widths, heights, slopes = raw.movedim(1, -1).split([K, K, K - 1], dim=-1)
    return MonotonicRQSTransform(widths, heights, slopes, bound=BOUND)


def test_it_is_zukos_spline_with_its_gradients(case):
    raw, x = case
    found = RationalQuadraticSpline(raw, BOUND)(x)
    expected = zuko_spline(raw).call_and_ladj(x)
    for ours, theirs in zip(found, expected, strict=True):
        torch.testing.assert_close(ours, theirs)
        inside = slice(3, None)  # on an edge a gradient has two sides
        for part in (raw, x):
            grads = [
                torch.autograd.grad(value[:, inside].sum(), part, retain_graph=True)[0]
                for value in (ours, theirs)
            ]
            torch.testing.assert_close(*grads)


def test_the_inverse_inverts(case):
    raw, x = (part.detach() for part in case)
    spline = RationalQuadraticSpline(raw, BOUND)
    y, log_slope = spline(x)
    back, log_slope_there = spline.inverse(y)
    torch.testing.assert_close(back, x)
    torch.testing.assert_close(log_slope_there, log_slope)


def test_it_rises_and_its_slope_is_that_of_autograd(case):
    raw, x = case
    y, log_slope = RationalQuadraticSpline(raw, BOUND)(x)
    slope = torch.autograd.grad(y.sum(), x)[0]
    assert (slope > 0).all()
    torch.testing.assert_close(log_slope[:, 3:], slope[:, 3:].log())


def test_zeros_are_the_identity():
    x = torch.linspace(-2 * BOUND, 2 * BOUND, 101).expand(2, -1)
    y, log_slope = RationalQuadraticSpline(torch.zeros(2, 3 * K - 1, 101), BOUND)(x)
    torch.testing.assert_close(y, x)
    torch.testing.assert_close(log_slope, torch.zeros_like(x), atol=1e-6, rtol=0)


def test_what_is_no_number_stays_none():
    x = torch.tensor([[float("nan"), float("inf"), 0.0]])
    spline = RationalQuadraticSpline(torch.zeros(1, 3 * K - 1, 3), BOUND)
    for y, log_slope in (spline(x), spline.inverse(x)):
        assert y[0, 0].isnan() and y[0, 1].isinf() and y[0, 2] == 0
        assert log_slope[0, 2] == 0
