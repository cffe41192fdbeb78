"""Documents, docstrings and messages use words that one would say aloud to a colleague.

`AVOID` holds phrases that make a sentence foreign, or that a newcomer has to decode, each with
what to write instead. A phrase that is good English elsewhere is not in the list, or its pattern
has an exception. The rules behind the list are in CONTRIBUTING.md, under "Prose".
"""

import ast
import json
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
DOCUMENTS = [
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    ROOT / "sedflow" / "data" / "README.md",
    *sorted(ROOT.glob("docs/*.md")),
    *sorted(ROOT.glob("notebooks/*.md")),
    *sorted(ROOT.glob("notebooks/*.ipynb")),
]
CODE = sorted(
    path for name in ("sedflow", "tools", "benchmarks") for path in (ROOT / name).rglob("*.py")
)

_COMPARISON = (
    "longer|more|less|fewer|better|worse|different|larger|smaller|bigger|higher|lower|older|"
    "younger|newer|wider|narrower|further|farther|closer|nearer|earlier|later|easier|harder|"
    "stronger|weaker|brighter|fainter|bluer|redder|slower|faster|greater|shorter|sooner|use"
)

#: Pattern of whole words, in which a space is a space or the end of a line -> what to write.
AVOID = {
    # Verbs that nobody says.
    "anew": "again, recompute",
    "mend(s|ed|ing)?": "fix, correct",
    r"stands? in(?! for\b)": "appear in, be in",
    "stands? (under|below|there|written)": "be below, be there",
    "wants to": "should, must, need",
    "(come|comes|coming) along": "be included",
    "had best": "should",
    "(begin|begins|beginning|began) from": "start from",
    "(climb|climbs|climbed|climbing) (a|the) ladder": "refine",
    "must climb": "needs a higher rung",
    "(can|could|may|might|to) (not )?be had": "could be downloaded, be found",
    "had from": "got from, downloaded from",
    "(tell|tells|telling|told)( [^ .;:]+){0,6} apart": "distinguish",
    "(held|hold|holds) against": "compare with",
    "(left|leave|leaves|leaving)( [^ .;:]+){0,5} aside": "ignore",
    "(default|default one|first one|it) was taken": "using the default",
    "taken for(?! granted)": "read as",
    "(do|does|did|doing|done) without": "not need, not use, leave out",
    "by heart": "memorize",
    "(say|says|said|tell|tells) of(?! course)": "say about",
    "take care:": "note that",
    "speaks? of": "say, give",
    "(can|cannot|could|can not|could not) be told": "be recognized, be distinguished",
    "(know|knows|knew|known) nothing of": "not use, be independent of",
    "(is|are|was|were) to be (found|had|looked|seen)": "is in, was found",
    "let( it)? be": "leave as it is",
    # Small words that sound foreign or old.
    "lest": "so that ... not",
    "whereof|thereof": "of which, of it",
    "whence|thence|hitherto|whilst": "from where, from there, so far, while",
    "one's own": "your own",
    "nor (is|are|was|were|do|does|has|have|can)": "and ... not",
    "at hand": "available",
    r"(?<![,;] )so many(?! that\b)": "this many, the number of",
    "in the way of": "such as",
    "for want of": "because ... lacks",
    "if need be": "if needed",
    r"in the mean(?! (of|time)\b)": "on average",
    "as told": "as described",
    "had before": "as before",
    rf"(?<!there )(is|are) no(?= (?!({_COMPARISON})\b))": "is not a, there is no",
    "(?<![,;:] )but for": "except",
    # Coined terms, where the field has one.
    "proposals? that (learn|learns|learned|learnt)": "adaptive importance sampling",
    "learning proposals?": "adaptive importance sampling",
    "weights (that )?(do not |did not |does not )?hold": "importance weights pass (k-hat < 0.7)",
    "a galaxy, warm": "per galaxy, after warm-up",
    "less the diagonal": "residual p-p plot",
    "draws judged": "draws in the test",
    "like those of training": "inside the training domain",
}
_PATTERNS = {
    phrase: re.compile(rf"(?<![\w-])(?:{phrase})(?![\w-])".replace(" ", r"\s"), re.IGNORECASE)
    for phrase in AVOID
}


