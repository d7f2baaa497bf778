"""Weightbank: the weights a training run starts from."""
