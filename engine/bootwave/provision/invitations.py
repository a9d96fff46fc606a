"""Which SUBSCRIBEs are answered with a URL, and which by the PnP lane alone."""

from collections.abc import Callable, Sequence

from bootwave.directory.records import Device
from bootwave.errors import StoreError
from bootwave.native.pnp import BoundMacs
from bootwave.options import Options
from bootwave.pairing.decisions import Policy
from bootwave.pairing.instant import Instant
from bootwave.pairing.rules import open_for_pnp
from bootwave.phone.models import document_dialect, model_of_mac
from bootwave.provision.cache import DocumentCache
from bootwave.provision.looks import Looks
from bootwave.provision.ports import PnpLookUp, Reader
from bootwave.provision.revocations import RevocationPage
from bootwave.provision.steps import Look
from bootwave.provision.urls import pnp_url
from bootwave.settings.layers import known_model


class Invitations:
    """Invites phones to their settings; for one thread.

    *bound*, if any, is told which phones may be answered without asking again.
    """

    def __init__(
        self,
        reader: Reader,
        looks: Looks,
        cache: DocumentCache,
        revocations: RevocationPage,
        policy: Policy,
        options: Options,
        clock: Callable[[], Instant],
        note_store_away: Callable[[StoreError], None],
        *,
        http_port: int,
        https_port: int,
        bound: BoundMacs | None,
    ) -> None:
        """Keep the parts; *http_port* is where phones reach clear HTTP, 0: nowhere.

        *https_port* is the same of HTTPS.
        """
        self._reader = reader
        self._looks = looks
        self._cache = cache
        self._revocations = revocations
        self._policy = policy
        self._options = options
        self._clock = clock
        self._note_store_away = note_store_away
        self._http_port = http_port
        self._https_port = https_port
        self._bound = bound
        self._rules = options.pnp.judging

    def urls(self, lookups: Sequence[PnpLookUp]) -> list[str | None]:
        """Return for each SUBSCRIBE the settings URL to tell, or None for silence.

        One query for all of them.  With the store away only phones are answered that
        something is kept of.
        """
        if not lookups:
            return []
        looks: dict[int, Look] | None = None
        try:
            macs = list(dict.fromkeys([lookup.mac for lookup in lookups]))
            looks = self._looks.read(macs)
        except StoreError as error:
            self._note_store_away(error)
        at = self._clock()
        return [self._url(lookup, looks, at) for lookup in lookups]

    def meet(self, after: int, most: int) -> int | None:
        """Let the PnP lane answer the next *most* bound phones above the MAC *after*.

        Returns the last of them, or None when there was none; raises StoreError.
        """
        macs = self._reader.bound(after, most)
        if not macs:
            return None
        for mac, look in self._looks.read(macs).items():
            self._hold(mac, look)
        return macs[-1]

    def forget(self, mac: int | None) -> None:
        """Have the PnP lane ask again for *mac*, or for all."""
        if self._bound is None:
            return
        if mac is None:
            self._bound.clear()
        else:
            self._bound.drop(mac)

    def _url(
        self, lookup: PnpLookUp, looks: dict[int, Look] | None, at: Instant
    ) -> str | None:
        mac = lookup.mac
        if looks is None:
            expected = self._cache.find(mac) is not None
        else:
            look = looks[mac]
            source = lookup.source[0]
            expected = open_for_pnp(
                mac, look.device, look.wildcards, source, at, self._policy
            )
            if expected:
                self._hold(mac, look, lookup.model)
        if not expected:
            return None
        device = looks[mac].device if looks else None
        model = _model(lookup.model, device, mac)
        return pnp_url(
            self._options,
            lookup.local.address,
            self._http_port,
            model,
            document_dialect(model, ""),
            certified=device is not None and device.owns_certificate,
            https_port=self._https_port,
        )

    def _hold(self, mac: int, look: Look, said: str = "") -> None:
        """Let the PnP lane answer *mac* until something of it is revoked.

        A temporary binding ends without anybody revoking it, so it is looked up.  The
        lane tells phones one of two URLs, as they own a certificate or not, and bases
        have other ones.
        """
        device = look.device
        if self._bound is None or device is None or device.domain is None:
            return
        if self._rules and not self._rules.answer_mac(mac):
            return  # it is the core that decides
        if document_dialect(_model(said, device, mac), "") != "xml":
            self._bound.drop(mac)
            return
        if all(binding.expires is not None for binding in device.bindings):
            return
        domain_id = device.domain.id
        stamp = self._revocations.stamp_since(look.mark, domain_id)
        if stamp is not None:
            counters = self._revocations.counters_of(mac, domain_id)
            owns = device.owns_certificate
            self._bound.keep(mac, *counters, stamp, certified=owns)


def _model(said: str, device: Device | None, mac: int) -> str:
    """Return the model that *mac* says it is, or is known or likely to be."""
    stored = "" if device is None else device.model
    return known_model(said) or known_model(stored) or model_of_mac(mac)
