"""Memory: how much this process may still take, and how to give back what it no longer needs.

On Linux a limit may stand in the control group of the process or in any group above it, as under SLURM,
systemd and Kubernetes. Pages of files that nobody uses at the moment are charged to a group, too, but the
system takes them back before it refuses anything.
"""

import ctypes
import gc
import os
import re
import resource
import sys
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath

UNLIMITED = 2**62
"""No limit; version 1 of control groups writes about 2^63 for it."""
_M_ARENA_MAX = -8
"""The number of that setting in glibc's malloc.h."""
_ULIMITS = {"RLIMIT_AS": "VmSize", "RLIMIT_DATA": "VmData"}
"""Limits of a process, and where it says how much of each it has."""
_GROUP = re.compile(r"^\d+:(.*?):(/.*)$", re.MULTILINE)
_MOUNT = re.compile(r"^(?:\S+ ){3}(/\S*) (/\S*) .* - cgroup(2?) \S+ (\S+)$", re.MULTILINE)


def available_bytes(root: Path = Path("/")) -> int:
    """Memory that this process may have: what it has, and what is free for it.

    Free on the machine, within every control group that it is in, and within ulimit. `root` stands for the
    root folder, which holds `proc` and the file systems of the groups.
    """
    groups = list(_groups(root))
    free = max(0, min([_machine(root), *(left for left, _ in groups), *_ulimits(root)]))
    # Pages of files that it has may be charged to another group: no group gives more than its limit.
    return min([free + _status(root, "VmRSS"), *(limit for _, limit in groups)])


_own = False


def own_process(cores: int) -> None:
    """Say that this process is a command of ours, rather than a host: `release` may empty JAX's caches.

    The C library then keeps few arenas, so that what one thread has freed another can use; but two more than
    there are cores, for two threads that compile would wait for each other in one.
    """
    global _own
    _own = True
    if "MALLOC_ARENA_MAX" not in os.environ:
        _libc("mallopt", _M_ARENA_MAX, cores + 2)


def is_own() -> bool:
    """Whether this process is the command line's own, and no host's."""
    return _own


_held: list[Callable[[], None]] = []
"""What others hold of programs: each lets go of its own."""


def releasing(let_go: Callable[[], None]) -> None:
    """Have something done whenever programs that have done their work are given back."""
    _held.append(let_go)


def release(*, programs: bool = True) -> None:
    """Give freed memory back to the system, and that of programs that have done their work.

    Nothing happens in a host: it keeps its compiled functions.
    """
    if not _own:
        return
    if programs:
        import jax

        jax.clear_caches()  # type: ignore[no-untyped-call]
        for let_go in _held:
            let_go()
        gc.collect()
        if not gc.get_freeze_count():
            # What has been imported stays: looking through it again each time would take a fifth of a second.
            gc.freeze()
    _libc("malloc_trim", 0)


def _libc(name: str, *arguments: int) -> None:
    """Call what glibc has, and others have not."""
    if sys.platform == "linux":
        found = getattr(ctypes.CDLL(None), name, None)
        if found is not None:
            found(*arguments)


def _machine(root: Path) -> int:
    try:
        return _fields(root / "proc/meminfo")["MemAvailable"] * 1024
    except (OSError, KeyError, ValueError):
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def _groups(root: Path) -> Iterator[tuple[int, int]]:
    """What is left, and the limit, of each group with one, from the process's own up to the root."""
    for folder in _folders(root):
        # Version 2 has `max`, beyond which it kills, and `high`, beyond which it slows down to a crawl.
        limits = ("memory.max", "memory.high", "memory.limit_in_bytes")
        found = [number for name in limits if (number := _number(folder / name)) is not None]
        used = _number(folder / "memory.current")
        used = _number(folder / "memory.usage_in_bytes") if used is None else used
        if found and used is not None and min(found) < UNLIMITED:
            yield min(found) - max(0, used - _reclaimable(folder)), min(found)


def _folders(root: Path) -> Iterator[Path]:
    """The folders of the process's memory groups and of all groups above these, that are mounted here."""
    try:
        groups = _GROUP.findall((root / "proc/self/cgroup").read_text())
        mounts = _MOUNT.findall((root / "proc/self/mountinfo").read_text())
    except (OSError, ValueError):
        return
    paths = {name: path for names, path in groups for name in names.split(",")}
    for top, point, version, options in mounts:
        # All of version 2 is one hierarchy, with an empty name; in version 1 each has its controllers.
        name = "" if version == "2" else "memory"
        if name not in paths or (name and name not in options.split(",")):
            continue
        # A container may see its own group as the root of the mount.
        path, top = PurePosixPath(paths[name]), _unescaped(top)
        below = path.relative_to(top) if path.is_relative_to(top) else PurePosixPath()
        for part in (below, *below.parents):
            # What lies outside of the process's name space is not mounted.
            if ".." not in part.parts:
                yield root / _unescaped(point).lstrip("/") / part


def _reclaimable(folder: Path) -> int:
    """Pages of files that are charged to a group and that nobody uses now."""
    try:
        fields = _fields(folder / "memory.stat")
    except (OSError, ValueError):
        return 0
    return fields.get("total_inactive_file", fields.get("inactive_file", 0))


def _ulimits(root: Path) -> Iterator[int]:
    """What is left within the process's own limits of address space and of data."""
    for name, field in _ULIMITS.items():
        soft, _ = resource.getrlimit(getattr(resource, name))
        if soft != resource.RLIM_INFINITY:
            yield soft - _status(root, field)


def _status(root: Path, field: str) -> int:
    """Bytes that the process has of something; 0 where it is not said."""
    try:
        return _fields(root / "proc/self/status")[field] * 1024
    except (OSError, KeyError, ValueError):
        return 0


def _fields(path: Path) -> dict[str, int]:
    """Lines `name number`, `name: number` or `name: number kB` of a file; others are left out."""
    rows = [line.replace(":", " ").split() for line in path.read_text().splitlines()]
    return {row[0]: int(row[1]) for row in rows if len(row) > 1 and row[1].isdigit()}


def _number(path: Path) -> int | None:
    """The number that a file holds; None if there is no such file, `UNLIMITED` for `max`."""
    try:
        text = path.read_text().strip()
    except OSError:
        return None
    return int(text) if text.isdigit() else UNLIMITED if text == "max" else None


def _unescaped(word: str) -> str:
    """A path of a mount table, in which a space is written as an octal number."""
    return word.encode().decode("unicode_escape")
