"""The run folder: its name, its lock, and what is in it already."""

import contextlib
import hashlib
import json
import os
import re
import subprocess
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from gradlab.errors import Exit, GradlabError, shown
from gradlab.runs import documents, files, locks, manifest
from gradlab.runs.files import BEGUN, LOCK, replace, storage

_FILES = (
    r"(begun|run|findings)\.json|(metrics|remedies|training|scores|units|detectors)\.csv"
    r"|(norms|units)\.nc|failures\.jsonl|report\.(html|md)|neurons\.html"
)
_OURS = re.compile(rf"{_FILES}|\.({_FILES})\.next|\.+({_FILES})(\.next)?\.\d+\.tmp")
"""What gradlab itself puts into a run folder, half-written files (`files.replace`) among it."""
_FIRST = re.compile(r"\.lock|\.begun\.json\.\d+\.tmp")
"""What there may be before it is known that this is a run."""
_HALF = re.compile(r"\..+\.\d+\.tmp")
FOLDERS = ("figures", "shards", "exports", "report_files")
"""What may be a folder in a run folder."""
_SHARD = re.compile(rf"[0-9a-f]{{32}}\.(shard|damaged)|{_HALF.pattern}")


def name_of(settings: dict[str, Any]) -> str:
    """The name of a run that was given none: a short hash of its settings."""
    text = json.dumps(settings, sort_keys=True)
    return f"{settings.get('command', 'sweep')}-{hashlib.sha256(text.encode()).hexdigest()[:8]}"