def unwanted(text):
    """Line, phrase and what to write instead, of each unwanted phrase in a text."""
    text = re.sub(r"[ \t]*\n[ \t]*", "\n", text)  # so that one \s parts words over lines
    for phrase, instead in AVOID.items():
        for found in _PATTERNS[phrase].finditer(text):
            line = text.count("\n", 0, found.start()) + 1
            yield line, " ".join(found[0].split()), instead


def prose(path):
    """The text of a document: a page, or the Markdown cells of a notebook."""
    text = path.read_text(encoding="utf-8")
    if path.suffix != ".ipynb":
        return text
    cells = json.loads(text)["cells"]
    return "\n\n".join("".join(c["source"]) for c in cells if c["cell_type"] == "markdown")


def literals(code):
    """First line and text of each string in Python code; values inside f-strings become {}."""

    def visit(node):
        if isinstance(node, ast.JoinedStr):
            parts = (v.value if isinstance(v, ast.Constant) else "{}" for v in node.values)
            yield node.lineno, "".join(map(str, parts))
            for value in node.values:  # strings in the braces of the f-string
                if isinstance(value, ast.FormattedValue):
                    yield from visit(value.value)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.lineno, node.value
        else:
            for child in ast.iter_child_nodes(node):
                yield from visit(child)

    yield from visit(ast.parse(code))


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda p: str(p.relative_to(ROOT)))
def test_a_document_is_in_plain_words(path):
    name = path.relative_to(ROOT)
    places = [f"{name}:{n}: {phrase!r}: {instead}" for n, phrase, instead in unwanted(prose(path))]
    assert not places, "\n" + "\n".join(places)


def test_docstrings_and_messages_are_in_plain_words():
    places = []
    for path in CODE:
        for first, text in literals(path.read_text(encoding="utf-8")):
            for line, phrase, instead in unwanted(text):
                number = first + line - 1
                places.append(f"{path.relative_to(ROOT)}:{number}: {phrase!r}: {instead}")
    print("\n".join(places))  # `pytest -rx --runxfail` shows them
    assert not places, f"{len(places)} places:\n" + "\n".join(places)


@pytest.mark.parametrize(
    "text",
    [
        "The posterior is drawn anew.",
        "fix it,\n    lest it break",
        "The header 13 is no number.",
        "These are no distances.",
        "The ID stands in 3 rows.",
        "A classifier tells two sets of draws apart.",
        "It leaves the band aside.",
        "all bands but for u",
        "Weights do not\nhold.",
        "The file could not be had from its address.",
        "A galaxy of one's own.",
    ],
)
def test_unwanted_wording_is_found(text):
    assert list(unwanted(text))


@pytest.mark.parametrize(
    "text",
    [
        "The network is no longer used, and there is no other.",
        "Is there no file? Then none is read.",
        "A substitute stands in for FSPS in the tests.",
        "The weights of the network, as amended, are recommended.",
        "This helps not for galaxies, but for stars.",
        "There are differences, so many of them average out.",
        "The mean of the draws; in the mean time, wait.",
        "The stand-in has an almanac and a commendable lestage.",
        "They say, of course, that it is taken for granted.",
        "The spectrum was taken with a slit.",
    ],
)
def test_good_english_is_not_found(text):
    assert list(unwanted(text)) == []


def test_strings_are_found_with_their_lines():
    code = 'def f(x):\n    """One.\n\n    Two.\n    """\n    return f"{x} is no {lest[\'lest\']}"\n'
    assert next(literals(code)) == (2, "One.\n\n    Two.\n    ")
    assert (6, "{} is no {}") in literals(code)
    assert {phrase for _, text in literals(code) for _, phrase, _ in unwanted(text)} == {
        "is no",
        "lest",
    }
