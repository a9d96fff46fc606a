"""Groups that import a command when it is asked for."""

import sys
from typing import Annotated

import pytest
import typer

from bootwave.cli import lazy, place
from bootwave.cli.tree import Branch, Leaf


def test_looking_at_a_group_imports_no_command(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    imported: list[str] = []
    monkeypatch.setattr(lazy, "import_module", imported.append)
    table = {"a": Leaf("nowhere:a", "Does a."), "b": Branch("More.", {})}
    group = lazy.group("Help.", table, "x")
    assert group.list_commands(None) == ["a", "b"]
    with typer.main.get_command(typer.Typer(callback=lambda: None)).make_context(
        "x", [], resilient_parsing=True
    ) as ctx:
        formatter = ctx.make_formatter()
        group.format_commands(ctx, formatter)
    assert "Does a." in formatter.getvalue()
    assert imported == []


def test_a_command_is_made_once_and_gets_the_options_file(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    called: list[int] = []

    def count(number: Annotated[int, typer.Argument()] = 3) -> int:
        """Count."""
        called.append(number)
        return 0

    module = type(sys)("bootwave.cli.counting")
    module.count = count  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "bootwave.cli.counting", module)
    group = lazy.group("Help.", {"count": Leaf("counting:count", "Counts.")}, "x")
    made = group.get_command(None, "count")
    assert made is group.get_command(None, "count")
    assert group.get_command(None, "none") is None
    assert made.main(["5", "-o", "f.toml"], standalone_mode=False) == 0
    assert called == [5]
    assert str(place.chosen()) == "f.toml"
