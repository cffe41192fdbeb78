"""The Panel dashboard: pages made of panels, a state for each visitor, an engine that answers.

Needs the extra `app`; the state needs only param.
"""

import lazy_loader

from sedflow.errors import needs

_attribute, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)


def __getattr__(name):
    if name in __all__:
        needs("panel", "bokeh", "contourpy", extra="app", what="the dashboard")
        if name in ("RunView", "SurveyView"):
            needs("duckdb", "datashader", "holoviews", extra="app", what="the page of a run")
    return _attribute(name)
