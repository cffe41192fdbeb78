"""The documentation builds without a warning, uses and names what is public; no link is dead."""

import ast
import inspect
import json
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

import sedflow

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
TOP = [*ROOT.glob("*.md"), ROOT / "sedflow" / "data" / "README.md"]
PAGES = sorted([*DOCS.rglob("*.md"), ROOT / "notebooks" / "README.md", *TOP])
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))

#: `sedflow` and the folders and modules that are public, by name.
PUBLIC = {"sedflow": sedflow} | {
    f"sedflow.{name}": getattr(sedflow, name)
    for name in sedflow.__all__
    if isinstance(getattr(sedflow, name), ModuleType)
}


def hidden(code):
    """What Python code uses of this package, by import or by a dotted name, and is not public."""
    code = re.sub(r"^[%!].*$", "", code, flags=re.MULTILINE)  # lines of the shell
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
            yield from (n for n in names if n.split(".")[0] == "sedflow" and n not in PUBLIC)
        elif isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "sedflow":
            names = [f"{node.module}.{alias.name}" for alias in node.names]
            yield from (n for n in names if not is_public(n))
        elif isinstance(node, ast.Attribute):
            name = ast.unparse(node)
            if re.fullmatch(r"sedflow(\.\w+)+", name) and not is_public(name):
                yield name


def is_public(name):
    """Whether a dotted name is public, or an attribute of something public."""
    module, _, rest = name.rpartition(".")
    while module and module not in PUBLIC:
        module, _, last = module.rpartition(".")
        rest = f"{last}.{rest}"
    if not module:
        return False
    first, *attributes = rest.split(".")
    if first not in PUBLIC[module].__all__:
        return False
    value = getattr(PUBLIC[module], first)
    return not attributes or (
        not isinstance(value, ModuleType) and all(hasattr(value, a) for a in attributes[:1])
    )


def code_of(path):
    """The Python of a page or a notebook."""
    text = path.read_text()
    if path.suffix == ".ipynb":
        cells = json.loads(text)["cells"]
        return ["".join(c["source"]) for c in cells if c["cell_type"] == "code"]
    return re.findall(r"^```python.*\n((?:.*\n)*?)```", text, re.MULTILINE)


@pytest.mark.parametrize("path", [*PAGES, *NOTEBOOKS], ids=lambda p: str(p.relative_to(ROOT)))
def test_pages_and_notebooks_use_public_names_only(path):
    assert [name for code in code_of(path) for name in hidden(code)] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda p: str(p.relative_to(ROOT)))
def test_names_in_the_text_of_a_page_are_public(page):
    names = re.findall(r"(?<![\w/.])sedflow(?:\.[A-Za-z_]\w*)+", page.read_text())
    assert [n for n in names if n not in PUBLIC and not is_public(n)] == []


@pytest.mark.parametrize(
    "code",
    [
        "from sedflow.model.sed import SEDModel",
        "from sedflow.catalogue.read import open_catalogue",
        "from sedflow import dust",
        "from sedflow.dashboard import figures",
        "import sedflow.draws",
        "import sedflow\nsedflow.draws.systematic",
        "import sedflow\nsedflow.network.training.train",
        "import sedflow\nsedflow.SEDModel.nothing",
    ],
)
def test_a_name_that_is_not_public_is_found(code):
    assert list(hidden(code))


def test_public_names_are_not_found():
    code = "import sedflow\nfrom sedflow import model\nfrom sedflow.model import SOLAR_Z\n"
    assert list(hidden(code + "sedflow.validation.distance(1)\nsedflow.model.NoiseModel.fit")) == []


def undocumented(value, name):
    """A class or function without a docstring of its own, and such methods of a class."""
    doc = value.__doc__ or ""
    if not doc.strip() or doc.startswith(f"{value.__name__}("):  # as dataclass makes it
        yield name
    if isinstance(value, type):
        for method, member in vars(value).items():
            member = getattr(member, "__func__", member)
            code = inspect.isfunction(member) or isinstance(member, property)
            if code and method[0] != "_" and not inspect.getdoc(getattr(value, method)):
                yield f"{name}.{method}"


@pytest.mark.parametrize("module", PUBLIC)
def test_public_names_have_docstrings(module):
    assert PUBLIC[module].__doc__.strip()
    found = ((n, getattr(PUBLIC[module], n)) for n in PUBLIC[module].__all__)
    assert [m for n, v in found if callable(v) for m in undocumented(v, n)] == []


def test_a_missing_docstring_is_found():
    class Bare:
        """Documented, but not its method."""

        def method(self):
            pass

    assert list(undocumented(Bare, "Bare")) == ["Bare.method"]
    assert list(undocumented(lambda: None, "bare")) == ["bare"]


