"""The options of a command made from the settings of a study: flag, help and default stand there once."""

import inspect
from collections.abc import Callable, Mapping
from typing import Annotated, Any, get_origin

import typer

from gradlab import registry, specs
from gradlab.specs import Setting

Command = Callable[..., int]


def options(kind: type, preset: Mapping[str, Any] | None = None) -> Callable[[Command], Command]:
    """Give a command the settings of `kind` as options; it gets what was given as its first argument.

    A setting without a default is an argument of the command line; so is one whose flag is a word, which may
    be left out. `preset` are other defaults to be shown.
    """
    described = specs.described(kind)
    defaults = {name: getattr(kind, name) for name in described if hasattr(kind, name)} | dict(preset or {})

    def decorate(command: Command) -> Command:
        own = list(inspect.signature(command).parameters.values())[1:]
        made = [_parameter(name, *described[name], defaults) for name in described]

        def called(ctx: Any, **words: Any) -> int:
            values = {name: words.pop(name) for name in described}
            left_out = {name for name in described if "DEFAULT" in str(ctx.get_parameter_source(name))}
            return command({name: values[name] for name in described if name not in left_out}, **words)

        context = inspect.Parameter("ctx", inspect.Parameter.KEYWORD_ONLY, annotation=typer.Context)
        parameters = [p.replace(kind=inspect.Parameter.KEYWORD_ONLY) for p in [context, *made, *own]]
        called.__signature__ = inspect.Signature(parameters, return_annotation=int)  # type: ignore[attr-defined]
        called.__annotations__ = {p.name: p.annotation for p in parameters} | {"return": int}
        called.__doc__ = command.__doc__
        return called

    return decorate


def _parameter(name: str, hint: Any, setting: Setting, defaults: Mapping[str, Any]) -> inspect.Parameter:
    """One setting as a parameter that typer reads."""
    keyword = inspect.Parameter.KEYWORD_ONLY
    if name not in defaults:
        argument: Any = Annotated[
            str, typer.Argument(help=setting.help, autocompletion=_members(setting.members))
        ]
        return inspect.Parameter(name, keyword, annotation=argument)
    if setting.flag and not setting.flag.startswith("-"):
        word = typer.Argument(
            help=setting.help, metavar=setting.flag, autocompletion=_members(setting.members)
        )
        return inspect.Parameter(name, keyword, default=defaults[name], annotation=Annotated[str, word])
    default, flags = defaults[name], setting.flag.split() or [specs.flag(name, setting)]
    if hint is bool:
        option: Any = Annotated[bool, typer.Option("/".join(flags), help=setting.help)]
        return inspect.Parameter(name, keyword, default=default, annotation=option)
    option = typer.Option(*flags, help=setting.help, autocompletion=_members(setting.members))
    if (setting.members or setting.each) and get_origin(hint) is tuple:
        several: Any = Annotated[list[str] | None, option]
        return inspect.Parameter(name, keyword, default=list(default) or None, annotation=several)
    return inspect.Parameter(name, keyword, default=specs.written(default), annotation=Annotated[str, option])


def _members(kind: str) -> Callable[[str], list[str]] | None:
    """Completes a member's name, in a shell that has been taught to (`gradlab --install-completion`)."""
    if not kind:
        return None
    return lambda incomplete: [name for name in registry.names(kind) if name.startswith(incomplete)]
