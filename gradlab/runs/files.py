"""Reading and writing files: hostile until read, whole or not at all, one error for a refusing file system.

A run folder may come from anywhere. Its own path may hold links; below it nothing may be one, and only
regular files are opened, none of them beyond the size that its kind can have.
"""

import contextlib
import glob
import os
import re
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Literal

from gradlab.errors import Exit, GradlabError, size

LOCK = ".lock"
BEGUN = "begun.json"
"""The settings and versions of a run that is not finished."""
ANY = 2**36
"""Bytes of a file of which only the digest is wanted."""
LINK = "is a link, and nothing in a run's folder may point elsewhere; put the file itself there"


def unfinished(folder: Path) -> bool:
    """Whether a run has begun in a folder, and not ended."""
    left = (LOCK, BEGUN, "shards")
    return not (folder / "run.json").exists() and any((folder / name).exists() for name in left)


def inside(folder: Path, name: str, most: int) -> bytes:
    """The bytes of the file `name`, such as `shards/1.shard`, of a run folder.

    Raises `GradlabError` if anything below the folder is a link, if this is no regular file, or if it has
    more than `most` bytes; `OSError` as the file system does, `FileNotFoundError` if there is none.
    """
    path = folder
    for part in Path(name).parts:
        path /= part
        if path.is_symlink():
            raise GradlabError(str(path), LINK)
    return _whole(path, most, getattr(os, "O_NOFOLLOW", 0))


def named(path: Path, most: int) -> bytes:
    """As `inside`, of a file that the user has named: the path may hold links."""
    return _whole(path, most, 0)


def regular(path: Path, most: int) -> None:
    """See that a file that is read later is one that `named` would read; the errors are its own."""
    with _opened(path, 0) as file:
        _require_room(path, file, most)


def beginning(path: Path, count: int) -> bytes:
    """The first bytes of a regular file that the user has named; the errors are those of `named`."""
    with _opened(path, 0) as file:
        return file.read(count)


def _whole(path: Path, most: int, how: int) -> bytes:
    with _opened(path, how) as file:
        # Not `most`: so much room would be made.
        return file.read(_require_room(path, file, most))


def _require_room(path: Path, file: BinaryIO, most: int) -> int:
    room = os.fstat(file.fileno()).st_size
    if room > most:
        raise GradlabError(str(path), f"has {size(room)}; at most {size(most)} are read")
    return room


def _opened(path: Path, how: int) -> BinaryIO:
    # Looked at before it is opened: opening a device may do something, and a pipe would wait for a writer.
    _require_regular(path, path.stat().st_mode)
    for flag in ("O_NONBLOCK", "O_BINARY", "O_CLOEXEC"):
        how |= getattr(os, flag, 0)
    file = os.fdopen(os.open(path, os.O_RDONLY | how), "rb")
    try:
        _require_regular(path, os.fstat(file.fileno()).st_mode)
    except BaseException:
        file.close()
        raise
    return file


def _require_regular(path: Path, mode: int) -> None:
    if not stat.S_ISREG(mode):
        kind = "a folder" if stat.S_ISDIR(mode) else "no regular file"
        raise GradlabError(str(path), f"is {kind}; only regular files are read")


def below(folder: Path, name: str) -> Path:
    """The folder `name` in a run folder, to write to; `GradlabError` if it is there and no real folder."""
    path = folder / name
    if path.is_symlink():
        raise GradlabError(str(path), LINK)
    if path.exists() and not path.is_dir():
        raise GradlabError(str(path), "is no folder, and in the way; move it", Exit.STORAGE)
    return path


def next_to(name: str) -> str:
    """What a run's file is called until the `run.json` that speaks of it is there."""
    return f".{name}.next"


def replace(path: Path, content: bytes) -> None:
    """Put `content` at `path`, whole or not at all, and have it on the disk before returning.

    What a process that was killed has left half-written of the same file goes.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        if temporary.is_symlink() or temporary.exists():
            temporary.unlink()
        # Made here and nowhere else: what lies there by now is not written through.
        with temporary.open("xb") as file:
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
    _forget_half_written(path)


def _forget_half_written(path: Path) -> None:
    for left in path.parent.glob(f".{glob.escape(path.name)}.*.tmp"):
        pid = left.name.removeprefix(f".{path.name}.").removesuffix(".tmp")
        if re.fullmatch(r"[1-9]\d{0,8}", pid, re.ASCII) and not _alive(int(pid)):
            with contextlib.suppress(OSError):
                left.unlink()


def _alive(pid: int) -> bool:
    """Whether a process runs; where that cannot be asked without harm, it may."""
    try:
        if os.name == "posix":
            os.kill(pid, 0)
    except OSError as error:
        return not isinstance(error, ProcessLookupError)
    return True


def unreadable(path: Path, error: OSError) -> GradlabError:
    """The error for a file that cannot be read: one that is missing is the user's to name."""
    code = Exit.USAGE if isinstance(error, FileNotFoundError) else Exit.STORAGE
    return GradlabError(str(path), f"cannot be read: {error.strerror or error}", code)


@contextlib.contextmanager
def storage(folder: Path, doing: Literal["read", "written"] = "written") -> Iterator[None]:
    """Turn an error of the file system into a `GradlabError` with `Exit.STORAGE`."""
    try:
        yield
    except OSError as error:
        what = f"cannot be {doing}: {error.strerror or error}; what is finished is kept, for the same command"
        raise GradlabError(str(folder), what, Exit.STORAGE) from error
