"""What the site's pages have in common with the app's: choices, labels, and the prior's curves."""

from sedflow.dashboard.presets import GROUPS, PRESETS
from sedflow.dashboard.quantities import (
    MAIN_QUANTITIES,
    QUANTITIES,
    SHORT_LABELS,
    chosen_quantities,
)
from sedflow.network.posterior import AmortizedPosterior
from sedflow.site.prior import prior_curves


def shared(posterior: AmortizedPosterior) -> dict:
    """Entries of the manifest.

    corner : names of the quantities that a corner plot begins with
    short_labels : labels that fit beside a panel, by name
    groups : titles of sliders, and the names under them
    presets : galaxies to start from, and the parameters in which they differ from the defaults
    prior : as `sedflow.site.prior.prior_curves`
    """
    return {
        "corner": [QUANTITIES[k].name for k in chosen_quantities(MAIN_QUANTITIES)],
        "short_labels": SHORT_LABELS,
        "groups": [[title, list(names)] for title, names in GROUPS],
        "presets": PRESETS,
        "prior": prior_curves(posterior),
    }
