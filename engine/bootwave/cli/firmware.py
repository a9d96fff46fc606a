"""``bootwave firmware``: definitions, pins, what is forbidden, and the document."""

import os
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Annotated, Any

import typer

from bootwave.cli.completion import one_of
from bootwave.cli.joined import joined
from bootwave.cli.misuse import Misuse
from bootwave.cli.output import Json, hint, print_json, print_line, print_table
from bootwave.cli.revealing import Reveal
from bootwave.cli.scope import Scope
from bootwave.errors import OperatorError, OptionError
from bootwave.quoting import MASK

Domain = Annotated[
    str | None, typer.Option(metavar="DOMAIN", help="For phones of a domain.")
]
Group = Annotated[
    str | None,
    typer.Option(metavar="NAME@DOMAIN", help="For phones of a group."),
]
Device = Annotated[str | None, typer.Option(metavar="MAC", help="For one phone.")]
Model = Annotated[str, typer.Argument(metavar="MODEL", show_default=False)]
Version = Annotated[str, typer.Argument(metavar="VERSION", show_default=False)]
OfModel = Annotated[
    str,
    typer.Option("--model", metavar="MODEL", help="Which; else what the phone is."),
]

_EDITORS = ("VISUAL", "EDITOR")
_EDITOR = "vi"


def chosen_scope(
    domain: Domain = None, group: Group = None, device: Device = None
) -> Scope:
    """Return the scope that was named, the engine without one; raises Misuse."""
    named = {"domain": domain, "group": group, "device": device}
    scopes = [Scope(scope, target) for scope, target in named.items() if target]
    if len(scopes) > 1:
        raise Misuse("Say for whom with one of --domain, --group and --device.")
    return scopes[0] if scopes else Scope("engine", "")


for_scope = joined("scope", chosen_scope)


@for_scope
def list_all(scope: Scope, reveal: Reveal = False, json: Json = False) -> None:
    """List what is defined, pinned and forbidden: for all, a domain or a phone.

    Credentials in URLs are masked.
    """
    found = scope.call("firmware.list", reveal=reveal)
    if json:
        print_json(found)
        return
    print_table(
        ("model", "version", "what", "image", "not told because"),
        [
            (one["model"], one["version"], _what(one), one["location"], one["state"])
            for one in found["definitions"]
        ],
        empty=f"No firmware is defined for {scope}.",
    )
    for one in found["pins"]:
        print_line(f"pinned: {one['model']} {one['version']}")
    for one in found["forbidden"]:
        print_line(f"forbidden: {one['model']} {one['version']} {one['why']}".rstrip())


@for_scope
def set_version(
    model: Model,
    version: Version,
    scope: Scope,
    location: Annotated[
        str,
        typer.Argument(
            metavar="URL|IMAGE",
            help="Else the image uploaded for it.",
            show_default=False,
        ),
    ] = "",
    step: Annotated[
        bool, typer.Option("--step", help="Only on the way to another version.")
    ] = False,
    part: Annotated[
        str,
        typer.Option(
            metavar="rootfs|linux",
            help="What else phones of 6 load.",
            autocompletion=one_of("rootfs", "linux"),
        ),
    ] = "",
    json: Json = False,
) -> None:
    """Define the version that phones of a model shall run, and where its image is."""
    done = scope.call(
        "firmware.set",
        model=model,
        version=version,
        location=location,
        step=step,
        part=part,
    )
    if json:
        print_json(done)
        return
    print_line(f"Set {_named(done)} for {scope}: {done['location']}.")
    for one in done["replaced"]:
        hint(f"It replaces {_named(one)}.")
    warn_of_older(done)


@for_scope
def unset(
    model: Model,
    scope: Scope,
    version: Annotated[
        str, typer.Argument(metavar="VERSION", help="Else all of the model.")
    ] = "",
    json: Json = False,
) -> None:
    """Define a version of a model, or all of them, no longer."""
    done = scope.call("firmware.unset", model=model, version=version)
    if json:
        print_json(done)
        return
    for one in done["removed"]:
        print_line(f"Unset {_named(one)} for {scope}.")


@for_scope
def pin(
    version: Annotated[
        str,
        typer.Argument(
            metavar="VERSION|keep", show_default=False, autocompletion=one_of("keep")
        ),
    ],
    scope: Scope,
    model: OfModel = "",
    json: Json = False,
) -> None:
    """Keep phones of a model at a version, or with "keep" at what they run.

    A pin holds over what is defined for the same phones.
    """
    done = scope.call("firmware.pin", model=model, version=version)
    if json:
        print_json(done)
        return
    if done["version"] == "keep":
        print_line(f"{done['model']} keeps what it runs, for {scope}.")
    else:
        print_line(f"Pinned {done['model']} to {done['version']} for {scope}.")
    warn_of_older(done)


@for_scope
def unpin(scope: Scope, model: OfModel = "", json: Json = False) -> None:
    """End a pin."""
    done = scope.call("firmware.unpin", model=model)
    if json:
        print_json(done)
    else:
        print_line(f"{done['model']} is pinned no longer, for {scope}.")


@for_scope
def forbid(
    model: Model,
    version: Version,
    scope: Scope,
    reason: Annotated[
        str, typer.Option(metavar="TEXT", help="What others should know of it.")
    ] = "",
    json: Json = False,
) -> None:
    """Let no phone of a model be told a version, not even on its way to another."""
    done = scope.call("firmware.forbid", model=model, version=version, reason=reason)
    if json:
        print_json(done)
    else:
        print_line(f"Forbade {done['model']} {done['version']} for {scope}.")


@for_scope
def permit(model: Model, version: Version, scope: Scope, json: Json = False) -> None:
    """Allow what was forbidden."""
    done = scope.call("firmware.permit", model=model, version=version)
    if json:
        print_json(done)
    else:
        print_line(f"Permitted {done['model']} {done['version']} for {scope}.")


