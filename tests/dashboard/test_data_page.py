"""Your data: catalogues are uploaded, mapped, run, looked at and downloaded."""

import asyncio
import base64
import io
import json
from html import unescape
from types import SimpleNamespace

import numpy as np
import pandas as pd
import panel as pn
import pytest
from astropy.table import Table

import sedflow
from sedflow.dashboard.engine import Engine, Request
from sedflow.dashboard.pages.data import OwnDataView
from sedflow.dashboard.panels import upload
from sedflow.dashboard.panels.columns import NONE
from sedflow.dashboard.panels.upload import UploadPanel
from sedflow.dashboard.panels.upload_results import _reasons, _status_of
from sedflow.dashboard.server.messages import MAX_MEGABYTES
from sedflow.dashboard.tabs import Page


@pytest.fixture
def view(nsa, posterior):
    return UploadPanel(Engine(nsa, posterior))


def a_csv(ids):
    """Magnitudes of galaxies of the atlas, with one row that is bad."""
    galaxies = sedflow.load_nsa().photometry(ids)
    frame = pd.DataFrame({"name": [f"g{i}" for i in ids], "redshift": galaxies.redshift})
    for k, band in enumerate(galaxies.bands):
        frame[f"mag_{band}"] = galaxies.magnitude[:, k]
        frame[f"magerr_{band}"] = galaxies.magnitude_error[:, k]
    frame.loc[1, "redshift"] = -1.0
    return frame.to_csv(index=False).encode()


def test_rows_that_the_model_does_not_reach_are_not_counted_as_those_that_can_be_run(view):
    """Four of five could be run, of which one failed then; of no redshift, "nan" was said."""
    text = a_csv([72, 2489, 2490, 3549]).decode().splitlines()
    cells = [line.split(",") for line in text]
    cells[3][1], cells[4][1] = "1.2", ""
    asyncio.run(view.load("\n".join(map(",".join, cells)).encode(), "mine.csv"))
    assert "4 rows, 1 of them can be run" in unescape(view._note.object)
    told = view.understood.problems.value["problem"].tolist()
    assert "not between 10⁻⁶ and 100" in told[0]  # which no galaxy has
    assert "1.2 is outside the model, which goes from 10⁻⁶ to 0.5" in told[1]
    assert told[2].startswith("there is no redshift")


def test_a_page_knows_whether_an_upload_would_be_missed(nsa, posterior):
    one = Page(Engine(nsa, posterior), {"view": "data"})
    panel = one.views["data"].catalogue
    asyncio.run(panel.load(a_csv([72, 2489]), "mine.csv"))
    assert one.frame._holds.value
    asyncio.run(panel.load(b"", "empty.csv"))  # in its place, there is nothing
    assert not one.frame._holds.value
    one.close()


def test_keys_lead_through_the_rows_of_an_uploaded_catalogue(nsa, posterior):
    """They led to the atlas, and 117 galaxies were row, Back, row, Back."""
    one = Page(Engine(nsa, posterior), {"view": "data"})
    state, found = one.explorer.state, one.views["data"].catalogue.found
    # The second row cannot be run.
    asyncio.run(one.views["data"].catalogue.load(a_csv([72, 2489, 2490, 3549]), "mine.csv"))
    asyncio.run(one.views["data"].catalogue.run())
    found.look_at(SimpleNamespace(row=1))
    assert (one.active, state.galaxy) == ("explore", "mine.csv g2490")
    one._heard("next", "")
    assert (state.galaxy, found._table.selection) == ("mine.csv g3549", [2])
    one._heard("next", "")
    assert (one.active, state.galaxy) == ("explore", "mine.csv g72")
    one._heard("previous", "")
    assert state.galaxy == "mine.csv g3549"
    state.galaxy = "mine.csv g2490"  # Back
    one._heard("next", "")
    assert state.galaxy == "mine.csv g3549"
    asyncio.run(one.views["data"].catalogue.run())  # again
    one._heard("previous", "")
    one._heard("next", "")
    assert state.galaxy == "mine.csv g3549"
    one.show("forward")  # which a galaxy of the atlas does not leave either
    one._heard("next", "")
    assert (one.active, state.galaxy) == ("forward", "mine.csv g72")
    catalogue = one.views["data"].catalogue
    asyncio.run(catalogue.load(a_csv([2490, 3549]), "other.csv"))
    asyncio.run(catalogue.run())
    one._heard("next", "")  # that galaxy is of no row of these
    assert state.galaxy.isdigit()
    one._heard("find", "2490")  # of the atlas again
    one._heard("next", "")
    assert state.galaxy.isdigit()
    one.close()


