"""The address holds the state: what is written is read again, whatever stands in it."""

import json

import numpy as np
import pytest
from fuzz import answer, inputs
from hypothesis import given
from hypothesis import strategies as st
from test_pages import NAMES

from sedflow import bands
from sedflow.dashboard.address import (
    decode,
    decode_own,
    decode_pins,
    decode_row,
    encode,
    encode_forward,
    encode_own,
)
from sedflow.dashboard.engine import Engine, OwnGalaxy
from sedflow.dashboard.opening import Opening
from sedflow.dashboard.panels.observatory import observe
from sedflow.dashboard.panels.typed import typed_galaxy
from sedflow.dashboard.state import ExplorerState, ForwardState
from sedflow.dashboard.tabs import Page
from sedflow.errors import SedflowError
from sedflow.parameters import Prior
from sedflow.photometry import Photometry

STATE, FORWARD = ExplorerState(run=None), ForwardState()


def test_an_address_restores_the_state():
    values = {
        "galaxy": "2490",
        "n": 1234,
        "seed": 5,
        "weights": "nsa-uv-bc03",
        "bands": ["g", "r"],
        "prior": "provabgs",
        "unit": "ab",
        "log": True,
        "rest": True,
    }
    text = encode(values, {name: STATE.param[name].default for name in values})
    assert all(isinstance(v, str) for v in text.values())
    main, _, notices = decode(text, STATE)
    assert main == values
    assert notices == []


@pytest.mark.parametrize(
    ("text", "galaxy"),
    [("M 87", "141541"), ("2490", "2490"), ("999999", "999999"), ("no such", "no such")],
)
def test_an_address_may_name_a_galaxy(nsa, posterior, text, galaxy):
    opening = Opening.of({"galaxy": text}, ("explore",), Engine(nsa, posterior))
    assert opening.explore["galaxy"] == galaxy
    assert not opening.notices


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ({"view": "validate", "galaxy": "no such"}, ""),
        ({"view": "compare", "pins": "72;2490"}, ""),
        ({"view": "forward", "log_mstar": "99"}, "log_mstar = 99 was changed to 12.5"),
        ({"view": "learn", "lesson": "no such"}, ""),
    ],
)
def test_a_page_begins_as_the_one_that_is_asked_for(nsa, posterior, query, said):
    """One with a galaxy that is not there began as Explore, and so did the next visitor's."""
    page = Page(Engine(nsa, posterior), query)
    shown = json.loads(page.frame.now)
    assert (page.active, shown["view"]) == (query["view"], query["view"])
    assert said in " ".join(text for _, text, _ in shown["says"])
    page.close()


def test_what_is_as_it_begins_stays_out_of_the_address():
    assert encode({"n": 3000, "log": False}, {"n": 3000, "log": False}) == {}


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [("n", "1", 100), ("n", "1e9", 20_000), ("seed", "-4", 0), ("tau_ism", "77", 3.0)],
)
def test_values_outside_are_clamped_with_a_notice(name, text, value):
    main, forward, notices = decode({name: text}, STATE, FORWARD)
    assert {**main, **forward} == {name: value}
    assert name in notices[0]


def test_a_notice_has_all_digits_of_a_whole_number():
    _, _, notices = decode({"seed": "4e9"}, STATE)
    assert notices == [
        "seed = 4,000,000,000 was changed to 2,147,483,647; it may be 0 to 2,147,483,647"
    ]
    _, _, notices = decode({"tau_ism": "9.25"}, STATE, FORWARD)
    assert notices == ["tau_ism = 9.25 was changed to 3; it may be 0 to 3"]


@pytest.mark.parametrize(
    ("text", "used", "then"),
    [
        ("q,x", None, "all bands are used"),
        ("decam2014-g", None, "another filter than g"),
        ("g,decam2014-r,q", ["g"], "the others are used"),
    ],
)
def test_bands_that_no_network_knows_are_told(text, used, then):
    main, _, notices = decode({"bands": text}, STATE)
    assert main.get("bands") == used
    assert text in notices[0] and then in notices[0]
    assert decode({"bands": "FUV,g"}, STATE)[::2] == ({"bands": ["FUV", "g"]}, [])


