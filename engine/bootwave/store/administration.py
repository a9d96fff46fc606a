"""Every operation of an administrator, one transaction each.

Arguments and results are what JSON has: the command line, the control socket and the
API call the same methods.  An operation raises OperatorError subclasses with
one sentence that says what to do, or StoreUnavailable, and then has changed nothing.
The audit log is told in the same transaction what was done, and by whom.  After the
commit, ``committed`` is told what changed, so that grants and caches that rest on it
end before the operation returns.  Passwords go in and never come out.
"""

from bootwave.store.operations.access import AccessOperations
from bootwave.store.operations.accounts import AccountOperations
from bootwave.store.operations.audit import AuditOperations
from bootwave.store.operations.bulk import BulkOperations
from bootwave.store.operations.devices import DeviceOperations
from bootwave.store.operations.directory import DirectoryOperations
from bootwave.store.operations.domains import DomainOperations
from bootwave.store.operations.firmware import FirmwareOperations
from bootwave.store.operations.listing import ListOperations
from bootwave.store.operations.pacing import PacingOperations
from bootwave.store.operations.redirection import RedirectionOperations
from bootwave.store.operations.rollouts import RolloutOperations
from bootwave.store.operations.settings import SettingsOperations
from bootwave.store.operations.watching import WatchOperations


class Administration(
    DomainOperations,
    AccountOperations,
    BulkOperations,
    DeviceOperations,
    SettingsOperations,
    DirectoryOperations,
    FirmwareOperations,
    RolloutOperations,
    PacingOperations,
    RedirectionOperations,
    AuditOperations,
    ListOperations,
    WatchOperations,
    AccessOperations,
):
    """The operations.  One thread at a time may use it.

    ``actor`` is who the next ones are for: a user's name.
    """
