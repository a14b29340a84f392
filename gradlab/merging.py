"""Shares of one run put together: the run that one machine would have made."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from gradlab import execute, runtime
from gradlab.engines import work
from gradlab.engines.share import deal, parsed
from gradlab.errors import GradlabError
from gradlab.planning.progress import Listening, Silent
from gradlab.runs import store
from gradlab.runs.files import BEGUN
from gradlab.runs.shards import Shards, unpack
from gradlab.studies import base
from gradlab.studies.base import Group, Settings, Study

OWN = ("init", "step", "readout", "choice of recurrent weights", "choice of fixed parameters")
"""What of a cell's code is the same at every T."""
NAMED = 3
"""Groups of a longer list are counted."""


class Part(NamedTuple):
    """A folder with a share of a run."""

    folder: Path
    settings: dict[str, Any]
    versions: dict[str, Any]
    share: str
    shards: Shards


def merge(
    folders: Sequence[Path],
    folder: Path,
    *,
    own: Sequence[str] = (),
    mixed: bool = False,
    force: bool = False,
    listening: Listening = Silent,
) -> execute.Done:
    """The run whose shares lie in `folders`, in any order, in a folder of its own; these stay as they are.

    Nothing is computed that they hold, so that its files are those of a run that was never shared. `own` are
    the code and the files that they may name: their settings are taken as a stranger's, who names none.
    `mixed` takes shares of machines that differ; the run says which.

    Raises:
      GradlabError: before anything is written, if the shares are not of one run (settings or versions, with
        what differs), were computed with other versions than are here, do not hold all of it, or hold
        different numbers of one thing (exit 2). After that errors are those of `execute.run`.
    """
    parts = [_part(one) for one in folders]
    if folder.resolve() in [part.folder.resolve() for part in parts]:
        raise GradlabError("--name", f"{folder} is one of the shares, which stay as they are; choose another")
    _require_one_run(parts, mixed)
    asked = _asked(parts[0], own)
    study = base.of(asked)
    groups = study.groups(asked)
    kept = [_found(study, asked, group, parts, mixed) for group in groups]
    missing = [group for group, found in zip(groups, kept, strict=True) if found is None]
    if missing:
        raise GradlabError("SHARE", _missing(missing, groups, parts))
    _require_one_code(groups, kept)
    planned = study.plan(asked)
    settings = study.stored(asked)
    with store.opened(folder):
        if force:
            store.start_over(folder)
        if not store.existing(folder, settings, runtime.facts()):
            store.begin(folder, settings, runtime.versions())
            for found in kept:
                work.take(Shards(folder), found or [])
    return execute.run(asked, planned, folder, listening=listening)


def _part(folder: Path) -> Part:
    if (folder / "run.json").exists():
        raise GradlabError(str(folder), "is a finished run, no share of one; leave it out")
    about = store.begun(folder)
    if not about or not isinstance(about.get("share"), str):
        raise GradlabError(str(folder), "holds no share of a run; name a folder that --shard has written")
    return Part(folder, about["settings"], about["versions"], about["share"], Shards(folder, looking=True))


def _require_one_run(parts: Sequence[Part], mixed: bool) -> None:
    """Refuse shares of different runs, or of one that this machine would compute otherwise."""
    first = parts[0]
    for part in parts[1:]:
        for what in ("settings",) if mixed else ("settings", "versions"):
            changes = store.differences(getattr(first, what), getattr(part, what))
            if changes:
                too = ", unless --mixed takes them" if what == "versions" else ""
                beside = f"has other {what} than {_name(first.folder, part.folder)}: {changes}"
                raise GradlabError(str(part.folder), f"{beside}; they are not of one run{too}")
    changes = store.differences(first.versions, runtime.versions())
    if changes and not mixed:
        what = f"was computed elsewhere: {changes}; merge it on a machine like that, or --mixed"
        raise GradlabError(str(first.folder), what)


def _name(folder: Path, beside: Path) -> str:
    """What a folder is called beside another one: paths of both may leave no room for what differs."""
    return folder.name if folder.name != beside.name else str(folder)


def _asked(part: Part, own: Sequence[str]) -> Settings:
    """The settings of the whole run; the file of a stranger, but for the code and the files of one's own."""
    from gradlab.experiments import load

    asked: Settings = load.share(part.folder / BEGUN, part.settings, own)
    return asked


def _found(
    study: Study[Any, Any], asked: Settings, group: Group, parts: Sequence[Part], mixed: bool
) -> work.Kept | None:
    """What is kept of a group, from the first folder that has computed it; None if none has."""
    found: work.Kept | None = None
    where = parts[0].folder
    for part in parts:
        try:
            some = work.found(study, asked, group, part.shards)
        except ValueError:
            # It is as if it were not there: its share can be computed again.
            continue
        if some is None:
            continue
        if found is not None and mixed:
            # Machines that differ need not come to equal bytes.
            continue
        if found is not None and some != found:
            other = f"holds other numbers of {group.name} than {_name(where, part.folder)}"
            raise GradlabError(str(part.folder), f"{other}; they are not of one run")
        found, where = some, part.folder
    return found


def _require_one_code(groups: Sequence[Group], kept: Sequence[work.Kept | None]) -> None:
    """Refuse groups of one cell of somebody's own that were computed with different code of it."""
    from gradlab import digests

    first: dict[str, tuple[Group, digests.Code]] = {}
    for group, found in zip(groups, kept, strict=True):
        if not digests.brought(group.label, kinds=("cells",)):
            continue
        for code in filter(None, (digests.unpacked(unpack(content)) for _, content in found or [])):
            before, known = first.setdefault(group.label, (group, code))
            other = [what for what in OWN if what in known and what in code and known[what] != code[what]]
            if other:
                what = f"{before.name} and {group.name} were computed with different code, another {other[0]}"
                raise GradlabError("SHARE", f"{what}; they are not of one run")


def _missing(missing: Sequence[Group], groups: Sequence[Group], parts: Sequence[Part]) -> str:
    """What no folder holds, and in which share it would be."""
    names = [group.name for group in missing]
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    said = f"{', '.join(names[:NAMED])}{more} of {len(groups)} groups"
    try:
        of = parsed(parts[0].share).of
    except GradlabError:
        return f"{said} are in none of the folders; compute them first"
    sizes = [group.T for group in groups]
    shares = [parsed(f"{i + 1}/{of}") for i in range(of)]
    lack = [share for share in shares if set(deal(groups, sizes, share)) & set(missing)]
    there = {part.share: part.folder for part in parts}
    words = [
        f"{share} is not whole in {there[str(share)]}" if str(share) in there else f"{share} is missing"
        for share in lack[:NAMED]
    ]
    rest = f", and {len(lack) - NAMED} more" if len(lack) > NAMED else ""
    return f"share {', share '.join(words)}{rest}: {said}; compute {'it' if len(lack) == 1 else 'them'} first"
