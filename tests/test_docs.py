"""The documentation builds without a warning, names all that is public, and no link is dead."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

import sedflow

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
PAGES = sorted([*DOCS.glob("*.md"), ROOT / "README.md"])


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """The folder of the pages, built as `make docs` builds them."""
    pytest.importorskip("sphinx")
    out = tmp_path_factory.mktemp("docs")
    strict = ("-W", "--keep-going", "-n", "-q")
    command = [sys.executable, "-m", "sphinx", "-b", "html", *strict, "-d", out / "trees"]
    done = subprocess.run(
        [*command, DOCS, out / "html"], capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr
    return out / "html"


@pytest.mark.slow
def test_the_pages_build_without_a_warning_and_fetch_nothing(built):
    pages = list(built.glob("*.html"))
    assert {p.stem for p in pages} >= {p.stem for p in DOCS.glob("*.md")}
    for page in pages:
        html = page.read_text()
        fetched = re.findall(r'(?:src=|<link [^>]*href=)"(https?:[^"]+)"', html)
        assert not fetched, (page.name, fetched)


@pytest.mark.slow
def test_every_public_name_is_in_the_reference(built):
    html = (built / "api.html").read_text()
    for name in sedflow.__all__:
        if name != "__version__":
            assert f'id="sedflow.{name}"' in html, name


def test_every_page_is_in_a_table_of_contents():
    index = (DOCS / "index.md").read_text()
    listed = "\n".join(re.findall(r"```\{toctree\}\n(.*?)```", index, re.DOTALL)).split()
    assert {p.stem for p in DOCS.glob("*.md")} - {"index"} <= set(listed)


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.name)
def test_relative_links_lead_to_files(page):
    text = re.sub(r"```.*?```", "", page.read_text(), flags=re.DOTALL)
    for target in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", text):
        if "://" not in target:
            assert (page.parent / target).exists(), target
