"""Pages as the value of a notebook's cell."""

import panel as pn
import pytest

from sedflow.dashboard import Explorer
from sedflow.dashboard.widgets import prose


@pytest.fixture
def loaded(monkeypatch):
    """Panel's extension as it is in a notebook that has loaded it, without a notebook."""
    monkeypatch.setattr(pn.extension, "_loaded", True)
    monkeypatch.setattr(pn.viewable.Viewer, "_repr_mimebundle_", lambda *_: ({}, {}))


def test_an_explorer_is_shown_with_its_posterior(nsa, loaded):
    """A notebook that is only read has no kernel that could add it later."""
    page = Explorer(nsa, nsaid=72, start={"n": 200})
    page._repr_mimebundle_()
    assert page.state.answer.request == page.state.request()
    assert not page.state.busy


def test_a_heading_has_no_sign_of_an_anchor():
    assert "¶" not in prose()._transform_object("## One galaxy")["object"]
