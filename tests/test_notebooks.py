"""The notebooks teach: a question first, exercises and answers last, the public API only; they run.

`tools/notebooks.py` runs them: in short mode with small sizes, in full with the claims of the text
as assertions. The claims and the small sizes are metadata, so that readers see neither.
"""

import ast
import json
import re
from pathlib import Path

import pytest
from scripts import script

ROOT = Path(__file__).parent.parent
FOLDER = ROOT / "notebooks"
#: Lines of a cell of code.
MOST_LINES = 20
#: Words of a specialist: a notebook explains or links each of them where it comes first.
JARGON = (
    "Wasserstein",
    "C2ST",
    "k-hat",
    "R-hat",
    "nats",
    "NPE",
    "ESS",
    "singular value",
    "p-p curve",
    "KS distance",
    "TARP",
    "HPD",
    "SBC",
    "induced prior",
    "training domain",
)


tool = script("tools/notebooks.py")
NOTEBOOKS = tool.NOTEBOOKS
each_notebook = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda p: p.stem)


def _cells(path, kind=None):
    cells = json.loads(path.read_text())["cells"]
    return [c for c in cells if kind in (None, c["cell_type"])]


def _source(cell):
    return "".join(cell["source"])


def _text(path):
    return "\n\n".join(_source(c) for c in _cells(path, "markdown"))


def _tagged(cell, tag):
    return tag in cell["metadata"].get("tags", [])


def private_names(code):
    """Names with a leading underscore that code takes from objects or imports from modules."""
    # Lines of the shell are not Python.
    code = re.sub(r"^[%!].*$", "", code, flags=re.MULTILINE)
    found = []
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.Attribute):
            found.append(node.attr)
        elif isinstance(node, ast.ImportFrom):
            found += [*node.module.split("."), *(alias.name for alias in node.names)]
        elif isinstance(node, ast.Import):
            found += [part for alias in node.names for part in alias.name.split(".")]
    return [name for name in found if re.match(r"_(?!_)", name)]


def deep_imports(code):
    """Imports from modules inside the package: everything needed is `sedflow.<name>`."""
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.ImportFrom) and node.module.startswith("sedflow."):
            yield node.module
        elif isinstance(node, ast.Import):
            yield from (a.name for a in node.names if a.name.startswith("sedflow."))


def unexplained(text, word):
    """Whether the first use of a word in a text is neither a link to the glossary nor defined."""
    text = re.sub(r"`[^`]*`", "", text)
    first = re.search(rf"(?<![\w-]){re.escape(word)}", text)
    if first is None:
        return False
    line = text[text.rfind("\n", 0, first.start()) + 1 :].partition("\n")[0]
    return not re.search(
        rf"\[[^\]]*{re.escape(word)}[^\]]*\]\([^)]*glossary|\*\*[^*]*{re.escape(word)}", line
    )


def test_there_are_notebooks():
    assert len(NOTEBOOKS) >= 10


@each_notebook
def test_a_notebook_is_stored_without_outputs(path):
    cells = _cells(path, "code")
    assert all(not c["outputs"] and c["execution_count"] is None for c in cells)


@each_notebook
def test_a_notebook_opens_with_question_goals_needs_time_and_picture(path):
    first = _cells(path)[0]
    assert first["cell_type"] == "markdown"
    title, question = _source(first).split("\n\n")[:2]
    assert title.startswith("# ")
    assert re.match(r"\*[^*]+\?\*$", question), question  # in italics, as all of them are
    for part in ("**You will learn**\n- ", "**You need**", "**Time**: about "):
        assert part in _source(first), part
    picture = re.search(r"!\[[^\]]+\]\((pictures/[^)]+)\)$", _source(first))
    assert (FOLDER / picture[1]).stat().st_size < 150_000


@each_notebook
def test_cells_are_short(path):
    lines = [len(_source(c).splitlines()) for c in _cells(path, "code")]
    assert max(lines) <= MOST_LINES


@each_notebook
def test_the_parameters_are_one_cell_of_plain_assignments(path):
    (cell,) = (c for c in _cells(path, "code") if _tagged(c, "parameters"))
    assert cell == _cells(path, "code")[0]
    names = set(tool.names_assigned(_source(cell)))
    short = json.loads(path.read_text())["metadata"]["sedflow"]["short"]
    assert set(short) <= names
    assert all(isinstance(n, ast.Assign) for n in ast.parse(_source(cell)).body)


@each_notebook
def test_no_machinery_of_tests_is_in_sight(path):
    for cell in _cells(path):
        assert not re.search(r"SEDFLOW_SHORT|\bSHORT\b|fmt: skip|^assert |noqa", _source(cell))


@each_notebook
def test_the_text_makes_claims_that_the_full_run_checks(path):
    claims = [claim for c in _cells(path, "markdown") for claim in c["metadata"].get("claims", [])]
    assert len(claims) >= 2
    for claim in claims:
        ast.parse(claim, mode="eval")


@each_notebook
def test_specialists_words_are_explained_where_they_come_first(path):
    assert [word for word in JARGON if unexplained(_text(path), word)] == []


