"""What loading the engine must not load: a data plane without a control plane."""

import subprocess
import sys

HEAVY = (
    *("fastapi", "starlette", "uvicorn", "argon2", "anyio"),
    *("sqlalchemy", "alembic", "typer", "rich"),
    *("httpx", "defusedxml"),
)


def loaded_after(code: str) -> set[str]:
    program = f"{code}\nimport sys\nprint(' '.join(sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    return set(done.stdout.split())


def test_importing_the_package_loads_no_library_at_all() -> None:
    loaded = loaded_after("import bootwave")
    assert not loaded & {*HEAVY, "uvloop", "pydantic", "h11", "structlog"}


def test_an_engine_loads_neither_web_framework_nor_orm_nor_command_line() -> None:
    loaded = loaded_after("import bootwave; bootwave.Engine")
    assert not loaded & set(HEAVY)


def test_the_commands_that_only_ask_load_nothing_heavy() -> None:
    loaded = loaded_after("import bootwave.cli.main")
    assert not loaded & {"sqlalchemy", "alembic", "uvloop", "structlog", "asyncio"}


def test_whoever_serves_phones_loads_nothing_of_the_api() -> None:
    loaded = loaded_after(
        "import bootwave.server.serve, bootwave.server.worker, bootwave.control.plane\n"
        "import bootwave.control.api.installed, bootwave.control.api.tls\n"
        "bootwave.control.api.installed.missing()"
    )
    assert not loaded & set(HEAVY)


def test_the_commands_load_nothing_of_the_api() -> None:
    loaded = loaded_after(
        "import bootwave.cli.main, bootwave.cli.admin, bootwave.cli.apitoken\n"
        "import bootwave.control.session, bootwave.store.administration"
    )
    assert not loaded & (set(HEAVY) - {"typer", "rich"})


def test_a_control_plane_without_account_loads_no_client_of_its_service() -> None:
    loaded = loaded_after("import bootwave.control.plane, bootwave.cli.redirection")
    assert not loaded & {"httpx", "defusedxml"}


def test_what_needs_no_certificate_does_not_load_the_library_for_them() -> None:
    loaded = loaded_after(
        "import bootwave.cli.main, bootwave.cli.tls, bootwave.cli.window\n"
        "import bootwave.store.serving.reader, bootwave.store.administration\n"
        "import bootwave.control.plane, bootwave.certificates.blocks"
    )
    assert not loaded & {"cryptography", "OpenSSL"}


def test_a_control_process_loads_no_dns_before_it_needs_any() -> None:
    loaded = loaded_after("import bootwave.control.plane, bootwave.control.telling")
    assert "bootwave.control.resolver" in loaded
    assert not {name for name in loaded if name.partition(".")[0] == "dns"}