@for_scope
def export(scope: Scope, reveal: Reveal = False, json: Json = False) -> None:
    """Print the document of definitions (``snom_3xx_fs.xml``).

    Credentials in URLs are masked, and what is masked cannot be imported.
    """
    found = scope.call("firmware.export", reveal=reveal)
    if not reveal and MASK in found["document"]:
        hint(
            "bootwave: Credentials in it are masked, so that it cannot be imported: "
            "--reveal prints them."
        )
    if json:
        print_json(found)
        return
    sys.stdout.flush()
    sys.stdout.buffer.write(found["document"].encode())
    sys.stdout.buffer.flush()


@for_scope
def import_file(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="A document; - is standard input.")
    ],
    scope: Scope,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would change; store nothing.")
    ] = False,
    json: Json = False,
) -> None:
    """Define what a document says, and nothing else."""
    document = _read(file)
    done = scope.call("firmware.import", document=document, dry_run=dry_run)
    if json:
        print_json(done)
        return
    _print_changes(done)
    if not dry_run:
        print_line(f"{_holding(done)} for {scope}.")
    warn_of_older(done)


@for_scope
def edit(
    scope: Scope,
    reveal: Reveal = False,
    yes: Annotated[
        bool, typer.Option("--yes", "-y", help="Save without asking.")
    ] = False,
    json: Json = False,
) -> int:
    """Edit the document of definitions with $VISUAL or $EDITOR.

    It is checked, what it changes is shown, and it is saved when you say so.  What is
    wrong is told with its line, and can be mended in the editor.  One that holds
    credentials is edited with them, by --reveal, or not at all.
    """
    exported = scope.call("firmware.export", reveal=reveal)
    if not reveal and MASK in exported["document"]:
        raise Misuse("URLs in it hold credentials: --reveal edits it with them.")
    with tempfile.TemporaryDirectory(prefix="bootwave-") as folder:
        file = Path(folder) / "snom_3xx_fs.xml"
        file.write_text(exported["document"], encoding="utf-8")
        while True:
            _run_editor(file)
            document = _read(file)
            given = {"document": document, "revision": exported["revision"]}
            try:
                change = scope.call("firmware.import", dry_run=True, **given)
            except OperatorError as error:
                hint(f"bootwave: {error}")
                if not _asks("Edit again?"):
                    return 1
                continue
            break
    if not change["added"] and not change["removed"]:
        print_json({**change, "stored": False}) if json else print_line(
            "Nothing was changed."
        )
        return 0
    if not json:
        _print_changes(change)
        warn_of_older(change)
    if not yes and not _asks("Save?"):
        hint("Nothing was saved.")
        return 1
    done = scope.call("firmware.import", **given)
    if json:
        print_json(done)
    else:
        print_line(f"Saved: {_holding(done)} for {scope}.")
    return 0


@for_scope
def explain(
    version: Version,
    scope: Scope,
    model: OfModel = "",
    user_agent: Annotated[
        str,
        typer.Option(
            metavar="TEXT", help="Of a phone of version 6: what it boots from."
        ),
    ] = "",
    json: Json = False,
) -> None:
    """Say what a phone that runs VERSION would be told, and why."""
    found = scope.call(
        "firmware.explain", version=version, model=model, user_agent=user_agent
    )
    if json:
        print_json(found)
        return
    told = found["told"]
    print_line(
        f"{found['model']} {found['runs']} is told "
        + ("nothing" if told is None else f"{_named(told)} ({told['location']})")
        + f": {found['why']}."
    )
    if len(found["way"]) > 1:
        print_line(
            "The way: " + ", ".join(one["version"] for one in found["way"]) + "."
        )


def warn_of_older(done: dict[str, Any]) -> None:
    """Say which phones go down to an older version, beside what was done."""
    for sentence in done["warnings"]:
        hint(f"bootwave: {sentence}")


def _what(one: dict[str, Any]) -> str:
    return one["part"] or ("step" if one["step"] else "")


def _named(one: dict[str, Any]) -> str:
    return " ".join(filter(None, (one["model"], one["part"], one["version"])))


def _print_changes(change: dict[str, Any]) -> None:
    for sign, side in (("-", "removed"), ("+", "added")):
        for one in change[side]:
            step = " (step)" if one["step"] else ""
            print_line(f"{sign} {_named(one)}{step} {one['location']}")


def _read(file: Path) -> str:
    """Return the document in *file*, whatever it was saved as."""
    from bootwave.firmware.document import text_from

    try:
        content = sys.stdin.buffer.read() if str(file) == "-" else file.read_bytes()
    except OSError as error:
        raise OptionError(f"{file} cannot be read: {error.strerror}.") from None
    return text_from(content)


def _run_editor(file: Path) -> None:
    named = next(filter(None, map(os.environ.get, _EDITORS)), _EDITOR)
    try:
        command = shlex.split(named)
    except ValueError:
        raise OptionError(f"$EDITOR is no command: {named}.") from None
    try:
        ended = subprocess.run([*command, str(file)], check=False)
    except OSError as error:
        raise OptionError(
            f"The editor {command[0]} cannot be run ({error.strerror}): name another "
            "with $EDITOR."
        ) from None
    if ended.returncode:
        raise OperatorError("The editor failed: nothing was changed.")


def _asks(question: str) -> bool:
    """Whether somebody at the terminal says yes; nobody there says no."""
    if not sys.stdin.isatty():
        return False
    return typer.confirm(question, err=True)


def _holding(done: dict[str, Any]) -> str:
    count = done["definitions"]
    return "1 definition holds" if count == 1 else f"{count} definitions hold"
