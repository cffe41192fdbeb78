"""The page of a run: a real small run, browsed without a browser, and once in one."""

import asyncio
import json
import re
import shutil
import time
from html import unescape
from types import SimpleNamespace

import numpy as np
import pandas as pd
import panel as pn
import pytest
from bokeh.document import Document
from bokeh.models import ColorBar, Plot
from click.testing import CliRunner
from conftest import MODELS, source
from flat_table import flat

from sedflow.catalogue.results import RunTable
from sedflow.catalogue.rows import guess_mapping
from sedflow.catalogue.run import infer_catalogue
from sedflow.cli import main
from sedflow.dashboard import site
from sedflow.dashboard.address import decode_row
from sedflow.dashboard.engine import Engine
from sedflow.dashboard.pages.run import PAGE_ROWS, RunView
from sedflow.dashboard.pages.view import laid_out
from sedflow.dashboard.panels import run_map
from sedflow.dashboard.panels.run_columns import column_label
from sedflow.dashboard.panels.run_filters import facts
from sedflow.dashboard.panels.run_state import COUNT
from sedflow.dashboard.tabs import Page
from sedflow.dashboard.widgets import text_table
from sedflow.errors import SedflowError
from sedflow.figures.theme import PageTheme
from sedflow.palette import DARK, LIGHT

ROWS, BAD = 30, 4


@pytest.fixture(scope="module")
def run(nsa, tmp_path_factory):
    """A finished run over galaxies of the atlas, one of them with a redshift below zero."""
    frame = flat(nsa, slice(0, 9000, 300))
    frame.loc[BAD, "redshift"] = -1.0
    folder = tmp_path_factory.mktemp("survey")
    frame.to_parquet(folder / "some.parquet")
    mapping = guess_mapping(frame).in_unit("nanomaggies")
    infer_catalogue(
        folder / "some.parquet", folder / "out", mapping=mapping, n=100, workers=0, part_rows=8
    )
    return folder / "out"


@pytest.fixture(scope="module")
def table(run):
    return RunTable(run)


@pytest.fixture
def view(table, nsa, posterior):
    """A view whose watchers are left out: tests call what they would call."""
    view = RunView(table, Engine(nsa, posterior))
    view._make_panels()
    view._built = True
    return view


def look(view, row):
    view.row = row
    asyncio.run(view.look())


def test_the_first_page_and_the_facts_of_the_run(view):
    asyncio.run(view.show_page())
    assert view._shown.object == f"## {ROWS} galaxies"
    assert view.rows_panel.of.object == "of 2"
    assert view.rows_panel.frame["row"].tolist() == list(range(PAGE_ROWS))
    facts = unescape(view.filters._column[0].object)
    for text in (
        "some.parquet",
        f"| rows | {ROWS} |",
        "| bad rows | 1 |",
        "| draws, seed | 100, 1",
    ):
        assert text in facts


def test_a_run_without_hashes_is_said_to_be_unchecked(table, monkeypatch):
    assert "Not checked" not in facts(table)
    monkeypatch.setattr(table, "checked", False)
    assert "**Not checked**" in facts(table)


def test_pages_are_turned_and_those_beyond_the_last_are_the_last(view):
    view.page = 1
    asyncio.run(view.show_page())
    assert view.rows_panel.frame["row"].tolist() == list(range(PAGE_ROWS, ROWS))
    assert view.rows_panel.next.disabled
    assert not view.rows_panel.back.disabled
    view.page = 77
    asyncio.run(view.show_page())
    assert view.page == 1


def test_filters_and_order_decide_the_page_and_the_map(view):
    view.param.update(status=["ok"], sort="k_hat", descending=True)
    view.filters.limits[0][2].value = 0.03  # redshift, to
    assert view.ranges == [("redshift", None, 0.03)]
    asyncio.run(view.show_page())
    asyncio.run(view.show_map())
    assert 0 < view.rows_panel.total < ROWS
    assert (view.rows_panel.frame["status"] == "ok").all()
    assert (view.rows_panel.frame["redshift"] <= 0.03).all()
    assert (np.diff(view.rows_panel.frame["k_hat"]) <= 0).all()
    assert view._map_note.object.startswith(f"{view.rows_panel.total} galaxies")
    image = view.map.image[()]
    assert str(image.vdims[0]) == "Count"
    counts = image.dimension_values(2)
    assert np.nansum(counts) >= view.rows_panel.total
    view.filters.clear()
    assert view.rows == type(view.rows)()


