"""What is chosen on the page of a population is in its address, and comes back from it."""

import ast

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sedflow.dashboard.panels.population_choice import PopulationChoice
from sedflow.dashboard.panels.population_state import CUTS, EVERYONE, PARTS, PopulationState
from sedflow.dashboard.population_address import decode_population, encode_population
from sedflow.dashboard.population_answer import answer_of
from sedflow.dashboard.population_sample import atlas_sample
from sedflow.dashboard.population_script import population_code
from sedflow.errors import SedflowError
from sedflow.population.presets import PRESETS

ends = st.none() | st.floats(-12, 12)  # with all digits: one of 2,024 galaxies was lost
cuts = st.dictionaries(
    st.sampled_from(list(CUTS)),
    st.tuples(ends, ends).filter(
        lambda both: both != (None, None) and (None in both or both[0] <= both[1])
    ),
)


@given(
    preset=st.sampled_from([preset.key for preset in PRESETS]),
    field=st.sampled_from([EVERYONE, *PARTS]),
    cuts=cuts,
    up=st.sampled_from([column for column in CUTS if column != "mass"]),
    galaxy=st.sampled_from(["", "72", "NGC 3522"]),
)
def test_a_link_brings_everything_back(**chosen):
    state = PopulationState(**chosen)
    values, notices = decode_population(encode_population(state))
    assert notices == []
    assert {name: values[name] for name in chosen} == chosen


def test_the_page_begins_with_an_empty_address():
    assert encode_population(PopulationState()) == {}


def test_a_link_to_a_run_needs_the_run():
    query = encode_population(PopulationState(source="run"))
    assert decode_population(query, has_run=True)[0]["source"] == "run"
    values, notices = decode_population(query)
    assert values["source"] == "atlas"
    assert notices == ["there is no sample 'run'; the packaged atlas is shown"]
    values, notices = decode_population(query | {"part": "virgo"}, has_run=True)
    assert values["field"] == EVERYONE
    assert "a run has no part 'virgo'" in notices[0]


@pytest.mark.parametrize(
    "text", ["mass", "mass:1", "mass:1:2:3", "mass:10:9", "size:1:2", "mass:nan:1", "mass:x:", ":"]
)
def test_what_is_not_a_cut_is_left_out_and_said(text):
    values, notices = decode_population({"cuts": f"{text},redshift::0.02"})
    assert values["cuts"] == {"redshift": (None, 0.02)}
    assert len(notices) == 1
    assert "write mass:9:10.5" in notices[0]


def test_widgets_show_what_the_address_says():
    values, _ = decode_population({"cuts": "mass:9:10.5", "up": "colour", "pick": "72"})
    state = PopulationState(**values)
    choice = PopulationChoice(state, {"atlas": "packaged atlas"})
    low, high = choice.limits["mass"]
    assert (low.value, high.value) == (9.0, 10.5)
    assert state.cuts == {"mass": (9.0, 10.5)}
    assert choice.dots.y == "colour"
    choice.offer(dict.fromkeys(("mass", "ssfr", "redshift")), {})
    assert state.up == choice.dots.y == "redshift"  # a run has no colours
    state.cuts = {"redshift": (0.01, None)}
    choice.take()
    assert choice.limits["mass"][0].value is None
    assert state.cuts == {"redshift": (0.01, None)}


@pytest.mark.slow
@pytest.mark.parametrize(
    "chosen",
    [
        {"field": "Virgo", "cuts": {"mass": (9.0, 10.0), "redshift": (None, 0.02)}},
        {"cuts": {"colour": (0.5, 0.7), "mass": (None, 9.5)}},
        {"preset": "main-sequence", "cuts": {"ssfr": (-11.0, None), "mass": (9.5, None)}},
        {},
    ],
)
def test_the_code_of_a_figure_selects_the_same_galaxies(chosen, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    state = PopulationState(**chosen)
    names: dict = {}
    exec(population_code(state, "column"), names)
    answer = answer_of(atlas_sample(), state.preset, state.field, state.cuts, "")
    assert names["population"].ids.tolist() == answer.population.ids.tolist()
    np.testing.assert_allclose(names["population"].density, answer.population.density)
    assert (tmp_path / f"{state.preset}.pdf").read_bytes()[:4] == b"%PDF"


def test_code_for_a_run_names_its_folder_and_leaves_out_colours():
    state = PopulationState(source="run", cuts={"colour": (0.1, 0.2), "redshift": (0.01, 0.02)})
    code = population_code(state, "page", "svg")
    ast.parse(code)
    assert '"OUT"' in code
    assert "colour" not in code
    assert "chosen &= population.redshift <= 0.02" in code
    assert "save_figure(figure, 'mass-function.svg')" in code


def test_a_rate_that_is_not_there_cannot_select():
    state = PopulationState(cuts={"ssfr": (-11.0, None)})
    with pytest.raises(SedflowError, match="take that limit off, or choose the main sequence"):
        population_code(state, "column")
