from .configuration import TrainingConfig as TrainingConfig
from .domain import DomainCheck as DomainCheck
from .posterior import AmortizedPosterior as AmortizedPosterior
from .posterior import load_posterior as load_posterior
from .posterior import packaged_weights as packaged_weights
from .training import train as train
