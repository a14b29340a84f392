"""The text that is read: files, held out whole from training where there are several, and its symbols."""

import hashlib
import platform
import sysconfig
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from gradlab.errors import GradlabError, shown
from gradlab.runs import files
from gradlab.series import text as characters
from gradlab.series.text import LARGEST, OTHER, coded, points
from gradlab.studies.neurons.standard import HELD_OUT, TRAINED, VALIDATED

Part = Literal["train", "validation", "test"]
PARTS: tuple[Part, ...] = ("train", "validation", "test")
SHARES = {"test": 0.1, "validation": 0.1}
"""Of the characters."""
LEAST = 5000
"""Characters of a text."""
LONGEST_LINE = 10**5
MOST_FILES = 10**4


class File(NamedTuple):
    """One text, its line ends made one character each."""

    name: str
    content: str


class Piece(NamedTuple):
    """A stretch of a file, in characters."""

    file: int
    start: int
    end: int


@dataclass(frozen=True)
class Text:
    """What is read, in parts."""

    files: tuple[File, ...]
    parts: dict[Part, tuple[Piece, ...]]
    source: str
    """Where it comes from, in words."""
    kind: Literal["python", "text"]
    vocabulary: str

    def part(self, name: Part) -> str:
        """The characters of a part, one file after the other."""
        return "".join(self.files[one.file].content[one.start : one.end] for one in self.parts[name])

    def codes(self, name: Part) -> NDArray[np.int32]:
        """The same as places in the vocabulary."""
        return coded(self.part(name), self.vocabulary)

    @property
    def digest(self) -> str:
        """Of all that is read, and of how it is divided."""
        found = hashlib.sha256(repr(sorted(self.parts.items())).encode())
        for one in self.files:
            found.update(f"{one.name}\0{len(one.content)}\0".encode(errors="surrogatepass"))
            found.update(one.content.encode())
        return found.hexdigest()[:32]


def read(text: str, corpus: str) -> Text:
    """The text of a path, or one that comes with Python or gradlab.

    Raises:
      GradlabError: for what is no readable text, too little of it, or more than is read.
    """
    if text:
        return _divided(*_given(Path(text)), text)
    return _standard() if corpus == "standard" else _prose()


def whole(text: str, corpus: str, vocabulary: str) -> Text:
    """The same text in one part, `test`, in the symbols of a network that was trained elsewhere.

    Raises:
      GradlabError: as `read`; for a character that is not among the symbols, with its place.
    """
    if text:
        found, source = _given(Path(text))
        _require_readable(found, text)
    else:
        one = read(text, corpus)
        found, source = list(one.files), one.source
    for file in found:
        name = file.name if len(found) > 1 else text or file.name
        characters.require_known(file.content, vocabulary, name, "the alphabet of the network")
    pieces = tuple(Piece(i, 0, len(one.content)) for i, one in enumerate(found))
    return Text(
        tuple(found), {"train": (), "validation": (), "test": pieces}, source, _kind(found), vocabulary
    )


def _given(path: Path) -> tuple[list[File], str]:
    if not path.exists():
        raise GradlabError("TEXT", f"{shown(str(path))} is not there; name a file or a folder of text")
    if not path.is_dir():
        return [_file(path, path.name, LARGEST)], str(path)
    found, room = [], LARGEST
    for place in _below(path):
        if _is_binary(place):
            continue
        one = _file(place, place.relative_to(path).as_posix(), room)
        room -= len(one.content.encode())
        found.append(one)
    if not found:
        raise GradlabError(f"{path}", "holds no file of text; name another")
    return found, f"{path}, {len(found)} files"


def _below(folder: Path) -> Iterator[Path]:
    """Regular files, by name; nothing that is hidden, a cache, or a link."""
    count = 0
    for place in sorted(folder.rglob("*")):
        parts = place.relative_to(folder).parts
        if any(part.startswith(".") or part == "__pycache__" for part in parts):
            continue
        if place.is_file() and not place.is_symlink():
            count += 1
            if count > MOST_FILES:
                raise GradlabError(str(folder), f"holds more than {MOST_FILES} files; name a smaller folder")
            yield place


def _is_binary(path: Path) -> bool:
    try:
        return b"\0" in files.beginning(path, 8192)
    except OSError as error:
        raise files.unreadable(path, error) from error


def _file(path: Path, name: str, most: int) -> File:
    return File(name, characters.read(path, most))


def _divided(found: list[File], source: str, where: str) -> Text:
    """Parts by file where there are enough of them, else by place."""
    count = _require_readable(found, where)
    parts = _by_file(found, count) if len(found) > 2 else None
    return _made(tuple(found), parts or _by_place(found), source, _kind(found), where)


