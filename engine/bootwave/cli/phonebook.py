"""``bootwave phonebook``."""

from typing import Annotated, Any, NamedTuple

import typer

from bootwave.cli import place
from bootwave.cli.bookfiles import Format, format_of, rows_from_file, write_file
from bootwave.cli.joined import joined
from bootwave.cli.misuse import Misuse
from bootwave.cli.output import Json, hint, print_json, print_line, print_table

SHOWN_ERRORS = 20

File = Annotated[
    str,
    typer.Argument(
        metavar="FILE|-",
        help="A .csv or .vcf file; - needs --format.",
        show_default=False,
    ),
]
FileFormat = Annotated[
    Format | None,
    typer.Option("--format", help="What the file is, where its name does not say."),
]


class Book(NamedTuple):
    """A book as operations name it."""

    scope: str
    target: str

    def call(self, op: str, **args: Any) -> Any:
        """Return the result of the operation *op* on this book."""
        with place.session() as session:
            return session.call(op, scope=self.scope, target=self.target, **args)


def chosen_book(
    domain: Annotated[
        str | None, typer.Option(metavar="DOMAIN", help="The book of a domain.")
    ] = None,
    account: Annotated[
        str | None,
        typer.Option(
            metavar="ACCOUNT", help="The book of an account: 401@pbx.example.com."
        ),
    ] = None,
) -> Book:
    """Return the one book that was named; raises Misuse unless it was one."""
    if (domain is None) == (account is None):
        raise Misuse("Say whose book with one of --domain and --account.")
    return (
        Book("domain", domain) if domain is not None else Book("account", account or "")
    )


_of_book = joined("book", chosen_book)


@_of_book
def import_file(
    file: File,
    book: Book,
    format: FileFormat = None,
    replace: Annotated[
        bool,
        typer.Option(
            "--replace",
            help="Take out entries that are not in it, or nothing if one is wrong.",
        ),
    ] = False,
    all_or_nothing: Annotated[
        bool,
        typer.Option("--all-or-nothing", help="Store nothing if an entry is wrong."),
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Look what would happen; store nothing.")
    ] = False,
    json: Json = False,
) -> None:
    """Add the entries of a file to a phone book: the right ones, whatever others are.

    CSV names its columns in the first line: name (or first_name and last_name),
    number, and perhaps type and category.  vCard may be 2.1, 3.0 or 4.0.
    """
    found = book.call(
        "phonebook.import",
        rows=rows_from_file(file, format_of(file, format)),
        replace=replace,
        all_or_nothing=all_or_nothing,
        dry_run=dry_run,
    )
    if json:
        print_json(found)
    else:
        _print_result(book, found, dry_run=dry_run)
    if found["error_count"]:
        raise typer.Exit(1)


@_of_book
def export(
    file: File, book: Book, format: FileFormat = None, json: Json = False
) -> None:
    """Write a phone book to a file that phonebook import reads again."""
    if json and file == "-":
        raise Misuse("Standard output takes the book or --json: name a file.")
    chosen = format_of(file, format)
    entries = book.call("phonebook.list")["entries"]
    write_file(file, chosen, entries)
    if json:
        print_json({"file": file, "entries": len(entries)})
    elif file != "-":
        print_line(f"Wrote {_entries(len(entries))} to {file}.")


@_of_book
def list_all(book: Book, json: Json = False) -> None:
    """List the entries of a phone book as phones show them."""
    found = book.call("phonebook.list")
    if json:
        print_json(found)
        return
    print_table(
        ("name", "number", "type", "category"),
        [tuple(entry.values()) for entry in found["entries"]],
        empty=f"The book of {book.target} is empty."
        if found["told"]
        else f"{book.target} has no phone book: bootwave phonebook import makes one.",
    )
    _hint_at_room(found["shortened"])


@_of_book
def clear(
    book: Book,
    forget: Annotated[
        bool, typer.Option("--forget", help="Leave phones the book they have.")
    ] = False,
    json: Json = False,
) -> None:
    """Empty a phone book; phones empty theirs when they come again."""
    done = book.call("phonebook.clear", forget=forget)
    if json:
        print_json(done)
        return
    what = "Phones keep the book they have." if forget else "Phones empty theirs."
    print_line(f"Took {_entries(done['entries'])} out of {book.target}. {what}")


def _print_result(book: Book, found: dict[str, Any], *, dry_run: bool) -> None:
    sentence = (
        f"{_entries(found['entries'])}, {found['added']} of them new, "
        f"{found['removed']} taken out."
    )
    if found["stored"]:
        print_line(f"The book of {book.target} has {sentence}")
        _hint_at_room(found["shortened"])
        if found["error_count"]:
            hint(f"{_wrong(found)} wrong and not stored:")
    elif dry_run:
        print_line(f"Nothing was stored; the book would have {sentence}")
    else:
        print_line(f"Nothing was stored, because {_wrong(found)} wrong.")
    for error in found["errors"][:SHOWN_ERRORS]:
        hint(f"entry {error['row']}: {error['error']}")
    more = found["error_count"] - len(found["errors"][:SHOWN_ERRORS])
    if more > 0:
        hint(f"… and {more:,} entries more, which --json shows.")


def _entries(count: int) -> str:
    return "1 entry" if count == 1 else f"{count:,} entries"


def _wrong(found: dict[str, Any]) -> str:
    count = found["error_count"]
    return f"{_entries(count)} {'is' if count == 1 else 'are'}"


def _hint_at_room(shortened: list[dict[str, Any]]) -> None:
    by_room: dict[int, list[str]] = {}
    for each in shortened:
        by_room.setdefault(each["entries"], []).append(each["model"])
    for room, models in sorted(by_room.items()):
        hint(f"bootwave: {', '.join(sorted(models))} show the first {room}.")