def test_an_address_has_a_mock_to_the_last_digit():
    """Draws depend on every digit: in a second browser they were others."""
    seen = observe(np.array([1 / 3, 200 / 7, 1e-3 / 3]), 1 / 21, ("u", "g", "r"), 5)
    back = decode_own(encode_own(OwnGalaxy(seen))).photometry
    np.testing.assert_array_equal(back.flux, seen.flux)
    np.testing.assert_array_equal(back.sigma, seen.sigma)
    assert back.redshift == seen.redshift


def test_a_redshift_without_a_model_is_said_where_it_was_typed():
    with pytest.raises(SedflowError, match=r"redshift = 5 is outside the model"):
        typed_galaxy({"r": (100.0, 3.0)}, 5.0, "nanomaggies")


def test_an_address_has_a_typed_galaxy_to_the_last_digit():
    typed = Photometry([12.3456789, 1 / 7], [0.61234567, 1 / 90], 0.0512345678, ("u", "r"))
    back = decode_own(encode_own(OwnGalaxy(typed))).photometry
    np.testing.assert_array_equal(back.flux, typed.flux)
    np.testing.assert_array_equal(back.sigma, typed.sigma)
    assert back.redshift == typed.redshift


def test_a_galaxy_of_ones_own_survives_the_address():
    truth = Prior().sample(1, seed=1)[0]
    own = OwnGalaxy(
        Photometry([1.5, np.nan, -0.2], [0.1, np.nan, 0.3], 0.07, ("u", "g", "r")), truth
    )
    back = decode_own(encode_own(own))
    assert back.photometry.bands == ("u", "r")
    np.testing.assert_allclose(back.photometry.flux, [1.5, -0.2])
    np.testing.assert_allclose(back.truth, truth, rtol=1e-6)
    assert decode_own({}) is None


@pytest.mark.parametrize(
    "truth", ["1,2", "10,0,0,0,0,0,0,0.01,0.01,0.1,0.1,0", "10,1,1,1,1,0,0,0.01,0.01,0.1,0.1,x"]
)
def test_a_truth_that_is_none_is_told_as_such(truth):
    """The flux, which was a galaxy, was said to be none."""
    with pytest.raises(SedflowError, match=r"^truth='.+leave truth out$"):
        decode_own({"flux": "u:30:2,g:92:2", "z": "0.05", "truth": truth})


@pytest.mark.parametrize("flux", ["u:1:1:1", "u:1", "", "u:x:1"])
def test_a_flux_of_an_address_has_a_band_and_two_numbers(flux):
    with pytest.raises(SedflowError, match="is not a galaxy; write flux="):
        decode_own({"flux": flux, "z": "0.05"})


@pytest.mark.parametrize("there", [True, False])
@pytest.mark.parametrize("suffix", [".dat", ".fits", ".ecsv", ".xml", "", ".txt"])
def test_a_band_of_an_address_is_no_path(there, suffix, tmp_path):
    """The name of a band may be the path of a curve: a visitor must not learn of any file."""
    path = tmp_path / f"secret{suffix}"
    if there:
        path.write_text("# Angstrom, per photon\n4000 0\n5000 1\n6000 0\n")
    with pytest.raises(SedflowError, match="of flux in the address is unknown") as told:
        decode_own({"flux": f"u:1:0.1,{path}:1:0.1", "z": "0.05"})
    assert "curve" not in str(told.value) and str(path) not in bands._FILE_BANDS
    with bands.reading_curves(False), pytest.raises(SedflowError, match="not a band of this"):
        Photometry([1.0], [0.1], 0.05, (f"{tmp_path}/{suffix}secret",))


