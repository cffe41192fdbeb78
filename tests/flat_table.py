"""Galaxies of the atlas as a flat table, as users have them."""

import numpy as np
import pandas as pd

from sedflow.bands import UGRIZ


def flat(nsa, rows):
    """Some galaxies of the atlas as a plain data frame."""
    table = nsa.table[rows]
    frame = pd.DataFrame({"id": np.array(table["NSAID"], int), "redshift": np.array(table["Z"])})
    frame["redshift"] = frame.redshift.astype(float)
    for k, band in enumerate(UGRIZ, start=2):
        frame[f"flux_{band}"] = np.array(table["NMGY"][:, k], float)
        frame[f"flux_ivar_{band}"] = np.array(table["NMGY_IVAR"][:, k], float)
    return frame
