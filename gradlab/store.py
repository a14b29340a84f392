"""The run folder: its name, its lock, and what is in it already."""

import contextlib
import hashlib
import json
import os
import re
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from gradlab.status import Exit, GradlabError, shown

try:
    import fcntl
except ImportError:  # pragma: no cover - Windows has no flock
    fcntl = None  # type: ignore[assignment]

LOCK = ".lock"


def name_of(settings: dict[str, Any]) -> str:
    """The name of a run that was given none: a short hash of its settings."""
    text = json.dumps(settings, sort_keys=True)
    return f"sweep-{hashlib.sha256(text.encode()).hexdigest()[:8]}"


def folder_of(out: Path, name: str) -> Path:
    """`out/name`, for a name that is one plain word on every file system."""
    reserved = re.fullmatch(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", name, re.IGNORECASE)
    if reserved or not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}(?<!\.)", name, re.ASCII):
        raise GradlabError("--name", f"{shown(name)} must be 1 to 64 letters, digits, '.', '_' or '-'")
    return out / name


@contextlib.contextmanager
def opened(folder: Path) -> Iterator[None]:
    """Create the folder if need be, see that it can be written, and hold its lock.

    The lock is the kernel's: it goes with the process, however that ends. Raises `GradlabError` with
    exit 5 for a folder that cannot be written and 6 for one that another run holds. A folder that was
    made here and stays empty is removed again.
    """
    made = not folder.exists()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        handle = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT, 0o644)
    except OSError as error:
        reason = error.strerror or str(error)
        raise GradlabError(str(folder), f"cannot be written: {reason}; choose another --out", Exit.STORAGE) from error
    try:
        _lock(handle, folder)
        try:
            yield
        finally:
            (folder / LOCK).unlink(missing_ok=True)
    finally:
        os.close(handle)
        if made and not any(folder.iterdir()):
            folder.rmdir()


def _lock(handle: int, folder: Path) -> None:
    if fcntl is None:
        return
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        holder = os.read(handle, 200).decode(errors="replace").strip() or "another process"
        raise GradlabError(str(folder), f"is in use by {holder}; wait or choose another --name", Exit.ENVIRONMENT) from error
    os.ftruncate(handle, 0)
    os.write(handle, f"process {os.getpid()} on {socket.gethostname()}".encode())


def existing(folder: Path, settings: dict[str, Any]) -> bool:
    """Whether the folder holds the finished run of these settings; refuse one of others, untouched."""
    place = folder / "run.json"
    if not place.exists():
        foreign = sorted(item.name for item in folder.iterdir() if item.name != LOCK) if folder.is_dir() else []
        mine = {"metrics.csv", "norms.nc", "failures.jsonl", "figures"}
        if set(foreign) - mine:
            strange = sorted(set(foreign) - mine)[0]
            raise GradlabError("--name", f"{folder} holds {shown(strange)}, which gradlab did not write; choose another")
        return False
    try:
        stored = json.loads(place.read_text())["settings"]
    except (ValueError, KeyError, TypeError, OSError) as error:
        raise GradlabError(str(place), "is not a run of gradlab; choose another --name") from error
    if stored == settings:
        return True
    different = sorted(key for key in settings.keys() | stored.keys() if settings.get(key) != stored.get(key))
    key = different[0]
    raise GradlabError(
        "--name",
        f"{folder} holds a run with other settings ({', '.join(different)}; {key} was "
        f"{shown(stored.get(key))}, now {shown(settings.get(key))}); choose another name",
    )


def git_facts() -> dict[str, Any]:
    """Commit and cleanliness of the working folder's repository; empty where there is none."""
    try:
        commit = _git("rev-parse", "HEAD")
        return {"commit": commit, "dirty": bool(_git("status", "--porcelain"))} if commit else {}
    except (OSError, subprocess.SubprocessError):
        return {}


def _git(*words: str) -> str:
    done = subprocess.run(["git", *words], capture_output=True, text=True, timeout=2, check=False)
    return done.stdout.strip() if done.returncode == 0 else ""
