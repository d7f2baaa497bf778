"""Checkpoints fitted to a model: what a request wishes, as a resolved spec."""

from weightbank.fitting.description import ModelDescription, describe_model
from weightbank.fitting.fit import fit
from weightbank.fitting.wishes import Wishes

__all__ = ["ModelDescription", "Wishes", "describe_model", "fit"]
