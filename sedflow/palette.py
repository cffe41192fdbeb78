"""Every colour, named by what it shows.

The palette of Okabe & Ito (2008): colour-blind readers can distinguish its colours, on light and
on dark backgrounds.
"""

BLUE, INK_BLUE = "#1f86c9", "#0072b2"  # the second for white paper and small marks
VERMILION, GREEN, ORANGE, PURPLE, VIOLET = "#d55e00", "#009e73", "#e69f00", "#cc79a7", "#8a63d2"
SKY = "#56b4e9"
GREY = "#888888"

OCHRE = "#b07a00"

MODEL, DATA, PREDICTED, SELECTED, OTHER, TRUTH = BLUE, VERMILION, GREEN, VERMILION, GREY, OCHRE

#: A draw of a walk, which may pass through what is selected.
WALKED = VIOLET

#: The same galaxy made of another library's stars.
LIBRARY = VIOLET

#: Text inside figures, which no theme colours: legible on light and on dark.
TEXT = "#858585"

#: Pages, light and dark: the same names in the style sheet of the page and in its figures.
LIGHT = {
    "ground": "#ffffff",
    "surface": "#f4f6f8",
    "line": "#d5dae1",
    "grid": "#e6e9ee",
    "ink": "#1b2026",
    "quiet": "#56606c",
    "accent": "#0067a5",
    "pale": "#e3f0f9",
    "good": "#00704f",
    "warn": "#8a5a00",
    "bad": "#b3390b",
}
DARK = {
    "ground": "#11151a",
    "surface": "#1a2028",
    "line": "#363f4b",
    "grid": "#252c35",
    "ink": "#e8ebef",
    "quiet": "#a7b1bd",
    "accent": "#62b5f2",
    "pale": "#17344a",
    "good": "#3ccb9b",
    "warn": "#e3ac3c",
    "bad": "#ff8a5c",
}
#: Type of pages and figures: families, then the size [px] of numbers in figures.
FONT = "Inter, system-ui, -apple-system, 'Segoe UI', Roboto, 'DejaVu Sans', sans-serif"
FIGURE_SIZE = 11
#: The prior, and what a legend has switched off.
FAINT = "#999999"
#: Text, and the background of a warning, on a page of paper.
INK, PAPER, WARNING = "#1b1b1b", "#ffffff", "#fff4e5"

#: What the page's theme decides: black on light pages, white on dark ones.
THEME_INK = "ink"

#: Sets of draws.
SETS = {
    "prior": FAINT,
    "network": GREEN,
    "exact": MODEL,
    "mcmc": PURPLE,
    "changed": THEME_INK,
    "selected": SELECTED,
}

#: Bands.
FILTERS = {
    "FUV": PURPLE,
    "NUV": PURPLE,
    "u": VIOLET,
    "g": INK_BLUE,
    "r": GREEN,
    "i": ORANGE,
    "z": VERMILION,
}

#: Light of stars by age.
PARTS = {"young": SKY, "old": VERMILION, "burst": PURPLE}

#: Things of equal rank, in order.
SERIES = (BLUE, VERMILION, GREEN, PURPLE, ORANGE, VIOLET)
