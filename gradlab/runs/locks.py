"""The lock of a run folder: the kernel's, so that it goes with the process, however that ends."""

import errno
import functools
import os
import socket
import sys
import time
from pathlib import Path
from typing import Any

from gradlab.errors import Exit, GradlabError, shown
from gradlab.runs.files import LINK, LOCK


def held(folder: Path) -> int:
    """Make a folder if need be, and its lock's file, locked and open; closing it gives the lock back.

    Raises `GradlabError` with exit 5 for a folder that cannot be written, and 6 for one that another run
    holds.
    """
    for patience in range(99, -1, -1):
        try:
            folder.mkdir(parents=True, exist_ok=True)
            if (folder / LOCK).is_symlink():
                raise GradlabError(str(folder / LOCK), LINK)
            handle = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0), 0o644)
        except OSError as error:
            # Another run that ends may remove the folder between the two.
            if patience and isinstance(error, FileNotFoundError):
                continue
            raise _unwritable(folder, error) from error
        try:
            _lock(handle, folder)
            # Another run may have ended, and removed the file, between the opening and the lock.
            if os.fstat(handle).st_nlink:
                return handle
        except BaseException:
            os.close(handle)
            raise
        os.close(handle)
    raise GradlabError(
        str(folder), "is made and removed by other runs; choose another --name", Exit.ENVIRONMENT
    )


def _lock(handle: int, folder: Path) -> None:
    try:
        import fcntl
    except ImportError:  # Windows has no flock
        return
    try:
        _flock(fcntl, handle, folder)
        os.ftruncate(handle, 0)
        os.write(handle, f"process {os.getpid()} on {socket.gethostname()}".encode())
    except BlockingIOError as error:
        what = f"is in use by {_holder(handle)}; wait or choose another --name"
        raise GradlabError(str(folder), what, Exit.ENVIRONMENT) from error
    except OSError as error:
        raise _unwritable(folder, error) from error


_NO_LOCKS = (errno.ENOLCK, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS)
"""What a file system answers that keeps no locks, as some that are shared over a network."""


def _flock(fcntl: Any, handle: int, folder: Path) -> None:
    """The kernel's lock; where the file system has none, a line that says what to beware of."""
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno not in _NO_LOCKS:
            raise
        _warn(folder, error.strerror)


@functools.cache
def _warn(folder: Path, why: str) -> None:
    """Say once for a folder that nothing keeps a second run out."""
    what = f"the file system keeps no locks ({why}); start no second run on this folder"
    if sys.stderr is not None:
        sys.stderr.write(f"warning: {shown(str(folder))}: {what}\n")


def _holder(handle: int) -> str:
    """Who holds a lock: it says so a moment after it has taken it."""
    for _ in range(20):
        time.sleep(0.02)
        name = os.pread(handle, 200, 0).decode(errors="replace").strip()
        if name:
            return name
    return "another process"


def _unwritable(folder: Path, error: OSError) -> GradlabError:
    what = f"cannot be written: {error.strerror or error}; choose another --out"
    return GradlabError(str(folder), what, Exit.STORAGE)
