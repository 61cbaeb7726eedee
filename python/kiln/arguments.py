"""Keyword arguments of ``invoke`` as words of the command line."""

import json
import os
from typing import Any, List, Mapping

#: Flags that have no ``--no-`` form: ``False`` is the same as not given.
_MARKS = {
    "config_dir",
    "connection",
    "empty_catalog",
    "lock",
    "show",
    "skip_profile_setup",
    "static",
    "store_failures",
    "upgrade",
    "warn_error",
}

#: Arguments without a flag in front.
_POSITIONAL = {"macro", "project_name"}


def words(given: Mapping[str, Any]) -> List[str]:
    """``select=["a", "b"], quiet=True, vars={"x": 1}`` is ``--select a b --quiet --vars '{"x": 1}'``."""
    out: List[str] = []
    for name, value in given.items():
        # A list before it would take a positional argument as one of its own, so these come first.
        if name in _POSITIONAL and value is not None:
            out.insert(0, str(value))
        else:
            out.extend(_flag(name, value))
    return out


def _flag(name: str, value: Any) -> List[str]:
    flag = name.replace("_", "-")
    if value is None or (value is False and name in _MARKS):
        return []
    if isinstance(value, bool):
        return [f"--{flag}" if value else f"--no-{flag}"]
    if isinstance(value, Mapping):
        return [f"--{flag}", json.dumps(value, default=str)]
    if isinstance(value, (list, tuple, set, frozenset)):
        return [f"--{flag}", *map(str, value)] if value else []
    return [f"--{flag}", os.fspath(value) if isinstance(value, os.PathLike) else str(value)]
