"""`gradlab list`: the members of each kind, with their equations and settings."""

from typing import Annotated, Any

import typer


def command(
    kind: Annotated[
        str | None,
        typer.Argument(help="cells, initializers, probes, tasks, remedies, plots ...; all if left out."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> int:
    """Show members with equation, settings and defaults."""
    import json

    from gradlab import registry, runtime

    runtime.configure()
    if kind is not None and kind not in registry.KINDS:
        raise registry.unknown("KIND", "kind", kind, registry.KINDS)
    found = {
        k: [_member(k, name) for name in registry.names(k)] for k in ([kind] if kind else registry.KINDS)
    }
    if as_json:
        print(
            json.dumps({"schema": "gradlab.list/1", "status": "ok", "exit_code": 0, "data": found}, indent=1)
        )
        return 0
    for title, members in found.items():
        print(title.upper())
        for member in members:
            settings = ", ".join(f"{key}={value}" for key, value in member["settings"].items())
            print(f"\n  {member['name']}({settings})" if settings else f"\n  {member['name']}")
            for line in member["doc"].splitlines():
                print(f"    {line}".rstrip())
        print()
    return 0


def _member(kind: str, name: str) -> dict[str, Any]:
    import inspect

    from gradlab import registry

    factory = registry.member(kind, name)
    defaults = {key: parameter.default for key, parameter in registry.settings(factory).items()}
    doc = inspect.getdoc(factory) or ""
    return {"name": name, "settings": defaults, "doc": doc}
