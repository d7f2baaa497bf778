"""Use cases: generation, files, specs, digests and where they are stored."""