def test_an_unexplained_word_is_found():
    assert unexplained("The C2ST is 0.5.\n\nC2ST: see [C2ST](../docs/glossary.md).", "C2ST")
    assert not unexplained("The classifier test ([C2ST](../docs/glossary.md)). C2ST.", "C2ST")
    assert not unexplained("- **C2ST** is a test.", "C2ST")
    assert not unexplained("`fit.ESS`", "ESS")


@each_notebook
def test_a_notebook_ends_with_summary_exercises_and_folded_answers(path):
    cells = _cells(path)
    answers = [c for c in cells if _tagged(c, "hide-input")]
    assert cells[-len(answers) :] == answers
    for cell in answers:
        folded = cell["metadata"]["jupyter"]
        assert folded["source_hidden"], "the code of an answer is open"
        assert folded["outputs_hidden"], "the output of an answer is open"
    exercises = _source(cells[-len(answers) - 1])
    assert "## Summary" in exercises
    assert "## Exercises" in exercises
    numbers = re.findall(r"^(\d)\. ", exercises, flags=re.MULTILINE)
    assert numbers in ([*"123"], [*"1234"])
    assert "collapsed" in exercises.splitlines()[-1]
    assert [re.match(r"# (\d): ", _source(c))[1] for c in answers] == numbers


@each_notebook
def test_a_notebook_keeps_to_public_names_of_the_package(path):
    for cell in _cells(path, "code"):
        assert private_names(_source(cell)) == []
        assert list(deep_imports(_source(cell))) == []


@pytest.mark.parametrize(
    "code",
    [
        "model._light",
        "from sedflow.network.posterior import _hidden",
        "from sedflow._inner import f",
        "import sedflow._inner",
    ],
)
def test_a_private_name_would_be_found(code):
    assert private_names(code)


def test_public_and_special_names_are_no_private_ones():
    assert private_names("import a.b\nfrom a import b\na.b.c\na.__doc__\n_ = a\n%time f()") == []


def test_every_notebook_is_in_the_lists():
    for page in (FOLDER / "README.md", ROOT / "docs" / "notebooks.md"):
        assert [p.name for p in NOTEBOOKS if p.stem not in page.read_text()] == []


@each_notebook
def test_a_notebook_is_a_page_of_the_documentation_as_it_is(path):
    """`python tools/notebooks.py pages N` rewrites the page of a notebook that has changed."""
    page = (tool.PAGES / f"{path.stem}.md").read_text()
    for cell in _cells(path):
        text = _source(cell).rstrip(";") if cell["cell_type"] == "code" else _source(cell)
        for paragraph in text.split("\n\n"):
            if "](" not in paragraph:  # links differ between the two
                assert paragraph in page, "the page is older than the notebook"
    figures = tool.PAGES / f"{path.stem}_files"
    size = sum(file.stat().st_size for file in figures.iterdir())
    assert size < 1_500_000


def test_the_short_sizes_replace_the_parameters():
    assert tool.with_values("N = 10_000  # draws\nM = 2", {"N": 5}) == "N = 5  # draws\nM = 2"
    with pytest.raises(ValueError, match="does not set K"):
        tool.with_values("N = 1", {"K": 5})


def _one_cell(code, claims):
    import nbformat

    cells = [
        nbformat.v4.new_code_cell(code),
        nbformat.v4.new_markdown_cell("It is so.", metadata={"claims": claims}),
    ]
    return nbformat.v4.new_notebook(cells=cells)


@pytest.mark.slow
def test_a_claim_that_does_not_hold_is_found(tmp_path):
    import nbformat

    path = tmp_path / "one.ipynb"
    nbformat.write(_one_cell("x = 1", ["x == 1", "x == 2"]), path)
    assert tool.broken_claims(tool.execute(path, tmp_path)) == ["x == 2"]
    assert tool.broken_claims(tool.execute(path, tmp_path, short=True)) == []


def test_a_copy_for_colab_installs_the_package_first(tmp_path):
    tool.main(["colab", "someone/sedflow", str(tmp_path)])
    copies = sorted(p.name for p in tmp_path.iterdir())
    assert copies == sorted(p.name for p in NOTEBOOKS)
    first, second = _cells(tmp_path / NOTEBOOKS[0].name)[:2]
    assert _source(first).startswith("%pip install")
    assert "github.com/someone/sedflow" in _source(first)
    assert _source(second) == _source(_cells(NOTEBOOKS[0])[0])


# Limits are ten times what a run needs on an idle machine: a busy one is slow, not wrong.


#: Half a minute each, or like one of the others; `make heavy` runs them.
LONGER = (
    "2_priors",
    "3_abc_to_amortized",
    "4_one_galaxy",
    "5_trust",
    "6_train_your_own",
    "7_thousands_of_galaxies",
    "9_four_galaxies",
    "10_for_users_of_sbi",
    "11_populations",
)


@pytest.mark.slow
@pytest.mark.parametrize(
    "path",
    [pytest.param(p, marks=[pytest.mark.heavy] * (p.stem in LONGER)) for p in NOTEBOOKS],
    ids=lambda p: p.stem,
)
def test_a_notebook_runs_in_its_short_mode(path, tmp_path):
    tool.execute(path, tmp_path, short=True, timeout=300)


@pytest.mark.heavy
@each_notebook
def test_a_notebook_runs_in_full_and_its_claims_hold(path, tmp_path):
    assert tool.broken_claims(tool.execute(path, tmp_path, timeout=3000)) == []
