"""bootwave phonebook."""

from pathlib import Path

from tests.cli.conftest import Command
from tests.cli.test_main import refused

DOMAIN = ("--domain", "pbx.example.com")
ACCOUNT = ("--account", "401@pbx.example.com")
CSV = "name;number;type\nZoe;+49 30 1;mobile\nAnna;402;\n"


def test_a_book_comes_in_is_listed_goes_out_and_is_emptied(
    store: Command, tmp_path: Path
) -> None:
    (tmp_path / "book.csv").write_text(CSV)
    done = store("phonebook", "import", tmp_path / "book.csv", *DOMAIN)
    assert done.out == (
        "The book of pbx.example.com has 2 entries, 2 of them new, 0 taken out.\n"
    )
    listed = store("phonebook", "list", *DOMAIN)
    assert [line.split()[:2] for line in listed.out.splitlines()[1:]] == [
        ["Anna", "402"],
        ["Zoe", "+49301"],
    ]
    wrote = store("phonebook", "export", tmp_path / "book.vcf", *DOMAIN)
    assert wrote.out.startswith("Wrote 2 entries")
    wrote = store("phonebook", "export", tmp_path / "book.vcf", *DOMAIN, "--json")
    assert wrote.json["entries"] == 2
    stdout = ("phonebook", "export", "-", "--format", "csv", *DOMAIN, "--json")
    assert store(*stdout).status == 2
    again = store("phonebook", "import", tmp_path / "book.vcf", *ACCOUNT, "--json")
    assert again.json["entries"] == 2
    out = store("phonebook", "export", "-", "--format", "csv", *ACCOUNT).out
    assert out.splitlines() == [
        "name,number,type,category",
        "Anna,402,,none",
        "Zoe,+49301,mobile,none",
    ]
    assert "Phones empty theirs" in store("phonebook", "clear", *DOMAIN).out
    assert "is empty" in store("phonebook", "list", *DOMAIN).err
    forgotten = store("phonebook", "clear", *DOMAIN, "--forget")
    assert "Phones keep" in forgotten.out
    assert "has no phone book" in store("phonebook", "list", *DOMAIN).err


def test_a_book_may_come_by_standard_input(store: Command) -> None:
    done = store("phonebook", "import", "-", "--format", "csv", *ACCOUNT, stdin=CSV)
    assert done.status == 0
    assert "--format csv" in refused(store("phonebook", "import", "-", *ACCOUNT))


def test_wrong_entries_are_told_one_by_one(store: Command) -> None:
    rows = "name,number\nAnna,402\n" + "Bob,x\n" * 25
    arguments = ("phonebook", "import", "-", "--format", "csv", *ACCOUNT)
    done = store(*arguments, "--all-or-nothing", stdin=rows)
    assert done.status == 1
    assert done.out == "Nothing was stored, because 25 entries are wrong.\n"
    assert "entry 2: 'x' is not a number to dial" in done.err
    assert "5 entries more" in done.err
    done = store(*arguments, stdin=rows)
    assert done.status == 1
    assert "has 1 entry," in done.out
    assert "25 entries are wrong and not stored:\nentry 2" in done.err
    done = store(*arguments, "--dry-run", stdin=CSV)
    assert "would have 2 entries, 1 of them new" in done.out


def test_models_that_show_less_are_named(store: Command) -> None:
    rows = "name,number\n" + "".join(f"N{n},{n}\n" for n in range(120))
    done = store("phonebook", "import", "-", "--format", "csv", *DOMAIN, stdin=rows)
    assert "snom300" in done.err
    assert "show the first 100" in done.err


def test_one_book_at_a_time(store: Command) -> None:
    for owner in ((), (*DOMAIN, *ACCOUNT)):
        done = store("phonebook", "list", *owner)
        assert done.status == 2
        assert "--domain and --account" in done.err
