"""How Sphinx builds these pages: Markdown by MyST, the theme furo, mathematics as MathML.

Chromium draws MathML well only with a math font, so STIX Two Math comes with the pages.

Nothing is fetched, neither while the pages are built nor when they are read.
"""

import ast
import re
import sys
from importlib import import_module
from pathlib import Path

from docutils.nodes import SkipNode
from docutils.utils.math import MathError
from docutils.utils.math.latex2mathml import tex2mathml
from sphinx.pycode import ModuleAnalyzer
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
html_static_path = ["_static"]
html_css_files = ["custom.css"]  # the math font, and boxes of code that fit
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
_FIELD = re.compile(
    rf"^({_NAME}(?:(?:, | or ){_NAME}| or \([^()]*\))*)(?:(?: : |, )(\S.*))?$"
)


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
                out.append(
                    f"* ``{found[1]}``{meaning}"
                    if found
                    else f"  {text.strip()}"
                )
        else:
            out += paragraph
        out.append(line)
        paragraph = []
    lines[:] = out


_LONG_VALUE = 200  # characters; a longer value of a constant is not shown


def _home(module, name):
    """The module in which a public name of a module is defined."""
    path = Path(import_module(module).__file__)
    stub = path.with_suffix(".pyi")
    for node in ast.parse((stub if stub.exists() else path).read_text()).body:
        if isinstance(node, ast.ImportFrom) and name in (
            alias.name for alias in node.names
        ):
            source = f"{module}.{node.module}" if node.level else node.module
            return _home(source, name)
    return module


def bring_comments(app):
    """Give constants the `#:` comments of the module in which they are defined."""
    for page in sorted((ROOT / "docs" / "api").glob("*.md")):
        module = f"sedflow.{page.stem}"
        here = ModuleAnalyzer.for_module(module)
        here.analyze()
        for place, name in enumerate(import_module(module).__all__):
            docs = ModuleAnalyzer.for_module(
                _home(module, name)
            ).find_attr_docs()
            if ("", name) in docs:
                value = repr(getattr(import_module(module), name))
                hide = (
                    ["", ":meta hide-value:"]
                    if len(value) > _LONG_VALUE
                    else []
                )
                here.attr_docs["", name] = [*docs["", name], *hide]
            here.tagorder[name] = place


def keep_one_home(app, docname, source):
    """Refer from a folder's page to the public names of `sedflow` that have their place already."""
    if not docname.startswith("api/"):
        return
    names = import_module(docname.replace("api/", "sedflow.")).__all__
    root = (ROOT / "docs" / "api.md").read_text()
    placed = set(re.findall(r":: sedflow\.(\w+)$", root, re.MULTILINE))
    known = [name for name in names if name in placed]
    if known:
        links = ", ".join(f"{{py:obj}}`sedflow.{name}`" for name in known)
        option = f"   :exclude-members: {', '.join(known)}\n"
        source[0] = source[0].replace(
            "```{eval-rst}", f"See also {links}.\n\n```{{eval-rst}}"
        )
        source[0] = source[0].replace(
            "   :members:\n", f"   :members:\n{option}"
        )


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
        translator.body.append(
            f'<div class="math">{text}</div>' if block else text
        )
        raise SkipNode

    return visit, None


def setup(app):
    app.connect("builder-inited", bring_comments)
    app.connect("source-read", keep_one_home)
    app.add_html_math_renderer("mathml", _visit(False), _visit(True))
    app.connect("autodoc-process-docstring", keep_attribute, priority=100)
    app.connect("autodoc-process-docstring", restore_attribute, priority=600)
    app.connect("autodoc-process-docstring", list_fields, priority=700)


html_math_renderer = "mathml"
