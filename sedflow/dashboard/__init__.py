"""The Panel dashboard: state, figures, and the objects that join them.

Importing `Explorer` needs the extra `app`; the state needs only param.
"""

__all__ = ["Explorer", "page"]


def __getattr__(name):
    if name in __all__:
        from sedflow.dashboard import explorer

        return getattr(explorer, name)
    raise AttributeError(f"module 'sedflow.dashboard' has no attribute {name!r}")
