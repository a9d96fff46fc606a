"""What TLS needs of before the fork: contexts, the policy of trust, known verdicts."""

import time

from cryptography import x509

from bootwave import log
from bootwave.certificates.files import is_missing
from bootwave.certificates.loading import policy_from_options
from bootwave.certificates.policy import TrustPolicy
from bootwave.certificates.report import look
from bootwave.errors import OptionError
from bootwave.options import HttpsOptions
from bootwave.server.tls.contexts import Contexts, make_contexts
from bootwave.server.tls.identity import verified
from bootwave.server.tls.verdictpage import VerdictPage


class TlsShared:
    """Contexts and policy of the present files; ``page`` outlives them."""

    def __init__(self, options: HttpsOptions) -> None:
        """Read the files; raises OptionError."""
        self.page = VerdictPage()
        self._load(options)

    def reload(self, options: HttpsOptions) -> bool:
        """Read the files again; False, the reason logged, when all stays as it was.

        Processes forked before go on with what they have.
        """
        try:
            self._load(options)
        except OptionError as error:
            log.note(log.TLS_KEPT, error=str(error).rstrip("."))
            return False
        return True

    def _load(self, options: HttpsOptions) -> None:
        self.policy, self.contexts = policy_and_contexts(options)
        # From here on the control process looks (control.certificatewatch).
        found = look(present(options), time.time())
        for sentence in (*found["problems"], *found["due"]):
            log.note(log.CERTIFICATE_WARNING, warning=sentence.rstrip("."))


def policy_and_contexts(options: HttpsOptions) -> tuple[TrustPolicy, Contexts]:
    """Return what the *present* files make; raises OptionError for the first wrong."""
    options = present(options)
    policy = policy_from_options(options)
    authorities = [x509.load_der_x509_certificate(der) for der in policy.trusted]
    return policy, make_contexts(options, verified, authorities)


def present(options: HttpsOptions) -> HttpsOptions:
    """Return *options* without files that only the defaults name and nobody made."""
    default = HttpsOptions.model_fields["certificates"].default
    if [path.name for path in options.certificates] != [path.name for path in default]:
        return options
    made = tuple(path for path in options.certificates if not is_missing(path))
    return options.model_copy(update={"certificates": made})
