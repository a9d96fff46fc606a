"""Groups of commands that are imported when they are asked for.

A command answers in under 0.3 s, and a good part of that is Python, typer and pydantic
starting: there is no time to import what other commands need.
"""

import inspect
from collections.abc import Callable, Iterator, Mapping, MutableMapping
from importlib import import_module
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup

from bootwave.cli import place
from bootwave.cli.entry import heed_interrupts
from bootwave.cli.tree import Branch, Leaf

PACKAGE = "bootwave.cli"
_OPTION = "options_file"  # the parameter that every command gets

Table = Mapping[str, Leaf | Branch]


class LazyGroup(TyperGroup):
    """A group whose commands are made from a table when they are looked up."""

    def fill(self, table: Table, path: str) -> None:
        """Take the commands of *table*; *path* are the words before them."""
        self.commands = _Commands(table, path)

    def list_commands(self, ctx: Any) -> list[str]:
        """Return the names, in the order of the table."""
        return list(self.commands)

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """Write the list of commands from the table, importing none."""
        commands = self.commands
        assert isinstance(commands, _Commands)
        with formatter.section("Commands"):
            formatter.write_dl(
                [(name, entry.help) for name, entry in commands.table.items()]
            )


class LazyCommand(TyperCommand):
    """A command whose help names arguments alone, without a type of Python's."""

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Write the lists of arguments and options."""
        arguments, options = [], []
        for parameter in self.get_params(ctx):
            record = parameter.get_help_record(ctx)
            if record is None:
                continue
            if parameter.param_type_name == "argument":
                arguments.append((record[0].partition(" <")[0], record[1]))
            else:
                options.append(record)
        for heading, records in (("Arguments", arguments), ("Options", options)):
            if records:
                with formatter.section(heading):
                    formatter.write_dl(records)


class _Commands(MutableMapping[str, Any]):
    """What looks like the dict of a group's commands, made one by one."""

    def __init__(self, table: Table, path: str) -> None:
        self.table = table
        self._path = path
        self._made: dict[str, Any] = {}

    def __getitem__(self, name: str) -> Any:
        if name not in self._made:
            entry = self.table[name]
            path = f"{self._path} {name}"
            if isinstance(entry, Branch):
                self._made[name] = group(entry.help, entry.commands, path)
            else:
                self._made[name] = _command(name, entry)
        return self._made[name]

    def __setitem__(self, name: str, command: Any) -> None:
        self._made[name] = command

    def __delitem__(self, name: str) -> None:
        del self._made[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.table)

    def __len__(self) -> int:
        return len(self.table)


def group(
    help: str,
    table: Table,
    path: str,
    callback: Callable[..., None] | None = None,
    *,
    completion: bool = False,
) -> LazyGroup:
    """Return the group of *table*; without a command it prints its help.

    *callback* takes the group's own options, by default the options file alone.
    """

    def choose(ctx: typer.Context, options_file: place.OptionsFile = None) -> None:
        place.choose(options_file)
        if ctx.invoked_subcommand is None:
            typer.echo(ctx.get_help())

    app = typer.Typer(
        cls=LazyGroup,
        help=help,
        invoke_without_command=True,
        add_completion=completion,
        rich_markup_mode=None,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback(help=help)(callback or choose)
    made = typer.main.get_command(app)
    assert isinstance(made, LazyGroup)
    made.name = path.rpartition(" ")[2]
    made.fill(table, path)
    return made


def _command(name: str, leaf: Leaf) -> Any:
    module, _, function = leaf.target.partition(":")
    call = getattr(import_module(f"{PACKAGE}.{module}"), function)
    app = typer.Typer(add_completion=False, rich_markup_mode=None)
    app.command(
        name,
        cls=LazyCommand,
        context_settings={"help_option_names": ["-h", "--help"]},
    )(_with_options_file(call))
    return typer.main.get_command(app)


def _with_options_file(call: Callable[..., Any]) -> Callable[..., Any]:
    """Return *call* with -o/--options added, which ``place`` remembers."""
    signature = inspect.signature(call, eval_str=True)
    option = inspect.Parameter(
        _OPTION,
        inspect.Parameter.KEYWORD_ONLY,
        default=None,
        annotation=place.OptionsFile,
    )
    parameters = [*signature.parameters.values(), option]

    def run(**values: Any) -> Any:
        place.choose(values.pop(_OPTION))
        heed_interrupts()
        return call(**values)

    # What typer looks at to find the parameters and the help.
    run.__signature__ = signature.replace(parameters=parameters)  # type: ignore[attr-defined]
    run.__annotations__ = {each.name: each.annotation for each in parameters}
    run.__doc__ = call.__doc__
    return run
