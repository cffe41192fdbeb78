"""The dashboard: `panel serve app.py`, or `sedflow serve`."""

from sedflow.dashboard import page

page().servable()
