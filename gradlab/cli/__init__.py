"""The command line, one file a command: parse, call, print.

Only typer is imported at the top of these files, so that `--help` answers at once.
"""

import contextlib
import errno
import gc
import importlib
import json
import os
import pkgutil
import shlex
import sys
from collections.abc import Sequence
from typing import Any

import typer

from gradlab.cli import _stopping, _strict
from gradlab.status import MEANING, Exit, GradlabError, shown

EPILOG = "Exit codes: " + " · ".join(f"{code.value} {meaning}" for code, meaning in MEANING.items()) + "."


def app() -> typer.Typer:
    """The application, made of the files beside this one."""
    made = typer.Typer(
        name="gradlab",
        help="A laboratory for vanishing and exploding gradients in recurrent networks.",
        epilog=EPILOG,
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )

    @made.callback(invoke_without_command=True)
    def options(version: bool = typer.Option(False, "--version", help="Show the version and exit.")) -> None:
        if version:
            from gradlab import __version__

            typer.echo(f"gradlab {__version__}")
            raise typer.Exit

    for module in pkgutil.iter_modules(__path__):
        if not module.name.startswith("_"):
            called = importlib.import_module(f"gradlab.cli.{module.name}").command
            made.command(module.name, cls=_strict.Command)(called)
    return made


def main(arguments: Sequence[str] | None = None) -> None:
    """Run a command and exit with its code."""
    from gradlab import memory

    # Tracing makes objects by the million and hardly a cycle among them: looking for some took a twentieth.
    gc.set_threshold(100_000, 50, 50)
    memory.own_process()
    sys.exit(execute(sys.argv[1:] if arguments is None else list(arguments)))


def execute(arguments: list[str]) -> int:
    """Run a command; a mistake becomes one line on stderr (with `--json`, a document on stdout)."""
    _stopping.listen()
    if "--debug" in arguments:
        arguments = [word for word in arguments if word != "--debug"]
        return int(app()(arguments, prog_name="gradlab", standalone_mode=False) or 0)
    try:
        code = _answer(arguments)
        sys.stdout.flush()
    except (BrokenPipeError, SystemExit) as error:
        # Typer and rich make a SystemExit of a broken pipe.
        if not isinstance(error, BrokenPipeError) and not isinstance(error.__context__, BrokenPipeError):
            raise
        # The reader has gone, as in `| head -1`.
        _drop_output()
        return Exit.OK
    except OSError as error:
        _drop_output()
        return _say([], "stdout", f"cannot be written: {error.strerror or error}", Exit.STORAGE)
    return code


def _resume(arguments: list[str]) -> str:
    again = shlex.join(word for word in arguments if word != "--force")
    return f"interrupted; what is finished is kept, and this goes on: gradlab {again}"


def _drop_output() -> None:
    """What is left of the output goes nowhere."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _answer(arguments: list[str]) -> int:
    try:
        code = int(app()(arguments, prog_name="gradlab", standalone_mode=False) or 0)
    except GradlabError as error:
        return _say(arguments, error.where, error.what, error.code)
    except typer.TyperException as error:
        where, what = _usage(error)
        return _say(arguments, where, what, Exit.USAGE)
    except typer.Abort:
        code = Exit.INTERRUPTED
    except SystemExit as error:
        if error.code != Exit.TERMINATED:
            raise
        code = Exit.TERMINATED
    except OSError as error:
        if error.errno in (errno.EPIPE, errno.ENOSPC) and error.filename is None:
            raise
        return _bug(arguments, error)
    except MemoryError:
        return _say(arguments, "memory", "ran out; choose a smaller grid, -T or --hidden", Exit.RESOURCES)
    except Exception as error:
        return _bug(arguments, error)
    if code in (Exit.INTERRUPTED, Exit.TERMINATED):
        print(_resume(arguments), file=sys.stderr)
    return code


def _bug(arguments: list[str], error: Exception) -> int:
    what = f"{type(error).__name__}: {shown(str(error), 200)}; this is a bug, --debug shows where"
    return _say(arguments, "gradlab", what, Exit.BUG)


def _say(arguments: list[str], where: str, what: str, code: Exit) -> int:
    if "--json" in arguments:
        error = {"where": where, "message": what}
        print(json.dumps({"schema": "gradlab.error/1", "status": "error", "exit_code": code, "error": error}))
    with contextlib.suppress(OSError):
        print(f"error: {where}: {what}", file=sys.stderr)
    return code


def _usage(error: Any) -> tuple[str, str]:
    """Typer's own complaint in the form of ours."""
    text = _plain(" ".join(error.format_message().split()).rstrip("."), 200) or "no command given"
    name = getattr(error, "option_name", None) or getattr(getattr(error, "param", None), "opts", [None])[0]
    near = getattr(error, "possibilities", None) or ()
    if type(error).__name__ == "NoSuchOption":
        hint = f"did you mean {near[0]}?" if near else "see --help"
        return _plain(str(name), 60), f"no such option; {hint}"
    context = getattr(error, "ctx", None)
    command = context.command_path if context is not None else "gradlab"
    return str(name or command), f"{text}; see {command} --help"


def _plain(text: str, limit: int) -> str:
    """Text of a message that quotes what came: control characters escaped, long text shortened."""
    text = text if len(text) <= limit else f"{text[: limit - 3]}..."
    return "".join(letter if letter.isprintable() else ascii(letter)[1:-1] for letter in text)
