"""A presentation: what of the page fills the screen, how large its type is, what arrows do."""

from sedflow.dashboard.frame import Frame
from sedflow.figures.theme import PageTheme
from sedflow.palette import FIGURE_SIZE

#: What can be presented: everything, or a part of Explore.
PRESENTED = ("all", "sed", "corner", "history")
#: Type of figures [px], in a presentation of everything and without one; a part alone has more.
_SIZES = {"": FIGURE_SIZE, "all": 14}
_ALONE = 17  # px
_ARROWS = {
    "galaxies": "← and → step through the galaxies of the list; s, c, h and a show the spectrum, "
    "the corner plot, the histories and all; Esc ends.",
    "steps": "← and → step through the lesson; Esc ends.",
    "pins": "← and → show one pin after the other, and all; Esc ends.",
}


class Presentation:
    """What a page presents; its frame makes it large.

    Parameters
    ----------
    frame : Frame
    what : str
        What is presented at first, of `PRESENTED`; nothing otherwise.
    """

    def __init__(self, frame: Frame, what: str = ""):
        self._frame = frame
        if what in PRESENTED:
            frame.present = what

    def present(self, what: str, stepped: str) -> list[str]:
        """Present something, or nothing; the sentences that a visitor should read.

        stepped : through what the arrows step: "galaxies", "steps" or "pins"
        """
        begins = what and not self._frame.present
        self._frame.present = what
        return [_ARROWS[stepped]] if begins else []

    def theme(self, dark: bool) -> PageTheme:
        """What figures wear."""
        return PageTheme(dark, _SIZES.get(self._frame.present, _ALONE))
