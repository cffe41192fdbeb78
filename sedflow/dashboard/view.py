"""What every page of the app is: controls for the sidebar, views for the page."""

import panel as pn

__all__ = ["LateView", "PageView"]


class PageView(pn.viewable.Viewer):
    """A page with `controls` and `views`; side by side as the last line of a notebook's cell."""

    sidebar_width = 340

    def __panel__(self):
        side = pn.Column(self.controls, width=self.sidebar_width)
        return pn.Row(side, self.views, sizing_mode="stretch_width")


class LateView(PageView):
    """A page that is built when it is first looked at: `_build` sets `_controls` and `_views`."""

    _controls = _views = None

    @property
    def controls(self):
        """The sidebar."""
        self._build()
        return self._controls

    @property
    def views(self):
        """The page."""
        self._build()
        return self._views
