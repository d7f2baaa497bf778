"""Pickled checkpoints to safetensors, in a separate process that may be lost."""