def test_of_what_is_asked_of_a_run_the_latest_counts(view, monkeypatch):
    """Each change read all rows in a thread of its own: a visitor could have hundreds in line."""
    asked, find = [], view._find_points

    def slow(rows, *axes):
        asked.append(rows.ident)
        time.sleep(0.1)
        return find(rows, *axes)

    monkeypatch.setattr(view, "_find_points", slow)

    async def flood():
        shown = []
        for k in range(30):
            view.ident = str(k)
            shown.append(asyncio.ensure_future(view.show_map()))
            await asyncio.sleep(0.001)
        await asyncio.gather(*shown)

    asyncio.run(flood())
    assert len(asked) <= 3
    assert asked[-1] == "29"


def test_a_click_on_a_row_that_a_filter_took_away_does_nothing(view):
    asyncio.run(view.show_page())
    before = view.row
    view.rows_panel._clicked(SimpleNamespace(row=10 * ROWS))
    assert view.row == before


def test_the_map_has_labels_with_units_and_follows_its_columns(view):
    view.param.update(x="redshift", y="flux_r", color="k_hat")
    asyncio.run(view.show_map())
    (plot,) = view.map._pane.get_root().select({"type": Plot})
    assert plot.xaxis.axis_label == "redshift"
    assert plot.yaxis.axis_label == "flux r [nanomaggies]"
    (bar,) = plot.select({"type": ColorBar})
    assert bar.title == "mean k-hat"
    view.color = COUNT
    asyncio.run(view.show_map())
    (plot,) = view.map._pane.get_root().select({"type": Plot})
    (bar,) = plot.select({"type": ColorBar})
    assert bar.title == "galaxies in a pixel" and bar.title_standoff > 5
    assert (bar.color_mapper.low, bar.color_mapper.high) == (1, 10)  # logarithmic, even if sparse


def test_the_axes_of_the_map_follow_the_theme_of_the_page(view):
    document = Document(theme=PageTheme())
    asyncio.run(view.show_map())
    root = view.map._pane.get_root(document)
    document.add_root(root)
    (plot,) = root.select({"type": Plot})
    assert plot.yaxis[0].axis_label_text_color == LIGHT["quiet"]
    document.theme = PageTheme(dark=True)
    assert plot.yaxis[0].axis_label_text_color == DARK["quiet"]
    assert plot.xaxis[0].major_label_text_color == DARK["quiet"]
    assert plot.xaxis[0].axis_line_color == DARK["line"]


@pytest.mark.parametrize("ends", [(None, 0.1), (float("nan"), 0.1), (0.1, 0.1)])
def test_a_range_of_the_map_without_an_end_or_a_length_is_ignored(view, ends):
    """It left a traceback in the log, or a map of nothing."""
    asyncio.run(view.show_map())
    view.map._pane.get_root()
    listener = next(
        one
        for one in run_map._Ends._callbacks.values()
        if isinstance(one, run_map._Ends) and view.map.range in one.streams
    )
    before = view.map.range.contents
    asyncio.run(listener.on_msg({"x0": ends[0], "x1": ends[1], "y0": 0.2, "y1": 0.3}))
    after = view.map.range.contents
    assert after["x_range"] == before["x_range"] and after["y_range"] == (0.2, 0.3)


def test_the_zoom_stays_when_the_rows_change(view):
    asyncio.run(view.show_map())
    drawn = view.map.image
    view.param.update(status=["ok"])
    asyncio.run(view.show_map())
    assert view.map.image is drawn
    view.color = "redshift"
    asyncio.run(view.show_map())
    assert view.map.image is not drawn


def test_a_pick_reproduces_what_is_stored(view):
    look(view, 0)
    assert view.answer.exact
    assert "the stored quantiles are reproduced" in unescape(view.stored_panel.outcome.object)
    assert "exact (weights)" in view.stored_panel.verdict.object
    assert "50 % recomputed" in view.stored_panel.numbers.object
    assert len(view.light.sed.sources["spectrum"].data["x"]) > 100
    assert len(view.histories.figures["sfr"].sources["median"].data["x"]) > 10
    assert view._light.visible
    view._explore()
    assert view.chosen == f"some.parquet {view.stored['id']}"
    assert view.chosen in view.engine.own


