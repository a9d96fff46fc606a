"""What came of a contact, by its reason: a phone got its settings, or was refused."""

from bootwave.sightings import Reason

PROVISIONED = frozenset(
    {
        Reason.SERVED_WINDOW,
        Reason.SERVED_CERTIFICATE,
        Reason.SERVED_CREDENTIALS,
        Reason.NOT_MODIFIED,
    }
)
# What somebody gets who asks for a document that he is not given.
REFUSED = frozenset(
    reason for reason in Reason if Reason.UNKNOWN_MAC <= reason < Reason.HTTP_SYNTAX
) - {Reason.NO_DOCUMENT} | {Reason.WILDCARD_RESTRICTED, Reason.TOKEN_WRONG}