def test_a_catalogue_is_read_run_and_saved(view):
    asyncio.run(view.load(a_csv([72, 2489, 2490]), "mine.csv"))
    assert view.columns._redshift.value == "redshift"
    assert view.columns._pairs["g"][0].value == "mag_g"
    assert "3 rows, 2 of them can be run" in unescape(view._note.object)
    assert "redshift = \N{MINUS SIGN}1" in view.understood.problems.value["problem"].iloc[0]
    view.columns._id.value = "name"
    asyncio.run(view.run())
    assert list(view.results["id"]) == ["g72", "g2490"]
    assert set(view.results["status"]) == {"ok"}
    direct = sedflow.fit(
        sedflow.load_nsa().photometry(72), sedflow.load_posterior(), n=1000, seed=1
    )
    there = view.results["log_mstar_p50"].iloc[0]
    assert there == pytest.approx(np.median(direct.draws["log_mstar"]), abs=0.1)
    assert view.found.files.buttons["posteriors.csv"].filename == "mine-posteriors.csv"
    back = pd.read_csv(io.BytesIO(asyncio.run(view.found.saved("csv"))))
    assert back["log_mstar_p50"].iloc[0] == pytest.approx(there)
    frame = pd.read_parquet(io.BytesIO(asyncio.run(view.found.saved("parquet"))))
    assert list(frame["id"]) == ["g72", "g2489", "g2490"]  # with what could not be run
    assert list(frame["row"]) == [0, 1, 2]
    assert list(frame["status"]) == ["ok", "bad row", "ok"]
    assert "redshift = -1" in frame["reason"][1].replace("\N{MINUS SIGN}", "-")
    assert np.isnan(frame["log_mstar_p50"][1])
    assert frame["inside"].dtype == bool


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_results_that_were_saved_are_read_as_a_catalogue(view, kind):
    asyncio.run(view.load(a_csv([72, 2489, 2490]), "mine.csv"))
    asyncio.run(view.run())
    saved, before = asyncio.run(view.found.saved(kind)), view.results
    asyncio.run(view.load(saved, f"mine-posteriors.{kind}"))
    assert "3 rows, 2 of them can be run" in unescape(view._note.object)
    flux = before[[f"flux_{b}" for b in view.rows.photometry.bands]]
    np.testing.assert_allclose(view.rows.photometry.flux, flux, rtol=1e-12)


def test_reasons_on_the_page_name_quantities_as_its_tables_do():
    reason = "no model describes these data well (p < 1e-300); R-hat 1.2 in tau_ism"
    told = _reasons(pd.DataFrame({"id": ["a"], "status": ["misfit"], "reason": [reason]}))
    assert "(p < 10⁻³⁰⁰)" in unescape(told) and "in τ ISM" in unescape(told)


def test_the_page_says_where_the_files_have_another_word_for_a_row():
    rows = {"verdict": ["exact (weights)", "approximate"], "status": ["ok", "failed"]}
    told = _status_of(pd.DataFrame(rows))
    assert "the *status* of what is approximate is *failed*" in told
    assert _status_of(pd.DataFrame(rows).iloc[:1]) == ""


def test_a_file_given_to_the_field_is_read_and_forgotten(view):
    field = view._file.get_root()
    content = a_csv([72, 2489, 2490])
    field.set_from_json("value", base64.b64encode(content).decode())  # as the browser does
    view._file.filename = "mine.csv"
    asyncio.run(view._uploaded(SimpleNamespace(new=content)))
    assert "3 rows, 2 of them can be run" in unescape(view._note.object)
    assert field.value == ""
    assert view._file.value is None


def test_a_file_that_comes_after_another_is_not_forgotten_with_it():
    """The page went on with the first, and said nothing."""
    field = pn.widgets.FileInput()
    model, second = field.get_root(), base64.b64encode(b"second").decode()
    model.set_from_json("value", second)
    upload._forget(field, b"first")
    assert (model.value, field.value) == (second, b"second")
    upload._forget(field, field.value)
    assert (model.value, field.value) == ("", None)


def test_rows_beside_bad_lines_are_run(view):
    """A run of the good rows of a text with bad lines ended in a traceback."""
    lines = a_csv([72, 2489, 2490, 2493]).decode().splitlines()
    text = "\n".join([*lines[:3], lines[3].replace("1", "x"), lines[4]]).encode()
    asyncio.run(view.load(text, "pasted rows"))
    assert "4 rows, 2 of them can be run" in unescape(view._note.object)
    asyncio.run(view.run())
    assert list(view.results["row"]) == [0, 3]


