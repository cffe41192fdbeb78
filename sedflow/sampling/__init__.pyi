from .mcmc import MCMCSampler as MCMCSampler
from .reweighting import TooFewEffectiveDraws as TooFewEffectiveDraws
from .reweighting import reweight as reweight
from .verdict import KINDS as KINDS
from .verdict import Kind as Kind
from .verdict import Verdict as Verdict
