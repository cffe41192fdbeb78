"""The Panel dashboard: state, figures, and the objects that join them.

Importing `Explorer` needs the extra `app`; the state needs only param.
"""

_HOME = {"Explorer": "explorer", "ForwardView": "forward", "SurveyView": "survey", "page": "site"}

__all__ = ["Explorer", "ForwardView", "SurveyView", "page"]


def __getattr__(name):
    if name in __all__:
        from importlib import import_module

        return getattr(import_module(f"sedflow.dashboard.{_HOME[name]}"), name)
    raise AttributeError(f"module 'sedflow.dashboard' has no attribute {name!r}")
