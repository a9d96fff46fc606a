"""A store as its own tests have it, for the ledger."""

from tests.store.conftest import (  # noqa: F401
    add,
    admin,
    clock,
    connection,
    keyring,
    log,
    noted,
    path,
    template,
    told,
)