def test_a_row_that_is_chosen_comes_into_view_and_one_of_the_address_does_not(view):
    look(view, BAD)
    assert not view.stored_panel.head.css_classes
    asyncio.run(view._choose())
    first = view.stored_panel.head.css_classes
    assert first
    asyncio.run(view._choose())
    assert view.stored_panel.head.css_classes != first


def test_where_the_run_took_more_draws_its_steps_are_repeated(view, table):
    rows = table.page(columns=["status", "reason"], size=ROWS)
    more = rows[rows["reason"].str.contains("of 5,000 draws") & (rows["status"] == "ok")]
    look(view, int(more["row"].iloc[0]))
    assert "by the steps of the run: **the stored quantiles are reproduced**" in unescape(
        view.stored_panel.outcome.object
    )


def test_a_bad_row_tells_why_and_gets_no_posterior(view):
    look(view, BAD)
    assert "redshift = −1.0 is not between" in view.stored_panel.verdict.object
    assert view.answer is None
    assert not view._light.visible
    assert not view.stored_panel.open.visible
    assert not view.engine.own


def test_keys_lead_through_the_rows_of_a_page(view):
    asyncio.run(view.show_page())
    rows = list(view.rows_panel.frame["row"])
    view.row = None
    view.step_by(1)
    assert view.row == rows[0]
    view.step_by(1)
    assert view.row == rows[1]
    view.row = rows[-1]
    view.step_by(1)
    assert view.row == rows[-1]  # the last one stays


def test_a_tap_takes_the_nearest_galaxy(view, table):
    asyncio.run(view.show_map())
    row = table.row(7)
    at = (row[view.x] + 1e-3, row[view.y] - 1e-3)
    asyncio.run(view._tapped(at, view.map.scale(), (view.x, view.y)))
    assert view.row == 7
    asyncio.run(view.show_page())
    assert view.rows_panel.list.selection == [7]
    look(view, ROWS - 1)  # on the next page
    assert view.rows_panel.list.selection == []


@pytest.mark.parametrize("key", ["sha256", "record_sha256"])
def test_a_run_by_another_network_shows_what_is_stored(view, table, monkeypatch, key):
    weights = {**table.manifest["weights"], key: "0" * 64}
    monkeypatch.setitem(table.manifest, "weights", weights)
    look(view, 0)
    assert "not the one that the run was made with" in unescape(view.stored_panel.outcome.object)
    assert "50 %" in view.stored_panel.numbers.object
    weights["name"] = "mine"
    monkeypatch.setitem(table.manifest, "weights", weights)
    look(view, 1)
    assert "network mine is not one of" in unescape(view.stored_panel.outcome.object)


def test_a_late_posterior_is_dropped(view):
    async def two():
        view.row = 0
        first = asyncio.create_task(view.look())
        await asyncio.sleep(0.05)
        view.row = 1
        await view.look()
        await first

    asyncio.run(two())
    assert view.stored["row"] == 1
    assert view.answer.fit.photometry.redshift == view.stored["redshift"]


def test_text_of_the_input_is_no_markup(view, table, monkeypatch):
    stored = {**table.row(0), "id": "<img src=x>*_", "reason": "<script>"}
    view.show_stored(stored)
    assert "<img" not in view.stored_panel.heading.object
    assert "<script>" not in view.stored_panel.verdict.object


def test_columns_have_labels_with_units():
    assert column_label("age_mw_p16") == "mass-weighted age [Gyr], 16 %"
    assert column_label("sigma_u") == "error u [nanomaggies]"
    assert column_label(COUNT) == COUNT


def test_small_screens_have_the_galaxies_before_the_filters(view):
    assert "last" in laid_out(view)[0].css_classes


def test_every_control_has_a_label(view):
    for widget in [*view.controls.select(pn.widgets.Widget), *view.rows_panel.bar.select()]:
        if isinstance(widget, pn.widgets.Widget):
            assert widget.label, widget


@pytest.mark.parametrize(
    ("query", "row", "words"),
    [
        ({}, None, ""),
        ({"row": "7"}, 7, ""),
        ({"row": "99"}, 29, "was changed to 29; it may be 0 to 29"),
        ({"row": "-3"}, 0, "was changed to 0"),
        ({"row": "x' OR 1"}, None, "is not a whole number"),
    ],
)
def test_the_row_of_an_address_is_clamped(query, row, words):
    found, notices = decode_row(query, ROWS)
    assert found == row
    assert words in " ".join(notices)
    assert bool(words) == bool(notices)


