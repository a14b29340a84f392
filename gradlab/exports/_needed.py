"""Packages that only one format needs."""

import importlib
from typing import Any

from gradlab.errors import Exit, GradlabError


def needed(module: str, package: str) -> Any:
    """A module of an optional package; raises `GradlabError` with exit 6 and the line that installs it."""
    try:
        return importlib.import_module(module)
    except ImportError as error:
        what = f"needs the package {package}, which is not installed; pip install {package}"
        raise GradlabError("--to", what, Exit.ENVIRONMENT) from error
