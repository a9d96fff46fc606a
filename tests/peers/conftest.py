from collections.abc import Callable, Iterator

import pytest

from tests.end_to_end.program import Program, made_place

MAC = "0004132E08B4"


@pytest.fixture(scope="module")
def one_account(
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Callable[..., Program]]:
    """Start the program with an account of 401, whose phone is MAC, and options."""
    made: list[Program] = []

    def start(**options: str) -> Program:
        place = tmp_path_factory.mktemp("place") / "site"
        made_place(place)
        program = Program(place, **options)
        made.append(program)
        program.command("domain", "add", "pbx.example.com")
        program.import_accounts({"401": MAC})
        program.start()
        return program

    yield start
    for program in made:
        program.clean_up()
