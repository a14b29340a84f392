"""Files that appear whole or not at all, and the one error for a file system that refuses."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from gradlab.status import Exit, GradlabError

LOCK = ".lock"
BEGUN = "begun.json"
"""The settings and versions of a run that is not finished."""


def unfinished(folder: Path) -> bool:
    """Whether a run has begun in a folder, and not ended."""
    left = (LOCK, BEGUN, "shards")
    return not (folder / "run.json").exists() and any((folder / name).exists() for name in left)


def replace(path: Path, content: bytes) -> None:
    """Put `content` at `path`, whole or not at all, and have it on the disk before returning."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with temporary.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
        raise
    if hasattr(os, "O_DIRECTORY"):
        handle = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


@contextlib.contextmanager
def storage(folder: Path, doing: Literal["read", "written"] = "written") -> Iterator[None]:
    """Turn an error of the file system into a `GradlabError` with `Exit.STORAGE`."""
    try:
        yield
    except OSError as error:
        what = f"cannot be {doing}: {error.strerror or error}; what is finished is kept, for the same command"
        raise GradlabError(str(folder), what, Exit.STORAGE) from error
