"""The run folder: its name, its lock, and what is in it already."""

import contextlib
import hashlib
import json
import os
import re
import shutil
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from gradlab.files import replace, storage
from gradlab.status import Exit, GradlabError, shown

LOCK = ".lock"

BEGUN = "begun.json"
"""The settings and versions of a run that is not finished."""

_OURS = re.compile(
    r"\.lock|begun\.json|run\.json|metrics\.csv|norms\.nc|failures\.jsonl|remedies\.csv|training\.csv|"
    r"findings\.json|figures|shards|report\.html|report\.md|\..*\.tmp"
)
"""What gradlab itself puts into a run folder, half-written files (`files.replace`) among it."""


def name_of(settings: dict[str, Any]) -> str:
    """The name of a run that was given none: a short hash of its settings."""
    text = json.dumps(settings, sort_keys=True)
    return f"sweep-{hashlib.sha256(text.encode()).hexdigest()[:8]}"


def folder_of(out: Path, name: str) -> Path:
    """`out/name`, for a name that is one plain word on every file system."""
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}(?<!\.)", name, re.ASCII):
        rule = "1 to 64 letters, digits, '.', '_' or '-', from a letter or digit on, without a '.' at the end"
        raise GradlabError("--name", f"{shown(name)} is not a name; use {rule}")
    if re.fullmatch(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", name, re.IGNORECASE):
        raise GradlabError("--name", f"{shown(name)} is a device's name on Windows; choose another")
    return out / name


@contextlib.contextmanager
def opened(folder: Path) -> Iterator[None]:
    """Create the folder if need be, see that it can be written, and hold its lock.

    The lock is the kernel's: it goes with the process, however that ends. Raises `GradlabError` with
    exit 5 for a folder that cannot be written and 6 for one that another run holds. Folders that were
    made here and stay empty are removed again.
    """
    made = [place for place in (folder, *folder.parents) if not place.exists()]
    handle = _held(folder)
    try:
        try:
            yield
        finally:
            (folder / LOCK).unlink(missing_ok=True)
    finally:
        os.close(handle)
        with contextlib.suppress(OSError):
            for place in made:
                place.rmdir()


def _held(folder: Path) -> int:
    """The open, locked file of a folder's lock."""
    while True:
        try:
            folder.mkdir(parents=True, exist_ok=True)
            handle = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT, 0o644)
        except OSError as error:
            what = f"cannot be written: {error.strerror or error}; choose another --out"
            raise GradlabError(str(folder), what, Exit.STORAGE) from error
        try:
            _lock(handle, folder)
        except BaseException:
            os.close(handle)
            raise
        # Another run may have ended, and removed the file, between the opening and the lock.
        if os.fstat(handle).st_nlink:
            return handle
        os.close(handle)


def _lock(handle: int, folder: Path) -> None:
    try:
        import fcntl
    except ImportError:  # Windows has no flock
        return
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        holder = os.read(handle, 200).decode(errors="replace").strip() or "another process"
        what = f"is in use by {holder}; wait or choose another --name"
        raise GradlabError(str(folder), what, Exit.ENVIRONMENT) from error
    os.ftruncate(handle, 0)
    os.write(handle, f"process {os.getpid()} on {socket.gethostname()}".encode())


def begin(folder: Path, settings: dict[str, Any], versions: dict[str, Any]) -> None:
    """Write down what the run in this folder is, or see that it is the one that was begun here.

    Raises `GradlabError` with exit 2, and touches nothing, if a run was begun with other settings or other
    versions: its shards would not fit.
    """
    place = folder / BEGUN
    now = {"settings": settings, "versions": versions}
    if place.exists():
        try:
            before = json.loads(place.read_text())
            pairs = [(part, dict(before[part]), now[part]) for part in ("settings", "versions")]
        except (ValueError, KeyError, TypeError, OSError) as error:
            what = "is not the beginning of a run of gradlab; choose another --name or --force"
            raise GradlabError(str(place), what) from error
        for part, old, new in pairs:
            different = sorted(key for key in old.keys() | new.keys() if old.get(key) != new.get(key))
            if different:
                changes = ", ".join(
                    f"{k} was {shown(old.get(k))}, now {shown(new.get(k))}" for k in different
                )
                what = f"{folder} holds a run begun with other {part}: {changes}; choose another, or --force"
                raise GradlabError("--name", what)
        return
    with storage(folder):
        replace(place, (json.dumps(now, sort_keys=True, indent=1) + "\n").encode())


def ended(folder: Path) -> None:
    """Forget that the run was ever unfinished."""
    with storage(folder):
        (folder / BEGUN).unlink(missing_ok=True)


def start_over(folder: Path) -> None:
    """Remove what gradlab has written here; anything else stays, and is refused later."""
    if not folder.is_dir():
        return
    with storage(folder):
        for item in folder.iterdir():
            if item.name == LOCK or not _OURS.fullmatch(item.name):
                continue
            if item.is_dir() and not item.is_symlink():
                shutil.rmtree(item)
            else:
                item.unlink()


def existing(folder: Path, settings: dict[str, Any]) -> bool:
    """Whether the folder holds the finished run of these settings; refuse one of others, untouched.

    A run whose files are not the ones that `run.json` describes is not finished.
    """
    place = folder / "run.json"
    if not place.exists():
        there = [item.name for item in folder.iterdir()] if folder.is_dir() else []
        foreign = sorted(name for name in there if not _OURS.fullmatch(name))
        if foreign:
            what = f"{folder} holds {shown(foreign[0])}, which gradlab did not write; choose another"
            raise GradlabError("--name", what)
        return False
    try:
        about = json.loads(place.read_text())
        stored, files = dict(about["settings"]), dict(about["files"])
    except (ValueError, KeyError, TypeError, OSError) as error:
        raise GradlabError(str(place), "is not a run of gradlab; choose another --name") from error
    if stored == settings:
        return all(_digest(folder / name) == digest for name, digest in files.items())
    different = sorted(key for key in settings.keys() | stored.keys() if settings.get(key) != stored.get(key))
    key = different[0]
    raise GradlabError(
        "--name",
        f"{folder} holds a run with other settings ({', '.join(different)}; {key} was "
        f"{shown(stored.get(key))}, now {shown(settings.get(key))}); choose another name",
    )


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ""


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