def folder_of(out: Path, name: str) -> Path:
    """`out/name`, for a name that is one plain word on every file system."""
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}(?<!\.)", name, re.ASCII):
        rule = "1 to 64 letters, digits, '.', '_' or '-', from a letter or digit on, without a '.' at the end"
        raise GradlabError("--name", f"{shown(name)} is not a name; use {rule}")
    if re.fullmatch(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", name, re.IGNORECASE):
        raise GradlabError("--name", f"{shown(name)} is a device's name on Windows; choose another")
    return out / name


_held: dict[Path, Callable[[], None]] = {}
"""The folders that are open, and what closes them."""
_closing = threading.RLock()
"""Held while a folder is closed."""


@contextlib.contextmanager
def opened(folder: Path) -> Iterator[None]:
    """Create the folder if need be, see that it can be written, and hold its lock.

    The lock is the kernel's: it goes with the process, however that ends. A file system that keeps no locks
    is worked on without, after a warning. Raises `GradlabError` with
    exit 5 for a folder that cannot be written and 6 for one that another run holds. A run of which nothing
    was kept is forgotten, and folders that were made here and stay empty are removed again.
    """
    made = [place for place in (folder, *folder.parents) if not place.exists()]
    handle = locks.held(folder)
    _held[folder] = lambda: _close(folder, handle, made)
    try:
        yield
    finally:
        _held.pop(folder, lambda: None)()


def settle(seconds: float) -> None:
    """Wait at most so long until no folder is half closed, and let none be closed from then on.

    For another thread that is about to end the process.
    """
    _closing.acquire(timeout=seconds)


def abandon() -> None:
    """Close the folders that are open, for a process that leaves without coming back to them."""
    while _held:
        _held.popitem()[1]()


def _close(folder: Path, handle: int, made: list[Path]) -> None:
    with _closing:
        try:
            # A lock that stays behind is open to everyone: no reason to fail.
            with contextlib.suppress(OSError):
                if {item.name for item in folder.iterdir()} <= {LOCK, BEGUN}:
                    (folder / BEGUN).unlink(missing_ok=True)
                (folder / LOCK).unlink(missing_ok=True)
        finally:
            os.close(handle)
            with contextlib.suppress(OSError):
                for place in made:
                    place.rmdir()


def begin(folder: Path, settings: dict[str, Any], versions: dict[str, Any], share: str = "") -> None:
    """Write down what the run in this folder is, or see that it is the one that was begun here.

    Of a run that several machines share, `share` says which part is computed here. Raises `GradlabError` with
    exit 2, and touches nothing, if a run was begun with other settings or other versions, whose shards would
    not fit.
    """
    now = {"settings": settings, "versions": versions}
    before = begun(folder)
    for part, new in now.items() if before else ():
        changes = differences(before[part], new)
        if changes:
            what = f"{folder} holds a run begun with other {part}: {changes}"
            what = f"{what}; choose another, or --force"
            raise GradlabError("--name", what)
    _see_that_nothing_is_in_the_way(folder)
    if not before:
        with storage(folder):
            # Shards of a run of which nothing is known may be of any other.
            _remove(files.below(folder, "shards"), _SHARD)
            told = now | ({"share": share} if share else {})
            replace(folder / BEGUN, (json.dumps(told, sort_keys=True, indent=1) + "\n").encode())


def differences(old: Mapping[str, Any], new: Mapping[str, Any]) -> str:
    """In what two settings, or two versions, differ, in words; empty if in nothing."""
    different = sorted(key for key in old.keys() | new.keys() if old.get(key) != new.get(key))
    return _changes(different, old, new) if different else ""


def _changes(different: Sequence[str], old: Mapping[str, Any], new: Mapping[str, Any]) -> str:
    """What was and what is of a few settings, and how many more differ."""
    few = [f"{k} was {shown(old.get(k), 30)}, now {shown(new.get(k), 30)}" for k in different[:2]]
    rest = [f"and {len(different) - 2} more"] if len(different) > 2 else []
    return ", ".join([*few, *rest])


def _see_that_nothing_is_in_the_way(folder: Path) -> None:
    """Refuse, before anything is computed, a folder in the place of a file, or the other way round."""
    for name in FOLDERS:
        files.below(folder, name)
    with storage(folder, "read"):
        for item in sorted(folder.iterdir()):
            inside = item.name in FOLDERS
            if (inside or re.fullmatch(_FILES, item.name)) and item.is_dir() != inside:
                what = (
                    f"is {'no' if inside else 'a'} folder, and in the way; move it, or choose another --name"
                )
                raise GradlabError(str(item), what, Exit.STORAGE)


def begun(folder: Path) -> dict[str, Any]:
    """Settings, versions and share of the unfinished run; empty if there is none, or it was given up."""
    place = folder / BEGUN
    try:
        with storage(place, "read"):
            content = files.inside(folder, BEGUN, manifest.LARGEST) if place.exists() else b"{}"
        return documents.record(content, settings=dict, versions=dict) if content.strip() != b"{}" else {}
    except ValueError as error:
        what = f"is not the beginning of a run of gradlab, it {error}; choose another --name or --force"
        raise GradlabError(str(place), what) from error


def ended(folder: Path) -> None:
    """Remove what only an unfinished run needs; shards that were damaged stay."""
    from gradlab.runs.shards import Shards

    Shards(folder).drop()
    with storage(folder):
        _remove(folder, re.compile(rf"\.+({_FILES})(\.next)?\.\d+\.tmp"))
        _remove(files.below(folder, "figures"), _HALF)
        (folder / BEGUN).unlink(missing_ok=True)


def start_over(folder: Path) -> None:
    """Give up the run in this folder: remove what gradlab has written, and nothing else.

    A folder that holds no run of gradlab is left as it is.
    """
    from gradlab import registry

    if not (folder / BEGUN).exists() and _stored(folder) is None:
        return
    figures = "|".join(map(re.escape, registry.names("plots")))
    with storage(folder):
        # Cut from here on, this is a run of which nothing is known: no shard of it is believed.
        replace(folder / BEGUN, b"{}\n")
        _remove(files.below(folder, "shards"), _SHARD)
        _remove(files.below(folder, "figures"), re.compile(rf"({figures})\.(svg|png)|{_HALF.pattern}"))
        _remove(files.below(folder, "report_files"), re.compile(rf"\d+-\d+-[a-z_-]+\.svg|{_HALF.pattern}"))
        _remove(folder, _OURS, keep=BEGUN)


def _remove(folder: Path, ours: re.Pattern[str], keep: str = "") -> None:
    """Remove the files of a folder that fit a pattern, and the folder if nothing is left."""
    if not folder.is_dir():
        return
    for item in sorted(folder.iterdir()):
        if ours.fullmatch(item.name) and item.name != keep and (item.is_symlink() or item.is_file()):
            item.unlink()
    if not any(folder.iterdir()):
        folder.rmdir()


def existing(folder: Path, settings: dict[str, Any], versions: dict[str, Any] | None = None) -> bool:
    """Whether the folder holds the finished run of these settings; refuse one of others, untouched.

    A run of other `versions` is refused as well, in what its numbers depend on (`DECIDING`).

    A run whose files are not the ones that `run.json` describes is not finished. Where a finished one was
    cut before it had cleared up, that is done here.
    """
    place = folder / "run.json"
    if not place.exists():
        there = [item.name for item in folder.iterdir()] if folder.is_dir() else []
        foreign = sorted(name for name in there if not _FIRST.fullmatch(name))
        if foreign and BEGUN not in there:
            what = f"{folder} holds {shown(foreign[0])}, which gradlab did not write; choose another"
            raise GradlabError("--name", what)
        return False
    about = _stored(folder)
    if about is None:
        raise GradlabError(str(place), "is not a run of gradlab; choose another --name")
    stored, digests = about
    if stored == settings:
        with storage(folder, "read"):
            whole = all(_digest(folder, name) == digest for name, digest in digests.items())
        if whole:
            _require_versions(folder, versions)
            ended(folder)
        return whole
    changes = differences(stored, settings)
    what = f"{folder} holds a run with other settings: {changes}; choose another name"
    raise GradlabError("--name", what)


DECIDING = (
    *("gradlab", "jax", "jaxlib", "numpy", "platform", "device_kind", "cpu"),
    *("matmul_precision", "threefry_partitionable"),
)
"""Of a run's versions, those that its numbers depend on."""


def _require_versions(folder: Path, now: dict[str, Any] | None) -> None:
    """Refuse to show what other versions have computed as if these had."""
    if now is None:
        return
    before = manifest.read(folder)["versions"]
    different = [key for key in DECIDING if key in before and before[key] != now.get(key)]
    if different:
        changes = _changes(different, before, now)
        what = f"{folder} holds a run made with other versions: {changes}; choose another, or --force"
        raise GradlabError("--name", what)


def code(folder: Path) -> Any:
    """What a finished run says of the code that made it; None if it says nothing."""
    return manifest.read(folder).get("code")


def _stored(folder: Path) -> tuple[dict[str, Any], dict[str, str]] | None:
    """Settings and digests in a folder's `run.json`; None if that is none of ours."""
    place = folder / "run.json"
    try:
        with storage(place, "read"):
            content = files.inside(folder, "run.json", manifest.LARGEST) if place.exists() else b""
        about = documents.record(content, settings=dict, files=dict)
    except ValueError:
        return None
    return about["settings"], about["files"]


def _digest(folder: Path, name: str) -> str:
    """Of a file in a run folder; of what is no file, may be none, or has no name of ours, empty."""
    if not re.fullmatch(_FILES, name):
        return ""
    try:
        return hashlib.sha256(files.inside(folder, name, files.ANY)).hexdigest()
    except (FileNotFoundError, GradlabError):
        return ""


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