def _require_readable(found: list[File], where: str) -> int:
    """The characters of a text, refused if they are too few or a line is too long."""
    count = sum(len(one.content) for one in found)
    if count < LEAST:
        raise GradlabError(where, f"has {count} characters; at least {LEAST} are needed")
    for one in found:
        longest = max(map(len, one.content.split("\n")))
        if longest > LONGEST_LINE:
            what = f"has a line of {longest} characters; at most {LONGEST_LINE}: break its lines"
            raise GradlabError(one.name if len(found) > 1 else where, what)
    return count


def _kind(found: list[File]) -> Literal["python", "text"]:
    return "python" if all(one.name.endswith(".py") for one in found) else "text"


def _by_file(found: list[File], count: int) -> dict[Part, tuple[Piece, ...]] | None:
    """Files in an order that their names alone decide, dealt out until each part has its share.

    None where the files are so uneven that training would get less than half.
    """
    order = sorted(range(len(found)), key=lambda i: hashlib.sha256(found[i].name.encode()).digest())
    dealt: dict[Part, list[int]] = {"train": [], "validation": [], "test": []}
    room = {part: share * count for part, share in SHARES.items()}
    for i in order:
        # A file that is larger than a part's share is trained on, as far as the part has another.
        part: Part = "train"
        for name in ("test", "validation"):
            if room[name] > 0 and len(found[i].content) <= 2 * SHARES[name] * count:
                part = "test" if name == "test" else "validation"
                room[name] -= len(found[i].content)
                break
        dealt[part].append(i)
    sizes = {part: sum(len(found[i].content) for i in some) for part, some in dealt.items()}
    if min(sizes["validation"], sizes["test"]) < count / 50 or sizes["train"] < count / 2:
        return None
    return {
        part: tuple(Piece(i, 0, len(found[i].content)) for i in sorted(some)) for part, some in dealt.items()
    }


def _by_place(found: list[File]) -> dict[Part, tuple[Piece, ...]]:
    """The beginning of each file, then a tenth, then its end; cut where a line ends, if one is near."""
    dealt: dict[Part, list[Piece]] = {"train": [], "validation": [], "test": []}
    for i, one in enumerate(found):
        end = len(one.content)
        cuts = [0, _line_end(one.content, 0.8), _line_end(one.content, 0.9), end]
        for part, start, stop in zip(PARTS, cuts, cuts[1:], strict=False):
            dealt[part].append(Piece(i, start, stop))
    return {part: tuple(some) for part, some in dealt.items()}


def _line_end(text: str, share: float) -> int:
    place = int(share * len(text))
    found = text.find("\n", place, place + len(text) // 50)
    return place if found < 0 else found + 1


def _made(
    found: tuple[File, ...],
    parts: dict[Part, tuple[Piece, ...]],
    source: str,
    kind: Literal["python", "text"],
    where: str,
) -> Text:
    made = Text(found, parts, source, kind, "")
    count = len(np.unique(points(made.part("train"))))
    if count < 2:
        raise GradlabError(where, f"holds {count} symbol in its training part; nothing can be learnt")
    common = characters.common(made.part("train"))
    rest = any(set(map(chr, np.unique(points(made.part(part))))) - common for part in PARTS)
    vocabulary = "".join(sorted(common | ({OTHER} if rest else set())))
    return Text(found, parts, source, kind, vocabulary)


def _standard() -> Text:
    """Sources of the running Python's library, those that are there of a fixed list."""
    home = Path(sysconfig.get_paths()["stdlib"])
    found: list[File] = []
    parts: dict[Part, list[Piece]] = {"train": [], "validation": [], "test": []}
    lists: dict[Part, tuple[str, ...]] = {"train": TRAINED, "validation": VALIDATED, "test": HELD_OUT}
    for part, names in lists.items():
        for name in names:
            path = home / f"{name}.py"
            if path.is_file():
                parts[part].append(Piece(len(found), 0, 0))
                found.append(_file(path, f"{name}.py", LARGEST))
    if not all(parts.values()):
        raise GradlabError("--corpus", f"the sources of Python's library are not in {home}; name a TEXT")
    whole = {
        part: tuple(Piece(one.file, 0, len(found[one.file].content)) for one in some)
        for part, some in parts.items()
    }
    source = f"the standard library of Python {platform.python_version()}, {len(found)} files"
    return _made(tuple(found), whole, source, "python", "--corpus")


def _prose() -> Text:
    """The novel that comes with gradlab."""
    import lzma

    packed = resources.files("gradlab.studies.neurons").joinpath("prose.txt.xz").read_bytes()
    one = File("prose.txt", lzma.decompress(packed).decode())
    return _made((one,), _by_place([one]), PROSE, "text", "--corpus")


PROSE = (
    "Jane Austen, Pride and Prejudice (1813), public domain, with notes of lists and URLs added per chapter"
)
