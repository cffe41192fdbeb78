"""Amortized answers: a normalizing flow, its training, and its training domain."""

import lazy_loader

from sedflow.errors import needs

_attribute, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)


def __getattr__(name):
    if name == "train":
        needs("torch", "zuko", "sbi", extra="train", what="training")
    return _attribute(name)
