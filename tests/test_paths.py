"""Paths that no file system holds are refused in a sentence, wherever one is given."""

import pytest

import sedflow
from sedflow.errors import SedflowError
from sedflow.figures.paper import save_figure
from sedflow.files.paths import as_path
from sedflow.files.writing import replacing
from sedflow.fits.grid_files import read_fits, write_fits
from sedflow.site import write_site
from sedflow.validation.report import load_report

BAD = ["a\0b", "x" * 300, f"{'y' * 300}/z", 5, None]


def write(path):
    with replacing(path):
        pass


@pytest.mark.parametrize("path", BAD)
def test_no_path(path):
    with pytest.raises(SedflowError, match="path") as caught:
        as_path(path)
    assert len(str(caught.value)) < 300


@pytest.mark.parametrize("path", BAD[:3])
@pytest.mark.parametrize(
    "asks",
    [
        write,
        sedflow.load_posterior,
        sedflow.SEDModel,
        load_report,
        write_site,
        read_fits,
        lambda path: save_figure(None, path),
        lambda path: write_fits(path, {}),
        lambda path: sedflow.bands.load_band(f"{path}.csv"),
    ],
)
def test_whatever_takes_a_path_refuses_it(path, asks):
    with pytest.raises(SedflowError) as caught:
        asks(path)
    assert len(str(caught.value)) < 700


def test_a_comparison_is_not_saved_over_a_file(tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(SedflowError, match="a file of that name is there"):
        write_fits(tmp_path / "file", {})
