"""Specs as a whole: listed, searched, and removed."""
