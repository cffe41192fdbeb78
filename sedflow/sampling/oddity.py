"""A sentence on an exact fit that is odd: it hardly describes the data, and the network missed it.

Neither says much alone. A fifth of the atlas has a calibrated p-value below 0.05, since its errors
are somewhat too small; and galaxies like few others need many draws. Together they are what bands
in the wrong order give, where they do not give a misfit. docs/trust.md has how often they occur.
"""

import numpy as np

from sedflow.sampling.misfit import p_text
from sedflow.sampling.verdict import Verdict

__all__ = ["ODD_P", "ODD_SHARE", "odd_fits"]

#: Posterior predictive p-value, and share of the network's draws that count, both below which a
#: fit is odd.
ODD_P, ODD_SHARE = 0.1, 0.5


def odd_fits(verdict: Verdict) -> np.ndarray:
    """A sentence for each odd fit (...); "" for the others, and for misfits, which say it anyway.

    Where a sampler's draws have no weights, nothing is known of their share.
    """
    p, share = np.asarray(verdict.p_value), np.asarray(verdict.share)
    with np.errstate(invalid="ignore"):
        odd = (np.asarray(verdict.status) == "ok") & (p < ODD_P) & (share < ODD_SHARE)
    out = np.full(p.shape, "", dtype=object)
    for i in np.argwhere(odd):
        at = tuple(i)
        out[at] = (
            f"This fit is odd: the model describes the data poorly (p {p_text(p[at])}), and "
            f"{100 * share[at]:.2g} % of the network's draws count; look at the order of the "
            "bands, units, errors and redshift"
        )
    return out
