"""Files by their hash: fetched once, shared while they arrive, kept within a quota."""
