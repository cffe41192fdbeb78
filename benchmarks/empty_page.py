"""A page of the app's own kit with two plots and nothing else: `dashboard.py` measures from it."""

import numpy as np
import panel as pn
from bokeh.plotting import figure

from sedflow.dashboard.design import frame_template
from sedflow.dashboard.frame import Frame


def page():
    frame = Frame(lambda *message: None, lambda query: None)
    template = frame_template("empty", [("explore", "Explore")], False, frame.now)
    x = np.linspace(0, 10, 200)
    plots = []
    for y in (np.sin(x), np.cos(x)):
        plot = figure(height=300, width=500)
        plot.line(x, y)
        plots.append(pn.pane.Bokeh(plot))
    template.add_panel("page", pn.Row(*plots))
    template.add_panel("channel", frame.channel)
    return template


page().servable()
