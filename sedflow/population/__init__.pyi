from .density import Density as Density
from .density import fit_density as fit_density
from .population import EFFECTIVE_MIN as EFFECTIVE_MIN
from .population import Population as Population
from .prior import PriorShares as PriorShares
from .prior import prior_shares as prior_shares
