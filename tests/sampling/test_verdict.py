"""The table of verdicts, and names of older versions."""

import numpy as np
import pytest

from sedflow.sampling.verdict import KINDS, VERDICTS, Verdict, as_kind, kind_of


def verdict(kind):
    blank = dict.fromkeys(Verdict.names(), np.full(np.shape(kind), np.nan))
    return Verdict(**{**blank, "kind": kind})


@pytest.mark.parametrize(
    "old, new",
    [
        ("amortized", "exact (weights)"),
        ("reweighted", "exact (adapted weights)"),
        ("mcmc", "exact (MCMC)"),
        ("failed", "failed"),
    ],
)
def test_names_of_older_files_are_read_as_todays(old, new):
    assert as_kind(old) == new == kind_of(old).name
    assert verdict(old).kind == new
    many = verdict(np.array([old, "misfit"], dtype=object))
    assert many.kind.tolist() == [new, "misfit"]
    assert many.counts()[new] == 1
    assert verdict(np.array([old, "x"])).kind.tolist() == [new, "x"]  # of fixed width


def test_only_what_is_called_exact_is_exact():
    many = verdict(np.array(VERDICTS, dtype=object))
    assert many.exact.tolist() == [name.startswith("exact") for name in VERDICTS]
    assert many[0].exact
    assert not many[-1].exact
    assert [kind.exact for kind in KINDS] == many.exact.tolist()


def test_every_verdict_has_one_line_of_meaning():
    for kind in KINDS:
        assert kind.meaning.endswith(".")
        assert kind.sign
        assert kind.color.startswith("#")
    assert not kind_of("whatever").exact
