"""How Sphinx builds these pages: Markdown by MyST, the theme furo, mathematics as MathML.

Nothing is fetched, neither while the pages are built nor when they are read.
"""

import re
import sys
from pathlib import Path

from docutils.nodes import SkipNode
from docutils.utils.math import MathError
from docutils.utils.math.latex2mathml import tex2mathml
from sphinx.util import logging

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))

import sedflow  # noqa: E402

project = "SEDflow Explorer"
author = "The SEDflow Explorer developers"
version = release = sedflow.__version__
extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
exclude_patterns = ["README.md"]

html_theme = "furo"
html_title = "SEDflow Explorer"
html_copy_source = False
html_show_copyright = False
highlight_language = "none"
default_role = "literal"  # of names in single backticks, in docstrings

myst_enable_extensions = ["dollarmath"]
myst_heading_anchors = 3

autodoc_member_order = "bysource"
autodoc_typehints = "none"
napoleon_google_docstring = False
napoleon_use_param = napoleon_use_rtype = False

# A line on a field: "theta (..., n_draw, 12) : text", "name, other : text" or "seconds (...)".
_NAME = r"[a-z_]\w*(?: \([^()]*\))?"
_FIELD = re.compile(rf"^({_NAME}(?:(?:, | or ){_NAME}| or \([^()]*\))*)(?:(?: : |, )(\S.*))?$")


def list_fields(app, what, name, obj, options, lines):
    """Make lists of those paragraphs of a docstring that tell a field in every line."""
    out, paragraph = [], []
    for line in [*lines, ""]:
        if line.strip():
            paragraph.append(line)
            continue
        starts = [text for text in paragraph if not text.startswith(" ")]
        told = any(" : " in text or " (" in text for text in starts)
        if told and all(_FIELD.match(text) for text in starts):
            for text in paragraph:
                found = _FIELD.match(text)
                meaning = f": {found[2]}" if found and found[2] else ""
                out.append(f"* ``{found[1]}``{meaning}" if found else f"  {text.strip()}")
        else:
            out += paragraph
        out.append(line)
        paragraph = []
    lines[:] = out


_whole = []


def keep_attribute(app, what, name, obj, options, lines):
    """Remember a docstring before napoleon takes what stands before a colon for a type."""
    _whole[:] = lines


def restore_attribute(app, what, name, obj, options, lines):
    if what in ("attribute", "data", "property"):
        lines[:] = _whole


def _visit(block):
    def visit(translator, node):
        try:
            text = tex2mathml(node.astext(), as_block=block)
        except MathError as error:
            logging.getLogger(__name__).warning(str(error), location=node)
            text = node.astext()
        translator.body.append(f'<div class="math">{text}</div>' if block else text)
        raise SkipNode

    return visit, None


def setup(app):
    app.add_html_math_renderer("mathml", _visit(False), _visit(True))
    app.connect("autodoc-process-docstring", keep_attribute, priority=100)
    app.connect("autodoc-process-docstring", restore_attribute, priority=600)
    app.connect("autodoc-process-docstring", list_fields, priority=700)


html_math_renderer = "mathml"
