"""What every kind of run has: the parts of a study, which `gradlab.execute` puts together."""

import importlib
import pkgutil
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import (
    TYPE_CHECKING,
    Any,
    ClassVar,
    Generic,
    NamedTuple,
    Protocol,
    TypeVar,
    cast,
    runtime_checkable,
)

from gradlab.errors import GradlabError

if TYPE_CHECKING:
    import pandas
    import xarray
    from rich.text import Text

    from gradlab.planning.plan import Plan
    from gradlab.planning.progress import Progress
    from gradlab.runs.shards import Shards


@runtime_checkable
class Run(Protocol):
    """What a finished run holds, of whatever study: the facts of `run.json` and the arrays of `norms.nc`."""

    @property
    def about(self) -> dict[str, Any]: ...

    @property
    def norms(self) -> "xarray.Dataset": ...


@runtime_checkable
class Settings(Protocol):
    """What a run is asked for; `study` names its kind."""

    study: ClassVar[str]


S = TypeVar("S", bound=Settings)
R = TypeVar("R", bound=Run)


class Group(NamedTuple):
    """What can be computed apart from all else: a cell or an arm at one T."""

    label: str
    T: int
    pieces: tuple[str, ...]
    """Of the plan."""

    @property
    def name(self) -> str:
        """`lstm at T = 200`."""
        return f"{self.label} at T = {self.T}"


class Study(ABC, Generic[S, R]):
    """A kind of run, from its settings to its page.

    The numbers are made by `compute`, which may be told where to keep what it has, and by `collect`, which
    puts them together. All else reads. A study is found by its folder's name below `gradlab.studies`.
    """

    name: ClassVar[str]
    tables: ClassVar[str] = ""
    """The study whose tables and arrays its runs have, and so its plots and comparisons; empty: its own."""

    @abstractmethod
    def stored(self, asked: S) -> dict[str, Any]:
        """The settings as `run.json` holds them: plain JSON values."""

    @abstractmethod
    def plan(self, asked: S) -> "Plan":
        """What the run will take. Refuses settings that are not possible, or need more than there is."""

    @abstractmethod
    def size(self, asked: S, planned: "Plan") -> dict[str, str]:
        """The size of the grid and of the work, in words by what they are of."""

    @abstractmethod
    def doing(self, asked: S, planned: "Plan") -> str:
        """What a run of these settings does, for the head of its progress."""

    @abstractmethod
    def require(self, asked: S, code: Any, where: str) -> None:
        """Refuse results of these settings that other code than today's has given."""

    def require_table(self, run: R, where: str) -> None:
        """Refuse a run whose tables today's code would make otherwise from the same arrays."""

    @abstractmethod
    def compute(self, asked: S, tell: "Callable[[Progress], None]", kept: "Shards | None") -> Iterator[Any]:
        """The results of the run, piece by piece; what `kept` holds is not computed again."""

    def groups(self, asked: S) -> list[Group]:
        """What can be computed apart, in an order that depends on the settings alone; none: all is one."""
        return []

    def keys(self, asked: S, group: Group) -> list[dict[str, Any]]:
        """Under what a group is kept."""
        raise NotImplementedError

    def share(
        self, asked: S, tell: "Callable[[Progress], None]", kept: "Shards", groups: Sequence[Group]
    ) -> None:
        """Compute some groups, and keep them; `compute` then finds them there."""
        raise NotImplementedError

    @abstractmethod
    def collect(self, asked: S, results: list[Any]) -> R:
        """The results as a run."""

    @abstractmethod
    def write(self, folder: Path, run: R) -> None:
        """Write the files of a run, `run.json` last."""

    @abstractmethod
    def read(self, folder: Path) -> R:
        """The run that a folder holds. Raises `GradlabError` for what no run of this study can be."""

    @abstractmethod
    def notes(self, run: R, results: Sequence[Any]) -> list[str]:
        """What is worth saying of how a run came about, and stands in none of its files."""

    @abstractmethod
    def rows(self, run: R) -> "pandas.DataFrame":
        """The table of a run: one row per group of networks, seeds put together."""

    @abstractmethod
    def table(self, run: R, width: int, *, unicode: bool, color: bool) -> "Text":
        """The rows and their words for a terminal or a page of fixed width, as far as `width` allows."""

    def glance(self, asked: S, results: Sequence[Any], width: int, **looks: bool) -> "Text | None":
        """What a terminal may show of the last result while others are on the way; `looks` as in `table`."""
        return None

    @abstractmethod
    def document(self, run: R) -> dict[str, Any]:
        """The rows as a JSON document: numbers are finite or null."""


def names() -> list[str]:
    """The studies that there are."""
    import gradlab.studies

    return sorted(found.name for found in pkgutil.iter_modules(gradlab.studies.__path__) if found.ispkg)


def named(name: str) -> Study[Any, Any]:
    """The study of a name."""
    return cast(Study[Any, Any], importlib.import_module(f"gradlab.studies.{name}.study").STUDY)


def settings(name: str) -> type[Any]:
    """The class of a study's settings."""
    home = importlib.import_module(f"gradlab.studies.{name}.settings")
    return next(
        kind
        for kind in vars(home).values()
        if getattr(kind, "study", None) == name and isinstance(kind, type)
    )


def of(asked: Settings) -> Study[Any, Any]:
    """The study that settings are for."""
    return named(asked.study)


def of_run(run: Run) -> Study[Any, Any]:
    """The study that a run is of."""
    return named(str(run.about.get("command", "sweep")))


def tables_of(run: Run) -> str:
    """The study whose tables and arrays a run has."""
    return tables(str(run.about.get("command", "sweep")))


def tables(name: str) -> str:
    """The study whose tables and arrays runs of the study of that name have."""
    return named(name).tables or name


def read(path: Path, only: str = "") -> Any:
    """The run in a folder, or of a `run.json`, of whatever study.

    Raises `GradlabError` if it is no run, or not one with the tables of the study `only`.
    """
    from gradlab.runs import contents

    came = contents.command(path)
    if came not in names():
        raise GradlabError(str(path), f"is a run of {came}; this gradlab knows {', '.join(names())}")
    if only and tables(came) != only:
        raise GradlabError(str(path), f"is a run of gradlab {came}, not of gradlab {only}")
    return named(came).read(contents.home(path))
