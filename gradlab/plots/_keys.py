"""The keys of a figure that is drawn with characters: what shades, letters and dashes mean."""

from typing import Any

from matplotlib.axes import Axes
from matplotlib.colors import to_hex
from matplotlib.container import ErrorbarContainer
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from rich.text import Text

from gradlab.plots._colors import lit

SHADES = {True: " ░▒▓█", False: " .:+#"}
SIGNED = {True: "▼▽·△▲", False: "=-.+#"}


def bar(text: Text, axes: Axes, say: Any, unicode: bool) -> None:
    """What the shades of a map mean."""
    low, high = axes.get_ylim()
    marks = SIGNED[unicode] if low < 0 < high else SHADES[unicode]
    text.append(f"\n{say(axes.get_ylabel())}: {low:.3g} [{marks}] {high:.3g}\n")


def curves(text: Text, bar: Axes, letters: dict[str, str], width: int, say: Any, color: bool) -> None:
    """What the letters of curves mean that have their colours from a scale: its ticks, one a curve."""
    scale: Any = vars(bar)["_colorbar"]  # where matplotlib keeps it; there is no method that says it
    # Its own ticks leave out the lesser ones that a greater one lies on.
    values = list(getattr(bar.yaxis.get_minor_locator(), "locs", ()))
    words = [f"{value:g}" for value in values]
    if not values:
        values, words = scale.get_ticks().tolist(), [tick.get_text() for tick in bar.get_yticklabels()]
    line = f"{say(bar.get_ylabel())}:" if bar.get_ylabel() else ""
    text.append(f"\n{line}")
    used = len(line)
    for value, word in zip(values, map(say, words), strict=True):
        shade = to_hex(scale.cmap(scale.norm(value)))
        if shade not in letters:
            continue
        if used + len(word) + 4 > width:
            text.append("\n")
            used = 0
        text.append("  " if used else "")
        text.append(letters[shade], lit(shade) if color else "")
        text.append(f" {word}")
        used += len(word) + 4
    text.append("\n")


def legend(text: Text, figure: Figure, letters: dict[str, str], say: Any, unicode: bool, color: bool) -> None:
    """What the colours mean, in ASCII with their letters."""
    for legend in figure.legends:
        said = []
        for handle, words in zip(legend.legend_handles, legend.get_texts(), strict=True):
            shade = _shade(handle)
            said.append((_mark(handle, letters, unicode), shade, say(words.get_text())))
        text.append("\n")
        for mark, shade, words in said:
            text.append(mark, lit(shade) if color and shade else "")
            text.append(f" {words}   ")
        text.append("\n")


def _mark(handle: Any, letters: dict[str, str], unicode: bool) -> str:
    """The sign of an entry: a letter where curves of that colour have one, else its line or its dot."""
    handle = handle.lines[0] if isinstance(handle, ErrorbarContainer) else handle
    if not isinstance(handle, Line2D):
        return "█" if unicode else "#"
    if handle.get_linestyle() in ("None", "none", " ", ""):
        return letters.get(_shade(handle), "o") if not unicode else "•"
    if handle.is_dashed():
        return "╌" if unicode else letters.get(_shade(handle), "-")
    return letters.get(_shade(handle), "━" if unicode else "-")


def _shade(handle: Any) -> str:
    """The colour of a legend's entry."""
    if isinstance(handle, ErrorbarContainer):
        handle = handle.lines[0]
    if handle is None:
        return ""
    return to_hex(handle.get_color()) if isinstance(handle, Line2D) else to_hex(handle.get_facecolor())
