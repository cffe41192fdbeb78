"""A matplotlib figure that a notebook shows by itself."""

import io
from functools import cache

__all__ = ["whole_figure"]


@cache
def whole_figure() -> type:
    """The class of figures that show themselves, also before pyplot has set the notebook up."""
    from matplotlib.figure import Figure

    class WholeFigure(Figure):
        """A figure that is shown once: where it is the value of a cell."""

        def _repr_png_(self):
            buffer = io.BytesIO()
            self.savefig(buffer, format="png", bbox_inches="tight", dpi=max(self.dpi, 150))
            return buffer.getvalue()

    return WholeFigure