def test_rows_that_cannot_be_run_are_counted_as_their_ids_are(view):
    text = pd.read_csv(io.BytesIO(a_csv([72, 2489, 2490]))).drop(columns="name")
    asyncio.run(view.load(text.to_csv(index=False).encode(), "mine.csv"))
    assert any("IDs: the numbers of the rows, from 0" in line for line in view.rows.report)
    bad = view.understood.problems.value
    assert bad["row, from 0"].tolist() == [1] and bad["id"].tolist() == ["1"]


def test_a_row_is_looked_at_on_the_page_explore(view):
    asyncio.run(view.load(a_csv([72, 2489, 2490]), "mine.csv"))
    view.columns._id.value = "name"
    asyncio.run(view.run())
    view.found.look_at(type("Event", (), {"row": 1}))
    assert view.chosen == "mine.csv g2490"
    shown = view.engine.answer(Request(view.chosen, n=200))
    np.testing.assert_allclose(
        shown.fit.photometry.flux, view.engine.nsa.photometry(2490).flux, rtol=1e-5
    )


def fluxes(ids, times=1.0):
    """Fluxes without a unit."""
    galaxies = sedflow.load_nsa().photometry(ids)
    frame = pd.DataFrame({"id": ids, "z": galaxies.redshift})
    for k, band in enumerate(galaxies.bands):
        frame[f"flux_{band}"] = times * galaxies.flux[:, k]
        frame[f"flux_{band}_err"] = times * galaxies.sigma[:, k]
    return frame.to_csv(index=False).encode()


def click(view, row):
    """The photometry of the galaxy that a click on a row of the results chooses."""
    view.found.look_at(type("Event", (), {"row": row}))
    return view.engine.own[view.chosen].photometry


def other_unit(view):
    view.columns._unit.value = "mJy"


def other_file(view):
    view.loading = asyncio.ensure_future(view.load(fluxes([72, 2490], 2.0), "other.csv"))


def other_network(view):
    view._weights.value = "nsa-ugriz-bc03"


def other_floor(view):
    view._floor.value = True


@pytest.mark.parametrize("change", [other_unit, other_file, other_network, other_floor])
def test_a_run_whose_inputs_change_ends_without_results(view, nsa, change):
    async def race():
        await view.load(fluxes(list(nsa.ids[:7])), "mine.csv")
        view.columns._unit.value = "nanomaggies"
        seen = []

        def once(event):
            if event.new and not seen:
                seen.append((view._run.disabled, view._cancel.disabled))
                change(view)

        view._bar.param.watch(once, "value")
        await view.run()
        assert seen == [(True, False)]
        assert view.results is None
        assert await view.found.saved("csv") is None
        assert not view.found._column.visible
        assert not view._bar.visible
        if change is other_file:
            await view.loading
            view.columns._unit.value = "nanomaggies"
        else:
            assert "was cancelled, because its inputs changed" in view._note.object
        expected = view.inputs
        await view.run()
        assert view.found.done.inputs is expected
        assert len(view.results) == len(expected.todo)
        wanted = expected.rows.photometry.select("g").flux[:, 0]
        np.testing.assert_allclose(view.results["flux_g"], wanted, rtol=1e-6)

    asyncio.run(race())


def test_a_second_click_does_not_begin_a_second_run(view):
    async def two():
        await view.load(a_csv([72, 2489, 2490]), "mine.csv")
        first = asyncio.ensure_future(view.run())
        await asyncio.sleep(0)
        assert view._run.disabled
        await view.run()
        assert view.results is None  # the first is not through
        await first

    asyncio.run(two())
    assert len(view.results) == 2
    assert not view._run.disabled


def test_a_click_opens_the_numbers_of_the_table_that_is_shown(view):
    def run(content, unit):
        asyncio.run(view.load(content, "mine.csv"))
        view.columns._unit.value = unit
        asyncio.run(view.run())
        found = click(view, 0)
        np.testing.assert_allclose(found.select("g").flux, view.results["flux_g"][:1], rtol=1e-6)
        return view.chosen

    first = run(fluxes([72, 2490]), "nanomaggies")
    assert run(fluxes([72, 2490]), "mJy") != first  # another unit, and so another galaxy
    assert run(fluxes([72, 2490], 2.0), "nanomaggies") != first  # corrected, of the same name
    assert run(fluxes([72, 2490]), "nanomaggies") == first  # not added again
    view.columns._redshift.value = NONE
    view.chosen = ""
    view.found.look_at(type("Event", (), {"row": 0}))  # on a table that is being cleared
    assert view.chosen == ""
    assert view.results is None


