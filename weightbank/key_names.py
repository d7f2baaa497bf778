"""Names in a state dict as paths: module names and at last a tensor's, between dots."""

from collections.abc import Mapping

_WRAPPERS = ("module.", "_orig_mod.")


def unwrapped(name: str) -> str:
    """Return a name without what DataParallel and torch.compile put before it.

    Examples:
        >>> unwrapped("module._orig_mod.fc.weight"), unwrapped("modules.0.weight")
        ('fc.weight', 'modules.0.weight')
    """
    while name.startswith(_WRAPPERS):
        name = name.split(".", maxsplit=1)[1]
    return name


def leading(path: str) -> str:
    """Return what names in a module begin with, whether or not its path ends with a dot.

    Examples:
        >>> leading("backbone"), leading("backbone."), leading("")
        ('backbone.', 'backbone.', '')
    """
    return f"{path.removesuffix('.')}." if path else ""


def longest_path(name: str, paths: Mapping[str, object]) -> str | None:
    """Return the longest of some paths that a name is, or is within; None if there is none.

    Examples:
        >>> paths = {"fc": 1, "fc.0": 2, "f": 3}
        >>> longest_path("fc.0.weight", paths), longest_path("fc.1.weight", paths)
        ('fc.0', 'fc')
        >>> longest_path("fc2.weight", paths) is None
        True
    """
    end = len(name)
    while end > 0:
        if name[:end] in paths:
            return name[:end]
        end = name.rfind(".", 0, end)
    return None


def renamed(name: str, names: Mapping[str, str]) -> str | None:
    """Return a name after renaming, by the longest path that it is within; None if by none.

    Args:
        name: Of a tensor.
        names: New paths of modules or tensors, by their old ones.

    Examples:
        >>> renamed("layer4.0.conv1.weight", {"layer4": "stages.3"})
        'stages.3.0.conv1.weight'
    """
    old = longest_path(name, names)
    if old is None:
        return None
    return f"{names[old]}{name[len(old) :]}" if names[old] else name[len(old) + 1 :]
