"""A file system that kills its caller, or refuses, at the K-th call of a kind below one folder."""

import builtins
import errno
import io
import itertools
import os
import signal
from typing import NamedTuple

CALLS = ("open", "write", "fsync", "replace", "mkdir", "unlink", "rmdir", "ftruncate")
"""Calls that change something; `read` is known as well."""
STILL_THERE = {"ENOSPC": ("open", "write", "mkdir"), "EDQUOT": ("open", "write", "mkdir")}
"""What a full disk goes on refusing; any other error takes every call of `CALLS`."""


class Fault(NamedTuple):
    """What happens at a call: `KILL`, or the name of an error."""

    call: str
    at: int
    what: str = "KILL"
    forever: bool = False


class Failing:
    """`os` and `open`, counted below a folder; `note` is told when the fault strikes."""

    def __init__(self, folder, fault, note):
        self.folder, self.fault, self.note = str(folder), fault, note
        self.count = itertools.count(1)
        self.struck = False
        self.kill = os.kill

    def meet(self, call, path, named=True, half=lambda: None):
        """One call comes by."""
        if not str(path).startswith(self.folder):
            return
        again = self.struck and self.fault.forever and call in STILL_THERE.get(self.fault.what, CALLS)
        if not again and not (call == self.fault.call and next(self.count) == self.fault.at):
            return
        if not self.struck:
            self.struck = True
            self.note("struck")
        half()
        if self.fault.what == "KILL":
            self.kill(os.getpid(), signal.SIGKILL)
        number = getattr(errno, self.fault.what)
        raise OSError(number, os.strerror(number), *([str(path)] if named else []))

    def install(self):
        """Stand between this process and its files."""
        for name in ("replace", "mkdir", "unlink", "rmdir"):
            setattr(os, name, self._by_path(name, getattr(os, name)))
        for name in ("write", "fsync", "ftruncate"):
            setattr(os, name, self._by_handle(name, getattr(os, name)))
        os.open = self._handing(os.open)
        io.open = builtins.open = self._opening(io.open)

    def _by_path(self, call, plain):
        def instead(path, *rest, **options):
            self.meet(call, os.fspath(path))
            return plain(path, *rest, **options)

        return instead

    def _handing(self, plain):
        def instead(path, flags, *rest, **options):
            if not flags & os.O_DIRECTORY:
                changes = flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT)
                self.meet("open" if changes else "read", os.fspath(path))
            return plain(path, flags, *rest, **options)

        return instead

    def _by_handle(self, call, plain):
        def instead(handle, *rest):
            self.meet(call, os.readlink(f"/proc/self/fd/{handle}"), named=False)
            return plain(handle, *rest)

        return instead

    def _opening(self, plain):
        def instead(path, mode="r", *rest, **options):
            changes = set(mode) & set("wxa+")
            if isinstance(path, int):
                return plain(path, mode, *rest, **options)
            self.meet("open" if changes else "read", os.fspath(path))
            file = plain(path, mode, *rest, **options)
            return Written(self, file, os.fspath(path)) if changes else file

        return instead


class Written:
    """A file whose writes are counted; one that fails has written half."""

    def __init__(self, failing, file, path):
        self.failing, self.file, self.path = failing, file, path

    def __getattr__(self, name):
        return getattr(self.file, name)

    def __enter__(self):
        self.file.__enter__()
        return self

    def __exit__(self, *error):
        return self.file.__exit__(*error)

    def write(self, content):
        def half():
            self.file.write(content[: len(content) // 2])
            self.file.flush()

        self.failing.meet("write", self.path, named=False, half=half)
        return self.file.write(content)
