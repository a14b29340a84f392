"""What every command refuses before it is called: an option given twice, and one without a value."""

from typing import Any

import typer.core

from gradlab.errors import Exit, GradlabError


class Command(typer.core.TyperCommand):
    """A command whose options are given once, but for those that collect, and never empty."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Typer's own would let the last of two win, and take an empty path for the folder here."""
        given, _, order = self.make_parser(ctx).parse_args(args=list(args))
        for param in order:
            value = given.get(str(param.name))
            if param.param_type_name != "option":
                continue
            if isinstance(value, str) and order.count(param) > 1:
                raise GradlabError(param.opts[0], "is given twice; give it once")
            if value == "" or (isinstance(value, list) and "" in value):
                raise GradlabError(param.opts[0], "is empty; give it a value, or leave it out")
        return super().parse_args(ctx, args)

    def invoke(self, ctx: Any) -> Any:
        """Typer's own would print on stderr when it is interrupted, and fail where nobody reads that."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            raise SystemExit(Exit.INTERRUPTED) from None
