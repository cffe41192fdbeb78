"""How figures look on a light and on a dark page: a theme of a Bokeh document.

A document's theme can be changed while its figures are on the screen, so no figure is made again.
Models with the tag "ink" are drawn in the page's ink; "edge" is their rim, in the page's ground.
Figures with the tag "beneath" have the same room beside them, however large the type is, so that
one stands above the other.
"""

from bokeh.themes import Theme

from sedflow.palette import DARK, FIGURE_SIZE, FONT, LIGHT

__all__ = ["PageTheme", "on_light_page"]

#: Room for numbers and name of an axis [px], with the usual type and for each pixel that it grows.
_BESIDE, _GROWS = 80, 11


class PageTheme(Theme):
    """The theme of a page's figures, light or dark, with type of a size [px]."""

    def __init__(self, dark: bool = False, size: int = FIGURE_SIZE):
        colors = DARK if dark else LIGHT
        small = f"{size}px"
        text_size = {"value": small}
        ink, quiet = colors["ink"], colors["quiet"]
        self._ink = {
            "Scatter": {"fill_color": ink, "hatch_color": ink, "line_color": colors["ground"]},
            "Text": {"text_color": ink, "text_font": {"value": FONT}, "text_font_size": text_size},
        }
        self._ink_else = {"line_color": ink}
        self._beside = _BESIDE + _GROWS * (size - FIGURE_SIZE)
        super().__init__(
            json={
                "attrs": {
                    "Plot": {
                        # No menu of tools beside the tool bar: a model for each of them.
                        "context_menu": None,
                        "background_fill_alpha": 0.0,
                        "border_fill_alpha": 0.0,
                        "outline_line_color": colors["line"],
                    },
                    "Axis": {
                        "axis_label_text_color": quiet,
                        "axis_label_text_font": FONT,
                        "axis_label_text_font_size": small,
                        "axis_label_text_font_style": "normal",
                        "axis_label_standoff": 3,
                        "major_label_text_color": quiet,
                        "major_label_text_font": FONT,
                        "major_label_text_font_size": small,
                        "axis_line_color": colors["line"],
                        "major_tick_line_color": colors["line"],
                        "minor_tick_line_color": None,
                        "major_tick_out": 4,
                        "major_tick_in": 0,
                    },
                    "CategoricalAxis": {
                        "separator_line_color": colors["line"],
                        "separator_line_width": 1,
                        "group_text_color": quiet,
                        "group_text_font": FONT,
                        "group_text_font_size": small,
                    },
                    "Grid": {"grid_line_color": colors["grid"]},
                    "Title": {
                        "text_color": ink,
                        "text_font": FONT,
                        "text_font_size": f"{size + 2}px",
                    },
                    "Legend": {
                        "label_text_color": quiet,
                        "label_text_font": FONT,
                        "label_text_font_size": small,
                        "background_fill_color": colors["ground"],
                        "background_fill_alpha": 0.0,
                        "border_line_alpha": 0.0,
                    },
                    "BaseColorBar": {
                        "background_fill_alpha": 0.0,
                        "title_text_color": quiet,
                        "title_text_font_size": small,
                        "major_label_text_color": quiet,
                        "major_label_text_font_size": small,
                    },
                    "Text": {
                        "text_color": quiet,
                        "text_font": {"value": FONT},
                        "text_font_size": text_size,
                    },
                }
            }
        )

    def apply_to_model(self, model) -> None:
        """Give a model what its class has, and what its tags ask for."""
        if "ink" not in model.tags:
            super().apply_to_model(model)
            if "beneath" in model.tags:
                model.apply_theme({**model.themed_values(), "min_border_left": self._beside})
            return
        name = type(model).__name__
        model.apply_theme(self._ink.get(name, self._ink_else))


def on_light_page(figure):
    """A figure with the colours of a light page, for where no document has a theme."""
    theme = PageTheme()
    for model in figure.references():
        theme.apply_to_model(model)
    return figure
