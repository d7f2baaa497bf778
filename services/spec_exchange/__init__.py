"""Specs and names in one file, from one server's database into another's."""
