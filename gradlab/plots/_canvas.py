"""A grid of characters to draw on: braille dots where there is UTF-8, letters where not."""

import numpy as np
from numpy.typing import NDArray

BRAILLE = np.array([[0x01, 0x08], [0x02, 0x10], [0x04, 0x20], [0x40, 0x80]])
"""The bit of each of the eight dots of a character, from U+2800 on."""


class Canvas:
    """Cells of one panel: a character and a colour each; with UTF-8, eight dots in a cell."""

    def __init__(self, width: int, height: int, unicode: bool) -> None:
        self.width, self.height, self.unicode = width, height, unicode
        self.across, self.up = (2, 4) if unicode else (1, 1)
        self.dots = np.zeros((height, width), np.int64)
        self.text = np.full((height, width), "", object)
        self.color = np.full((height, width), "", object)
        self.ground = np.zeros((height, width), bool)
        """Cells whose character is of a map: a line is drawn over it."""

    def dot(self, x: float, y: float, color: str, letter: str) -> None:
        """A dot at a place from 0 to 1, the origin at the lower left."""
        if not (0 <= x <= 1 and 0 <= y <= 1):
            return
        column = min(int(x * self.width * self.across), self.width * self.across - 1)
        row = min(int((1 - y) * self.height * self.up), self.height * self.up - 1)
        at = row // self.up, column // self.across
        if self.ground[at]:
            self.text[at], self.ground[at] = "", False
        if self.unicode:
            self.dots[at] |= int(BRAILLE[row % 4, column % 2])
        else:
            self.text[at] = letter
        self.color[at] = color

    def line(
        self,
        start: NDArray[np.float64],
        end: NDArray[np.float64],
        color: str,
        letter: str,
        dashed: bool = False,
    ) -> None:
        """Dots from one place to another; `dashed`, those of every second stretch of the panel."""
        reach = np.abs(end - start) * (self.width * self.across, self.height * self.up)
        count = int(min(reach.max(), 4000)) + 1
        along = int(reach[1] > reach[0])
        for share in np.linspace(0.0, 1.0, count + 1):
            x, y = start + share * (end - start)
            at = y * self.height * self.up if along else x * self.width * self.across
            if not dashed or at // (2 * self.up if along else 2 * self.across) % 2 < 1:
                self.dot(float(x), float(y), color, letter)

    def put(self, x: float, y: float, words: str, color: str = "") -> None:
        """Words around a place, kept inside."""
        row = min(max(int((1 - y) * self.height), 0), self.height - 1)
        first = min(max(int(x * self.width - len(words) / 2), 0), max(self.width - len(words), 0))
        for k, letter in enumerate(words[: self.width]):
            self.text[row, first + k], self.color[row, first + k] = letter, color

    def cell(self, row: int, column: int) -> tuple[str, str]:
        """The character of a cell and its colour."""
        letter = self.text[row, column]
        if not letter:
            letter = chr(0x2800 + self.dots[row, column]) if self.dots[row, column] else " "
        return letter, self.color[row, column]