def test_vector_columns_and_units_of_a_file_are_understood(view, nsa):
    out = io.BytesIO()
    nsa.table[:4].write(out, format="fits")
    asyncio.run(view.load(out.getvalue(), "nsa.fits"))
    assert "4 rows, 4 of them can be run" in unescape(view._note.object)
    np.testing.assert_allclose(
        view.rows.photometry.select("r").flux[:, 0], np.asarray(nsa.table["NMGY"])[:4, 4]
    )


def test_columns_can_be_chosen_where_nothing_can_be_guessed(view):
    table = Table({"zz": [0.05, 0.06], "aa": [18.0, 17.0], "bb": [0.05, 0.05]})
    out = io.StringIO()
    table.write(out, format="ascii.csv")
    asyncio.run(view.load(out.getvalue().encode(), "odd.csv"))
    assert "Choose" in unescape(view._note.object) or "choose" in unescape(view._note.object)
    view.columns._redshift.value = "zz"
    view.columns._pairs["r"][0].value, view.columns._pairs["r"][1].value = "aa", "bb"
    view.columns._unit.value = "mag"
    assert "2 of them can be run" in unescape(view._note.object)
    assert not view._run.disabled


@pytest.mark.parametrize(
    ("columns", "chosen"),
    [
        ({"Name": "a", "RAJ2000": 154.3, "zsp": 0.04, "Fu": 190.5, "e_Fu": 9.5}, ("Name", "zsp")),
        ({"objID": 7, "g": 18.0, "r": 17.0, "z": 17.0}, ("objID", NONE)),
        ({"g": 18.0, "r": 17.0, "z": 0.05}, (NONE, "z")),
        ({"aa": 0.05, "bb": 17.0}, (NONE, NONE)),
    ],
)
def test_id_and_redshift_are_chosen_where_the_photometry_is_not_found(view, columns, chosen):
    text = pd.DataFrame([columns, columns]).to_csv(index=False)
    asyncio.run(view.load(text.encode(), "own.csv"))
    assert (view.columns._id.value, view.columns._redshift.value) == chosen
    assert all(pair[0].value == NONE for pair in view.columns._pairs.values())
    assert "Choose the columns below" in unescape(view._note.object)


@pytest.mark.parametrize("content", [b"", b"\x00\xff" * 50, b"a,b\n1", b"SIMPLE  =  T"])
def test_what_is_no_catalogue_is_a_sentence(view, content):
    asyncio.run(view.load(content, "bad.csv"))
    assert unescape(view._note.object)
    assert view._run.disabled


def test_an_upload_too_large_is_refused_with_the_remedy(view):
    asyncio.run(view.load(b"x" * (MAX_MEGABYTES * 1_000_000 + 1), "big.csv"))
    told = unescape(view._note.object)
    assert "sedflow infer big.csv" in told and "has 10,000,001 bytes; the app takes 10 MB" in told


def test_the_page_takes_a_typed_galaxy(nsa, posterior):
    page = OwnDataView(Engine(nsa, posterior))
    page.typed._values["r"][0].value, page.typed._values["r"][1].value = 17.0, 0.05
    page.typed.infer()
    assert page.chosen == "my galaxy"
    page.typed._values["r"][1].value = 0.0
    page.typed.infer()
    assert "r has no error above 0" in page.typed._note.object


def test_a_redshift_below_zero_is_refused_and_not_fitted_at_the_one_before(nsa, posterior):
    typed = OwnDataView(Engine(nsa, posterior)).typed
    typed._values["r"][0].value, typed._values["r"][1].value = 17.0, 0.05
    assert typed._redshift.start is None  # else the browser keeps the number before
    typed._redshift.value = -0.0008
    typed.infer()
    assert not typed.chosen
    assert "edshift = \N{MINUS SIGN}0.0008 is not between" in unescape(typed._note.object)


def test_a_survey_can_be_chosen_and_bands_left_aside_are_told(view):
    names = ["g", "r", "W1"]
    lines = ["id,redshift," + ",".join(f"flux_{b},flux_ivar_{b}" for b in names)]
    lines += ["1,0.05,10,1,20,1,30,1"]
    asyncio.run(view.load("\n".join(lines).encode(), "mine.csv"))
    assert "looks like" not in view.understood.report.object and view._survey.visible
    asyncio.run(view._guess("legacy-surveys"))
    assert "decam2014-g" in view.columns._pairs
    view.columns._unit.value = "nanomaggies"
    assert "are read as those of the DESI Legacy Surveys" in unescape(view.understood.report.object)
    asyncio.run(view.load(lines[0].replace("W1", "FUV").encode() + b"\n1,.05,9,1,9,1,9,1", "b.csv"))
    view.columns._unit.value = "nanomaggies"
    assert "was not trained on them: FUV" in unescape(view.understood.report.object)


