"""Pretrained checkpoints: chosen, opened, described, kept; what routes and specs work with."""
