"""Text on a page that looks the same before and after it changes.

Panel 1.9 gives a Markdown pane other stylesheets of its template when its text is changed than
it had at first (Bootstrap's own come in), so headings would jump from 18 to 32 pixels.
"""

import panel as pn

__all__ = ["prose"]

_CSS = """
h2 { font-size: 20px !important; font-weight: 600 !important; margin: 6px 0 4px !important; }
h3 { font-size: 16px !important; font-weight: 600 !important; margin: 10px 0 4px !important; }
p, ul, ol { font-size: 14px !important; line-height: 1.45 !important; margin: 0 0 8px !important; }
li { font-size: 14px !important; line-height: 1.45 !important; margin: 0 !important; }
table { border-collapse: collapse !important; border: 0 !important; margin: 2px 0 10px !important;
        display: table !important; }
td, th { font-size: 13px !important; padding: 3px 16px 3px 0 !important; border: 0 !important;
         border-bottom: 1px solid #88888855 !important; background: none !important;
         text-align: left !important; }
"""


def prose(text: str = "", **options):
    """A Markdown pane."""
    return pn.pane.Markdown(
        text, stylesheets=[_CSS], **{"margin": (0, 10), "sizing_mode": "stretch_width", **options}
    )
