"""The command line, one file per command: parse, call, print.

Only typer is imported at the top of these files, so that `--help` answers at once.
"""

import contextlib
import functools
import gc
import importlib
import os
import pkgutil
import shlex
import sys
from collections.abc import Sequence
from typing import Any

import typer

from gradlab import schemas
from gradlab.cli import _output, _stopping, _strict
from gradlab.errors import MEANING, Exit, GradlabError, shown

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

            _output.say(f"gradlab {__version__}")
            raise typer.Exit

    for module in pkgutil.iter_modules(__path__):
        if not module.name.startswith("_"):
            called = importlib.import_module(f"gradlab.cli.{module.name}").command
            made.command(module.name, cls=_strict.Command)(called)
    return made


@functools.cache
def _program() -> Any:
    """The application, ready to be called: to make it anew would take a host longer than many a call."""
    return typer.main.get_command(app())


def main(arguments: Sequence[str] | None = None) -> None:
    """Run a command and exit with its code."""
    from gradlab import memory, runtime

    # Tracing makes objects by the million and hardly a cycle among them: looking for some took a twentieth.
    gc.set_threshold(100_000, 50, 50)
    memory.own_process(runtime.cores())
    words = sys.argv[1:] if arguments is None else list(arguments)
    _output.open_streams()
    _stopping.watch(_resume(words))
    code = execute(words)
    if code in (Exit.INTERRUPTED, Exit.TERMINATED):
        _stopping.leave("", code)
    _stopping.rest()
    sys.exit(code)


def execute(arguments: list[str]) -> int:
    """Run a command; a mistake becomes one line on stderr (with `--json`, a document on stdout)."""
    _stopping.listen()
    if "--debug" in arguments:
        arguments = [word for word in arguments if word != "--debug"]
        return int(_program().main(arguments, prog_name="gradlab", standalone_mode=False) or 0)
    try:
        code = _answer(arguments)
        _output.flush()
    except GradlabError as error:
        return _say(arguments, error.where, error.what, error.code)
    return code


def _resume(arguments: list[str]) -> str:
    again = " ".join(_quoted(word) for word in arguments if word != "--force")
    return f"interrupted; what is finished is kept, and this goes on: gradlab {again}"


def _quoted(word: str) -> str:
    r"""A word as a shell reads it; what cannot be printed is spelled as bash, zsh and ksh read it.

    >>> print(_quoted("a b"), _quoted("a\n"))
    'a b' $'a\x0a'
    """
    if word.isprintable():
        return shlex.quote(word)
    return "$'" + "".join(map(_spelled, word)) + "'"


def _spelled(letter: str) -> str:
    """A letter between the quotes of `$'...'`."""
    if letter.isprintable():
        return f"\\{letter}" if letter in "\\'" else letter
    return "".join(f"\\x{byte:02x}" for byte in letter.encode(errors="surrogateescape"))


def _answer(arguments: list[str]) -> int:
    try:
        code = int(_program().main(arguments, prog_name="gradlab", standalone_mode=False) or 0)
    except GradlabError as error:
        return _say(arguments, error.where, error.what, error.code)
    except typer.TyperException as error:
        where, what = _usage(error)
        return _say(arguments, where, what, Exit.USAGE)
    except (typer.Abort, KeyboardInterrupt):
        code = int(Exit.INTERRUPTED)
    except SystemExit as error:
        if isinstance(error.__context__, BrokenPipeError):
            # Typer and rich make this of a reader who has gone, as in `--help | head -1`.
            return Exit.OK
        if error.code not in (Exit.INTERRUPTED, Exit.TERMINATED):
            raise
        code = Exit(error.code)
    except OSError as error:
        if isinstance(error, BrokenPipeError):
            return Exit.OK
        if _output.is_lost(error):
            raise _output.lost(error) from error
        if error.filename is None:
            return _bug(arguments, error)
        what = f"cannot be used: {error.strerror or error}; name another file or folder"
        return _say(arguments, os.fsdecode(error.filename), what, Exit.USAGE)
    except MemoryError:
        return _say(arguments, "memory", "ran out; choose a smaller grid, -T or --hidden", Exit.RESOURCES)
    except Exception as error:
        if type(error).__name__ == "JaxRuntimeError" and "RESOURCE_EXHAUSTED" in str(error):
            what = "of the device ran out; what is finished is kept; choose a smaller --batch or --hidden"
            return _say(arguments, "memory", what, Exit.RESOURCES)
        stopped = _stopping.code()
        if stopped is None:
            return _bug(arguments, error)
        # C code that was interrupted may say so by an error of its own.
        code = stopped
    if code in (Exit.INTERRUPTED, Exit.TERMINATED):
        # A terminal has put ^C on the line.
        _output.note(("\n" if sys.stderr.isatty() else "") + _resume(arguments))
    return code


def _bug(arguments: list[str], error: Exception) -> int:
    what = f"{type(error).__name__}: {shown(str(error), 200)}; this is a bug, --debug shows where"
    return _say(arguments, "gradlab", what, Exit.BUG)


def _say(arguments: list[str], where: str, what: str, code: Exit) -> int:
    where, what = _output.error_parts(where, what)
    if "--json" in arguments:
        error = {"where": where, "message": what}
        document = {"schema": schemas.newest("error"), "status": "error", "exit_code": code, "error": error}
        with contextlib.suppress(GradlabError):
            _output.say_json(document)
    _output.note(f"error: {where}: {what}")
    return code


def _usage(error: Any) -> tuple[str, str]:
    """Typer's own complaint in the form of ours."""
    text = " ".join(error.format_message().split()).rstrip(".") or "no command given"
    name = getattr(error, "option_name", None) or getattr(getattr(error, "param", None), "opts", [None])[0]
    near = getattr(error, "possibilities", None) or ()
    if type(error).__name__ == "NoSuchOption":
        from gradlab.runs import former

        now = {f"--{was}": f"--{name.replace('_', '-')}" for name, was in former.SETTINGS.items()}
        near = [now[str(name)]] if name in now else near
        hint = f"did you mean {near[0]}?" if near else "see --help"
        return str(name), f"no such option; {hint}"
    context = getattr(error, "ctx", None)
    command = context.command_path if context is not None else "gradlab"
    return str(name or command), f"{text}; see {command} --help"
