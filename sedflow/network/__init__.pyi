from .configuration import TrainingConfig as TrainingConfig
from .domain_check import DomainCheck as DomainCheck
from .posterior import AmortizedPosterior as AmortizedPosterior
from .training import train as train
from .weights import load_posterior as load_posterior
from .weights import packaged_weights as packaged_weights