BESIDE = (
    "id,redshift," + ",".join(f"flux_{b},flux_err_{b}" for b in ("g", "r", "decam2014-z")) + "\n"
)


def test_what_becomes_of_another_survey_s_bands_is_told_before_a_run(view):
    rows = "1,.05,10,1,20,1,30,1\n2,.05,,,,,30,1\n"
    asyncio.run(view.load((BESIDE + rows).encode(), "mine.csv"))
    view.columns._unit.value = "nanomaggies"
    told = unescape(view._note.object)
    assert "2 rows, 1 of them can be run" in told
    assert "Left out: decam2014-z, which nsa-ugriz-fsps was not trained on" in told
    assert "those of g, r alone. sedflow.fit uses all bands" in told
    assert "a flux in none of u, g, r, i, z" in view.understood.problems.value.problem.iloc[0]
    asyncio.run(view.run())
    assert view.results.row.tolist() == [0]
    assert view.found.done.galaxy(0)[1].photometry.flux.tolist() == [10.0, 20.0, 30.0]


def test_a_table_without_a_band_of_the_network_is_not_run_and_says_what_mcmc_costs(view):
    head = BESIDE.replace("_g", "_decam2014-g").replace("_r,", "_decam2014-r,")
    asyncio.run(view.load((head + "1,.05,10,1,20,1,30,1\n").encode(), "mine.csv"))
    view.columns._unit.value = "nanomaggies"
    told = unescape(view._note.object)
    assert "knows none of decam2014-g, decam2014-r, decam2014-z" in told
    assert "trust auto: about 12 s a galaxy" in told
    assert view._run.disabled


def test_a_table_of_many_bands_does_not_hold_the_page_up(view):
    from sedflow.bands import band_names
    from sedflow.dashboard.panels.columns import MOST_BANDS

    pairs = [f"flux_{b},flux_err_{b}" for b in band_names()[:120]]
    text = f"id,redshift,{','.join(pairs)}\n1,0.1{',1.0,0.1' * len(pairs)}\n"
    asyncio.run(view.load(text.encode(), "many.csv"))
    assert len(view.columns._pairs) == MOST_BANDS
    assert len(view.columns.left_out) > 10
    asyncio.run(view.load(a_csv([72, 2489, 2490]), "few.csv"))
    assert view.columns.left_out == []
    view.columns.left_out = ["a", "b"]
    view.understand()
    said = unescape(view.understood.report.object)
    assert f"2 bands are left out, for there are choosers for {MOST_BANDS}: a, b;" in said


def test_long_names_of_columns_are_not_sent_with_each_chooser(view):
    from sedflow.bands import band_names

    known = ["id", "redshift", *(f"{k}_{b}" for b in band_names()[:30] for k in ("mag", "magerr"))]
    names = [*known, *(f"{k}" + "\U0001f600" * 190 for k in range(900))]
    text = f"{','.join(names)}\n{','.join(['0.1'] * len(names))}\n"
    asyncio.run(view.load(text.encode(), "wide.csv"))
    choosers = [w for pair in view.columns._pairs.values() for w in pair]
    assert sum(2 * len(json.dumps(w.options)) for w in choosers) < 1.1e6
    assert all(w.value in w.options for w in choosers)
    first = list(view.columns._pairs)[-1]
    assert view.columns._pairs[first][0].value == f"mag_{first}"
    assert "more are too many to be offered here" in view.columns._column[0].object


def test_tables_of_a_file_with_names_of_pages_are_not_offered(view):
    view.table = Table(meta={"table": "a"})
    view._offer_tables(b"", ["a", "b" * 5000, "c"])
    assert view._which.options == ["a", "c"]


def test_a_run_ends_with_its_page(view, nsa, monkeypatch):
    asyncio.run(view.load(a_csv(nsa.ids[:12]), "mine.csv"))
    page = OwnDataView(view.engine)
    page.catalogue = view
    made = []
    part = type(view.inputs).part

    def leaves(inputs, rows, posterior):
        made.append(len(rows))
        page.close()
        return part(inputs, rows, posterior)

    monkeypatch.setattr(type(view.inputs), "part", leaves)
    asyncio.run(view.run())
    assert len(made) == 1
    assert view.results is None
