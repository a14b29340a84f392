"""The progress of arms that are trained in turn, each a little further than before."""

from collections.abc import Callable, Iterable

from gradlab.planning.progress import Progress


class InTurn:
    """Tells what each piece of the plan has gone on, from how far it has come in all."""

    def __init__(self, report: Callable[[Progress], None]) -> None:
        self.report = report
        self.reached: dict[str, float] = {}

    def take(self, progress: Progress) -> None:
        """Take how far a piece is in all; no other piece is over for that."""
        more = progress.share - self.reached.get(progress.piece, 0.0)
        if not progress.piece or more <= 0:
            self.report(progress._replace(piece=""))
            return
        self.reached[progress.piece] = progress.share
        self.report(progress._replace(share=more, in_all=False))

    def reach(self, doing: str, pieces: Iterable[str], share: float, *, computed: bool) -> None:
        """These have come so far at the least: what has ended early is as far as what has not."""
        for piece in pieces:
            self.take(Progress(doing, piece, share, computed))
