"""How large the fleet is, and how its phones are kept apart for it."""

from contextlib import closing

from bootwave.options import Options
from bootwave.settings.pacing import Pace, pace_for
from bootwave.store.connection import connect

_BOUND = "SELECT COUNT(*) FROM devices WHERE domain_id IS NOT NULL"


def fleet_pace(options: Options) -> Pace:
    """Return the pace for the phones that are bound in the store of *options* now.

    Raises StoreError.
    """
    with closing(connect(options.store.database, read_only=True)) as connection:
        ((phones,),) = connection.execute(_BOUND).fetchall()
    return pace_for(phones, options.waves.requests_per_second)
