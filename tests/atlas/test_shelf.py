"""The shelf: what its lines say is what the posterior says."""

import re

import pytest
from scripts import script

from sedflow.atlas.shelf import shelf

NUMBER = r"−?[0-9](?:[0-9,.]*[0-9])?"


@pytest.fixture(scope="module")
def tool():
    return script("tools/build_shelf.py")


def test_a_dozen_famous_and_a_dozen_odd_galaxies_are_on_the_shelf(nsa):
    kinds = [one.kind for one in shelf()]
    assert kinds == ["famous"] * 12 + ["odd"] * 12
    assert len({one.nsaid for one in shelf()}) == 24
    for one in shelf():
        assert nsa.photometry(one.nsaid).ids == one.nsaid
        assert nsa.name(one.nsaid) or one.kind == "odd"
        assert 40 < len(one.line) < 200
        assert "{" not in one.line


def _only(tool, monkeypatch, nsaid):
    monkeypatch.setattr(tool, "ENTRIES", [e for e in tool.ENTRIES if e["nsaid"] == nsaid])


@pytest.mark.heavy
def test_a_line_says_what_is_computed_now_or_the_build_stops(tool, nsa, posterior, monkeypatch):
    """M 88, whose u is wrong; the others below."""
    _only(tool, monkeypatch, 141585)
    line = next(one.line for one in shelf() if one.nsaid == 141585)
    facts = tool.facts(141585, nsa, posterior)
    assert tool.entries({141585: facts})[0]["line"] == line
    with pytest.raises(SystemExit, match=r"u_g = 1\.7"):
        tool.entries({141585: facts | {"u_g": 1.7}})


@pytest.mark.heavy
@pytest.mark.filterwarnings("ignore:overflow encountered in exp")
def test_every_line_says_what_is_computed_now(tool, nsa, posterior):
    found = {e["nsaid"]: tool.facts(e["nsaid"], nsa, posterior) for e in tool.ENTRIES}
    for row, one in zip(tool.entries(found), shelf(), strict=True):
        assert (row["nsaid"], row["kind"]) == (one.nsaid, one.kind)
        assert re.split(NUMBER, row["line"]) == re.split(NUMBER, one.line)
        # Other processors round the last digit otherwise.
        assert _numbers(row["line"]) == pytest.approx(_numbers(one.line), rel=0.1, abs=0.1)


def _numbers(line):
    return [float(n.replace(",", "").replace("−", "-")) for n in re.findall(NUMBER, line)]