def test_filters_order_and_map_come_from_the_address_and_go_back_to_it(table, nsa, posterior):
    """A link to the page showed all rows."""
    asked = {"view": "run", "status": "ok", "between": "redshift:0.01:0.05", "sort": "-redshift"}
    page = Page(Engine(nsa, posterior), asked | {"x": "redshift"}, table)
    galaxy = {"galaxy": page.explorer.state.galaxy}
    assert page.values() == asked | galaxy | {"x": "redshift"}
    view = page.views["run"]
    view._make_panels()
    view._built = True
    which, low, high = view.filters.limits[0]
    assert (which.value, low.value, high.value) == ("redshift", 0.01, 0.05)
    assert view.ranges == [("redshift", 0.01, 0.05)]
    high.value = None
    assert page.values()["between"] == "redshift:0.01:"
    page.go(f"?galaxy={galaxy['galaxy']}&view=run&status=bad+row")
    assert page.values() == galaxy | {"view": "run", "status": "bad row"}
    assert [low.value for _, low, _ in view.filters.limits] == [None] * 3
    page.close()


def test_a_row_without_a_posterior_has_no_tables_of_nothing(view, table):
    stored = dict(table.row(0)) | {"status": "failed", "verdict": ""}
    for name in stored:
        if name.endswith(("_p16", "_p50", "_p84")):
            stored[name] = np.nan
    view.stored_panel.show(stored)
    assert "flux [nanomaggies]" in view.stored_panel.numbers.object
    assert "parameter" not in view.stored_panel.numbers.object


def test_the_page_is_there_only_where_the_server_names_a_run(table, nsa, posterior):
    without = Page(Engine(nsa, posterior), {"view": "run", "row": "3"})
    assert "run" not in without.keys
    assert "there is no page 'run'" in " ".join(without.notices)
    without.close()
    for key in ("run", "survey"):  # its key in addresses of earlier versions
        page = Page(Engine(nsa, posterior), {"view": key, "row": "99"}, table)
        assert page.active == "run"
        assert page.values()["view"] == "run"
        assert page.values()["row"] == "29"
        assert "row = '99' was changed to 29" in " ".join(page.notices)
        page.close()


def test_the_row_of_an_address_is_on_the_page_of_the_table_that_is_shown(view, table):
    view.row = ROWS - 3
    asyncio.run(view._begin())
    assert (view.page, view.rows_panel.list.selection) == (1, [ROWS - 3 - PAGE_ROWS])
    view.row = 2  # Back, or a click on the map
    asyncio.run(view.turn_to_row())
    assert (view.page, view.rows_panel.list.selection) == (0, [2])
    asyncio.run(view.look())
    assert "row 2" in view.stored_panel.heading.object and view.stored_panel.open.visible
    view.row = None  # Back to where none was chosen
    asyncio.run(view._choose())
    assert (view.page, view.rows_panel.list.selection, view.stored) == (0, [], None)
    assert view.stored_panel.heading.object == "## No galaxy selected"
    assert view.stored_panel.numbers.object == "" and not view.stored_panel.open.visible
    view.row = 2
    view.descending = True
    asyncio.run(view._sorted())
    asyncio.run(view.turn_to_row())
    assert (view.page, view.rows_panel.list.selection) == (1, [ROWS - 3 - PAGE_ROWS])
    view.ranges = [("row", 3, None)]  # which leaves the row out
    asyncio.run(view._filtered())
    asyncio.run(view.turn_to_row())
    assert view.page == 0 and view.rows_panel.list.selection == []
    view.param.update(ranges=[], sort="redshift", descending=False)
    asyncio.run(view._sorted())
    asyncio.run(view.turn_to_row())
    assert view.page == 0


def test_back_leads_to_the_row_before(table, nsa, posterior):
    page = Page(Engine(nsa, posterior), {"view": "run", "row": "3"}, table)
    page.views["run"].row = 5
    page.go("?view=run&row=3")
    assert page.views["run"].row == 3
    assert page.values()["row"] == "3"
    page.close()


