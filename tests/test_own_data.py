"""Your data: catalogues are uploaded, mapped, run, looked at and downloaded."""

import asyncio
import io

import numpy as np
import pandas as pd
import pytest
from astropy.table import Table

import sedflow
from sedflow.dashboard.inference import Desk, Request
from sedflow.dashboard.own import MAX_MEGABYTES, CatalogueView, OwnDataView


@pytest.fixture
def view(nsa, posterior):
    return CatalogueView(Desk(nsa, posterior))


def a_csv(ids):
    """Magnitudes of galaxies of the atlas, with one row that is bad."""
    galaxies = sedflow.load_nsa().photometry(ids)
    frame = pd.DataFrame({"name": [f"g{i}" for i in ids], "redshift": galaxies.redshift})
    for k, band in enumerate(galaxies.bands):
        frame[f"mag_{band}"] = galaxies.magnitude[:, k]
        frame[f"magerr_{band}"] = galaxies.magnitude_error[:, k]
    frame.loc[1, "redshift"] = -1.0
    return frame.to_csv(index=False).encode()


def test_a_catalogue_is_read_run_and_saved(view):
    view.load(a_csv([72, 2489, 2490]), "mine.csv")
    assert view._redshift.value == "redshift"
    assert view._pairs["g"][0].value == "mag_g"
    assert "3 rows, 2 of them can be run" in view._note.object
    assert "redshift = -1" in view._problems.value["problem"].iloc[0]
    view._id.value = "name"
    asyncio.run(view.run())
    assert list(view.results["id"]) == ["g72", "g2490"]
    assert set(view.results["status"]) == {"ok"}
    direct = sedflow.fit(
        sedflow.load_nsa().photometry(72), sedflow.load_posterior(), n=1000, seed=1
    )
    there = view.results["log_mstar_50"].iloc[0]
    assert there == pytest.approx(np.median(direct.draws["log_mstar"]), abs=0.1)
    back = pd.read_csv(view.saved("csv"))
    assert back["log_mstar_50"].iloc[0] == pytest.approx(there)
    assert len(pd.read_parquet(view.saved("parquet"))) == 2


def test_a_row_is_looked_at_on_the_page_explore(view):
    view.load(a_csv([72, 2489, 2490]), "mine.csv")
    view._id.value = "name"
    asyncio.run(view.run())
    view._look_at(type("Event", (), {"row": 1}))
    assert view.chosen == "mine.csv g2490"
    shown = view.desk.answer(Request(view.chosen, n=200))
    np.testing.assert_allclose(
        shown.fit.photometry.flux, view.desk.nsa.photometry(2490).flux, rtol=1e-5
    )


def test_vector_columns_and_units_of_a_file_are_understood(view, nsa):
    out = io.BytesIO()
    nsa.table[:4].write(out, format="fits")
    view.load(out.getvalue(), "nsa.fits")
    assert "4 rows, 4 of them can be run" in view._note.object
    np.testing.assert_allclose(
        view.rows.photometry.select("r").flux[:, 0], np.asarray(nsa.table["NMGY"])[:4, 4]
    )


def test_columns_can_be_chosen_where_nothing_can_be_guessed(view):
    table = Table({"zz": [0.05, 0.06], "aa": [18.0, 17.0], "bb": [0.05, 0.05]})
    out = io.StringIO()
    table.write(out, format="ascii.csv")
    view.load(out.getvalue().encode(), "odd.csv")
    assert "Choose" in view._note.object or "choose" in view._note.object
    view._redshift.value = "zz"
    view._pairs["r"][0].value, view._pairs["r"][1].value = "aa", "bb"
    view._unit.value = "mag"
    assert "2 of them can be run" in view._note.object
    assert not view._run.disabled


@pytest.mark.parametrize("content", [b"", b"\x00\xff" * 50, b"a,b\n1", b"SIMPLE  =  T"])
def test_what_is_no_catalogue_is_a_sentence(view, content):
    view.load(content, "bad.csv")
    assert view._note.object
    assert view._run.disabled


def test_an_upload_too_large_is_refused_with_the_remedy(view):
    view.load(b"x" * (MAX_MEGABYTES * 1_000_000 + 1), "big.csv")
    assert "sedflow infer big.csv" in view._note.object


def test_the_page_takes_a_typed_galaxy(nsa, posterior):
    page = OwnDataView(Desk(nsa, posterior))
    page._values["r"][0].value, page._values["r"][1].value = 17.0, 0.05
    page.infer_typed()
    assert page.chosen == "my galaxy"
    page._values["r"][1].value = 0.0
    page.infer_typed()
    assert "r has no error above 0" in page._typed_note.object