def test_every_public_folder_has_a_page():
    pages = {f"sedflow.{p.stem}" for p in (DOCS / "api").glob("*.md")}
    assert pages == set(PUBLIC) - {"sedflow"}


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
    pages = list(built.rglob("*.html"))
    made = {p.relative_to(built).with_suffix("") for p in pages}
    assert made >= {p.relative_to(DOCS).with_suffix("") for p in DOCS.rglob("*.md")}
    for page in pages:
        html = page.read_text()
        fetched = re.findall(r'(?:src=|<link [^>]*href=)"(https?:[^"]+)"', html)
        assert not fetched, (page.name, fetched)


@pytest.mark.slow
def test_every_public_name_is_in_the_reference(built):
    """Autodoc leaves out what has no docstring or, if it is a constant, no comment."""
    html = "".join(p.read_text() for p in [built / "api.html", *(built / "api").glob("*.html")])
    for module in PUBLIC:
        assert module == "sedflow" or f'id="module-{module}"' in html
        for name in PUBLIC[module].__all__:
            if name != "__version__" and f"{module}.{name}" not in PUBLIC:
                known = {f"{module}.{name}", f"sedflow.{name}" if name in sedflow.__all__ else ""}
                value = getattr(PUBLIC[module], name)
                known |= {  # the same thing under the name of its folder
                    f"{other}.{name}"
                    for other in PUBLIC
                    if name in PUBLIC[other].__all__ and getattr(PUBLIC[other], name) is value
                }
                assert any(f'id="{k}"' in html for k in known), f"{module}.{name}"


def test_every_page_is_in_a_table_of_contents():
    index = (DOCS / "index.md").read_text()
    trees = "\n".join(re.findall(r"```\{toctree\}\n(.*?)```", index, re.DOTALL))
    listed = re.findall(r"^[\w/]+$", trees, re.MULTILINE)
    pages = {str(p.relative_to(DOCS).with_suffix("")) for p in DOCS.rglob("*.md")}
    assert pages - {"index"} == set(listed)


def anchors(page):
    """Anchors of the headings of a page, as a Git host makes them."""
    text = re.sub(r"```.*?```", "", page.read_text(), flags=re.DOTALL)
    for heading in re.findall(r"^#+ (.*)$", text, re.MULTILINE):
        yield re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-")


@pytest.mark.parametrize("page", PAGES, ids=lambda p: str(p.relative_to(ROOT)))
def test_relative_links_lead_to_files_and_headings(page):
    text = re.sub(r"```.*?```", "", page.read_text(), flags=re.DOTALL)
    for target, anchor in re.findall(r"\]\(([^)#\s]*)(?:#([^)\s]*))?\)", text):
        if "://" not in target:
            there = page.parent / target if target else page
            assert there.exists(), target
            assert not anchor or anchor in anchors(there), f"{target}#{anchor}"


#: Of pages that others look after, or that notebooks make.
WIDE = ("dashboard.md", "limits.md", "validation.md", "robustness.md")


def boxes(text):
    """Lines of the boxes of code in a page, fenced or indented."""
    for block in re.findall(r"^```(?!\{)[^\n]*\n(.*?)^```", text, re.DOTALL | re.MULTILINE):
        yield from block.splitlines()
    plain = re.sub(r"^```.*?^```", "", text, flags=re.DOTALL | re.MULTILINE)
    yield from re.findall(r"^    (\S.*)$", plain, re.MULTILINE)


@pytest.mark.parametrize(
    "page",
    [p for p in DOCS.rglob("*.md") if p.name not in WIDE and p.parent.name != "notebooks"],
    ids=lambda p: str(p.relative_to(ROOT)),
)
def test_boxes_of_code_fit_80_columns(page):
    assert [line for line in boxes(page.read_text()) if len(line) > 80] == []


def test_a_wide_line_is_found():
    assert "x" * 81 in boxes("```python\n" + "x" * 81 + "\n```\n")
    assert "x" * 81 in boxes("Text\n\n    " + "x" * 81 + "\n")


def test_the_math_font_comes_with_the_pages():
    """Chromium draws MathML without such a font with subscripts in the wrong place."""
    fonts = DOCS / "_static"
    assert (fonts / "stix-two-math.woff2").read_bytes()[:4] == b"wOF2"
    assert "SIL OPEN FONT LICENSE" in (fonts / "stix-two-math-LICENSE.txt").read_text()
    css = (fonts / "custom.css").read_text()
    assert 'url("stix-two-math.woff2")' in css
    assert "http" not in css


def test_the_gallery_shows_what_its_script_draws():
    sys.path.insert(0, str(ROOT / "tools"))
    try:
        import gallery
    finally:
        sys.path.pop(0)
    assert gallery.page() == (DOCS / "gallery.md").read_text()
    pictures = {f"{name}.png" for name, *_ in gallery.PLOTS}
    assert {p.name for p in (DOCS / "gallery").iterdir()} == pictures


@pytest.mark.parametrize("page", PAGES, ids=lambda p: str(p.relative_to(ROOT)))
def test_files_that_a_page_names_are_there(page):
    named = re.findall(
        r"(?<![\w/])(?:sedflow|tests|tools|benchmarks)/[\w/]+\.py\b", page.read_text()
    )
    assert [name for name in named if not (ROOT / name).exists()] == []
