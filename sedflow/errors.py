"""The errors a caller may want to tell apart.

Each is a `ValueError` too, so code that only wants "bad input" need not know them; the
message of each names the value, the limit and the remedy.
"""

__all__ = [
    "BadFitFile",
    "BadParameters",
    "BadPhotometry",
    "BadSSP",
    "BadWeights",
    "Cancelled",
    "DamagedPackage",
    "DownloadFailed",
    "FSPSUnavailable",
    "SedflowError",
    "UnknownBand",
]


class SedflowError(ValueError):
    """Any failure that this package expects and explains."""


class BadParameters(SedflowError):
    """Parameters of the wrong shape, not finite, or outside the prior."""


class BadPhotometry(SedflowError):
    """Fluxes, errors or redshifts that no galaxy can have."""


class UnknownBand(SedflowError):
    """A band with no filter curve, or one that the SSP grid does not reach."""


class BadSSP(SedflowError):
    """An SSP file without the data sets or the axes of the DSPS layout."""


class BadWeights(SedflowError):
    """Network weights that are damaged or belong to another parameter table."""


class BadFitFile(SedflowError):
    """A saved fit that is missing, cut short, changed, or that this version cannot read."""


class DamagedPackage(SedflowError):
    """A file of the package itself is missing, cut short or altered."""


class DownloadFailed(SedflowError):
    """A file could not be had from its address, or is not what it should be."""


class FSPSUnavailable(SedflowError):
    """python-fsps, or the stellar data that it needs, is not on this machine."""


class Cancelled(SedflowError):
    """A run was told to stop, and did."""