def test_bands_of_libraries_are_taken_from_an_address_and_not_without_end():
    own = decode_own({"flux": "decam2014-g:1:0.1,twomass-J:2:0.1", "z": "0.05"})
    assert own.photometry.bands == ("decam2014-g", "twomass-J")
    many = ",".join(f"{name}:1:0.1" for name in sorted(bands._library_bands())[:33])
    with pytest.raises(SedflowError, match="33 bands; give 32"):
        decode_own({"flux": many, "z": "0.05"})


@inputs(100)
@given(
    st.dictionaries(st.sampled_from(NAMES), st.text(max_size=40) | st.floats().map(str), max_size=8)
)
def test_any_address_gives_values_that_the_app_takes(query):
    main, forward, notices = decode(query, STATE, FORWARD)
    ExplorerState(run=None, **main)
    ForwardState().param.update(**forward)
    assert all(isinstance(n, str) and len(n) < 300 for n in notices)
    own = answer(decode_own, query)
    assert own is None or "flux" in query
    row, _ = decode_row({"row": query.get("z", "")}, 10)
    assert row is None or 0 <= row < 10


NUMBER = st.one_of(st.floats(0.01, 25), st.floats(0.01, 25), st.floats(), st.none())


@inputs(50)
@given(
    st.dictionaries(st.sampled_from("ugrizx"), st.tuples(NUMBER, NUMBER)),
    NUMBER,
    st.sampled_from(["AB magnitudes", "nanomaggies", "µJy"]),
)
def test_anything_typed_is_a_galaxy_or_a_sentence(values, redshift, unit):
    galaxy = answer(typed_galaxy, values, redshift, unit)
    if galaxy is not None:
        for band, flux, sigma in zip(galaxy.bands, galaxy.flux, galaxy.sigma, strict=True):
            value, error = values[band]
            if unit == "AB magnitudes":
                value = 10 ** (0.4 * (22.5 - value))
                error = value * error * np.log(10) / 2.5
            elif unit == "µJy":
                value, error = value / 3.631, error / 3.631
            np.testing.assert_allclose([flux, sigma], [value, error], rtol=1e-12)
        assert galaxy.redshift > 0


def test_pins_of_an_address_have_few_enough_draws_to_be_kept():
    pins, notices = decode_pins("72~~~~20000~1;72~~~~300~1", STATE, 6)
    assert [pin.n for pin in pins] == [6000, 300]
    assert "more than 6,000 draws" in notices[0]


def test_an_address_of_a_model_says_how_it_is_looked_at():
    state = ForwardState()
    state.preset("dusty")
    looks = {"model_unit": "ab", "model_log": True, "beside": True, "ages": True}
    state.param.update(**looks)
    other = ForwardState()
    assert other.began() == "typical"
    other.param.update(**decode(encode_forward(state), STATE, other)[1])
    assert {name: getattr(other, name) for name in looks} == looks
    assert not other.model_rest
    assert other.began() == "dusty"
    other.tau_ism += 0.1
    assert other.began() == ""


def test_the_grid_of_a_mock_is_in_the_address():
    theta = ",".join(f"{v:.9g}" for v in Prior().sample(1, 1)[0])
    address = {"flux": "r:1:0.1", "z": "0.1", "truth": theta, "made": "fsps-gas"}
    own = decode_own(address)
    assert own.ssp == encode_own(own)["made"] == "fsps-gas"
    del address["truth"]  # of a galaxy that is no mock, it says nothing
    assert decode_own(address).ssp == ""
    with pytest.raises(SedflowError, match="in the address is not a grid"):
        decode_own({"flux": "r:1:0.1", "z": "0.1", "made": "../x"})


def test_pins_and_galaxies_of_lessons_that_are_not_there_are_said(engine):
    query = {"pins": "72;999;72~none", "lesson": "parameters", "lesson_galaxy": "abc"}
    opening = Opening.of(query, ["explore"], engine)
    assert [pin.galaxy for pin in opening.pins] == ["72"]
    told = " ".join(opening.notices)
    assert "no galaxy of the atlas has NSAID 999; its pin is left out" in told
    assert "lesson_galaxy = 'abc' is not a whole number" in told