def test_a_page_loaded_later_has_the_partitions_that_came(run, tmp_path):
    out = shutil.copytree(run, tmp_path / "growing")
    ledger = out / "files.jsonl"
    lines = ledger.read_bytes().splitlines(keepends=True)
    ledger.write_bytes(b"".join(lines[:2]))
    summary = (out / "summary.json").rename(tmp_path / "summary.json")
    assert site._opened_run(str(out)).parts == 2
    with open(ledger, "ab") as file:
        file.write(b"".join(lines[2:]))
    summary.rename(out / "summary.json")
    assert site._opened_run(str(out)).parts == 2  # read and hashed beside this page
    end = time.monotonic() + 30
    while site._opened_run(str(out)).parts == 2 and time.monotonic() < end:
        time.sleep(0.1)
    assert site._opened_run(str(out)).finished


@pytest.mark.slow
def test_the_environment_may_name_the_run_and_visitors_learn_no_path(run, tmp_path, monkeypatch):
    def shown():
        variables = site.page()._render_variables
        says = json.loads(variables["sf_first"])["says"]
        return " ".join(text for _, text, _ in says), [title for _, title in variables["sf_views"]]

    for name in ("SEDFLOW_SURVEY", "SEDFLOW_RUN"):  # the first is of earlier versions
        monkeypatch.setenv(name, str(run))
        notice, tabs = shown()
        assert notice == ""
        assert tabs[-1] == "Run"
        monkeypatch.delenv(name)
    monkeypatch.setenv("SEDFLOW_RUN", str(tmp_path / "nowhere"))
    notice, tabs = shown()
    assert "the run of this server cannot be opened" in notice
    assert "nowhere" not in notice
    assert tabs[-1] == "Your data"


def test_serve_refuses_a_folder_that_is_no_run(tmp_path):
    for flag, path in (("--run", tmp_path), ("--survey", tmp_path / "nowhere")):
        done = CliRunner().invoke(main, ["serve", flag, str(path)])
        assert done.exit_code == 1
        assert "holds no manifest.json" in done.output
        assert "Traceback" not in done.output
    with pytest.raises(SedflowError, match=r"no manifest\.json"):
        RunView(tmp_path)


@pytest.mark.browser
def test_a_pick_paints_a_posterior(open_view, table, nsa, posterior):
    page = open_view(lambda: RunView(table, Engine(nsa, posterior)))
    page.get_by_role("heading", name=f"{ROWS} galaxies").wait_for(timeout=60_000)
    page.wait_for_function(f"() => {MODELS}.some(m => m.name == 'run_map')", timeout=60_000)
    page.locator(".tabulator-cell[tabulator-field=id]").nth(1).click()
    page.get_by_text("the stored quantiles are reproduced").wait_for(timeout=60_000)
    page.wait_for_function(f"() => {MODELS}.some(m => m.name == 'run_sed')", timeout=30_000)
    assert len(source(page, "run_sed_spectrum", "x")) > 100
    page.get_by_role("heading", name=re.compile("row 1$")).wait_for()
    page.wait_for_timeout(1000)  # the page goes to what was chosen
    page.locator(".bk-Figure").first.scroll_into_view_if_needed()
    box = page.locator(".bk-Figure").first.bounding_box()
    page.mouse.click(box["x"] + 0.55 * box["width"], box["y"] + 0.5 * box["height"])
    page.get_by_role("heading", name=re.compile(r"row (?!1$)\d+$")).wait_for(timeout=30_000)
    page.get_by_role("button", name="Next").click()
    page.locator(".tabulator-cell[tabulator-field=row]", has_text="29").wait_for(timeout=30_000)


@pytest.mark.browser
def test_columns_are_as_wide_as_the_rows_that_a_table_has_now(open_view):
    def view():
        table = text_table(height=120)
        table.param.update(value=pd.DataFrame({"id": ["7"], "z": ["1"]}), visible=True)
        wide = pn.widgets.Button(label="wider")
        frame = pd.DataFrame({"id": ["123456789012"], "z": ["1"]})
        wide.on_click(lambda event: setattr(table, "value", frame))
        return SimpleNamespace(screen=pn.Column(wide, table))

    page = open_view(view)
    page.locator(".tabulator-cell[tabulator-field=id]").wait_for(timeout=30_000)
    page.get_by_role("button", name="wider").click()
    cell = page.locator(".tabulator-cell[tabulator-field=id]", has_text="123456789012")
    cell.wait_for()
    page.wait_for_timeout(300)
    assert cell.evaluate("one => one.scrollWidth <= one.clientWidth")
