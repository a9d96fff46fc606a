"""What must be done to a phone to provision it, and how far that is.

A *procedure* is a list of steps for a kind of phones (docs/procedures.md).  Whether a
step is done is told from what is stored and from sightings; what happens on the phone
itself, a reset, a licence, a handset, cannot be seen from here, unless something that
can be seen came of it.
"""

from collections.abc import Callable
from enum import StrEnum
from typing import Any, Final, NamedTuple

from bootwave.phone.mac import required_mac
from bootwave.phone.model import model_from_text
from bootwave.phone.models import document_dialect, model_data, model_of_mac
from bootwave.settings.catalogue import M9_IDENTITIES
from bootwave.sightings import Reason
from bootwave.store.reports import devicereport
from bootwave.store.sightings.outcomes import PROVISIONED
from bootwave.store.sightings.sightings import SightingLog
from bootwave.store.work import Work


class State(StrEnum):
    """How far a step is."""

    DONE = "done"
    TODO = "not yet"
    UNSEEN = "cannot be seen from here"


class Step(NamedTuple):
    """A step, how far it is, from what that is known, and what to do or ""."""

    name: str
    title: str
    state: State
    because: str
    advice: str = ""


class Seen(NamedTuple):
    """What is known of one phone, as far as steps depend on it.

    The instants are those of the newest sighting of a kind, None without one:
    ``asked_at`` over HTTP, ``multicast_at`` by SUBSCRIBE, ``served_at`` with its
    settings, ``certificate_at`` on its certificate.
    """

    model: str
    firmware: str
    accounts: list[dict[str, Any]]
    owns_certificate: bool
    asked_at: float | None
    multicast_at: float | None
    served_at: float | None
    certificate_at: float | None
    credentials: dict[str, Any] | None
    last: dict[str, Any] | None
    """The newest sighting over HTTP."""

    @property
    def opened(self) -> list[str]:
        """The accounts that are open, or were used by this phone."""
        return [
            each["account"]
            for each in self.accounts
            if each["window"]["state"] in ("open", "used")
        ]


_NAMES: Final = {
    "classic": "the 3xx",
    "certified": "phones with a factory certificate",
    "m9": "the m9",
    "dect": "DECT bases",
    "m3": "the m3",
}
_SETTINGS: Final = frozenset(int(reason) for reason in PROVISIONED)
_AFTER_RESET: Final = "reset it if it was provisioned elsewhere before"


def checked(work: Work, log: SightingLog | None, text: str) -> dict[str, Any]:
    """Return the procedure for the phone with the MAC *text*, and each of its steps.

    ``next`` is the number of the first step that is not done, 0 when none is left;
    steps that cannot be seen are taken as done once a later one is.
    """
    report = devicereport.shown(work, log, text)
    seen = _seen(required_mac(text), report)
    kind = _kind(seen)
    steps = [step(seen) for step in _PROCEDURES[kind]]
    return {
        "mac": report["mac"],
        "model": seen.model,
        "procedure": kind,
        "for": _NAMES[kind],
        "provisioned": report["provisioned"],
        "verdict": report["verdict"],
        "rollouts": report["rollouts"],
        "next": _next(steps),
        "steps": [
            {**step._asdict(), "state": step.state.value, "number": number}
            for number, step in enumerate(steps, 1)
        ],
    }


def _next(steps: list[Step]) -> int:
    done = max(
        (at for at, step in enumerate(steps) if step.state is State.DONE), default=-1
    )
    for at, step in enumerate(steps):
        if step.state is State.TODO or (step.state is State.UNSEEN and at > done):
            return at + 1
    return 0


def _kind(seen: Seen) -> str:
    dialect = document_dialect(seen.model, "")
    if dialect in ("m9", "dect", "m3"):
        return dialect
    owns = seen.owns_certificate or model_data(seen.model).certificate
    # Where it is not known, the way without a certificate leads there, too.
    return "certified" if owns else "classic"


def _seen(mac: int, report: dict[str, Any]) -> Seen:
    newest: dict[str, float] = {}
    last = None
    said_model = said_firmware = ""
    for sighting in reversed(report["time_line"]):  # the oldest first
        code, at = sighting["code"], sighting["at"]
        if code >= int(Reason.SERVED_GENERAL):
            newest["asked"], last = at, sighting
        elif code in (int(Reason.PNP_ANSWERED), int(Reason.PNP_NOT_BOUND)):
            newest["multicast"] = at
        if code in _SETTINGS:
            newest["served"] = at
        if code == int(Reason.SERVED_CERTIFICATE):
            newest["certificate"] = at
        name, _blank, firmware = sighting["detail"].partition(" ")
        model = model_from_text(name)
        if model:
            said_model, said_firmware = model, firmware.partition(";")[0].strip()
    return Seen(
        said_model or report["model"] or model_of_mac(mac),
        said_firmware,
        report["accounts"],
        report["owns_certificate"],
        newest.get("asked"),
        newest.get("multicast"),
        newest.get("served"),
        newest.get("certificate"),
        report["credentials"],
        last,
    )


# The steps.  Each is a function, so that a procedure reads as the list that it is.


def _on_the_phone(
    name: str, title: str, advice: str, shown: str = ""
) -> Callable[[Seen], Step]:
    """Return a step on the phone, which is done once the phone has its settings.

    With *shown* the settings prove it, in these words; else nothing ever does.
    """

    def step(seen: Seen) -> Step:
        if shown and seen.served_at is not None:
            return Step(name, title, State.DONE, shown)
        return Step(name, title, State.UNSEEN, "it happens on the phone", advice)

    return step


def _bound(seen: Seen) -> Step:
    title = "Bind its MAC to an account"
    if seen.accounts:
        names = ", ".join(each["account"] for each in seen.accounts)
        return Step("bind", title, State.DONE, f"it is bound to {names}")
    return Step(
        "bind",
        title,
        State.TODO,
        "its MAC is bound to no account",
        "bootwave account bind NUMBER@DOMAIN MAC",
    )


def _asked(seen: Seen) -> Step:
    title = "Give it the settings URL of this server"
    if seen.asked_at is not None:
        return Step("url", title, State.DONE, "it asked this server by HTTP")
    if seen.multicast_at is not None:
        return Step(
            "url",
            title,
            State.TODO,
            "it asked by multicast and was told the URL, but fetched nothing",
            "check that the URL can be reached from the phone's network",
        )
    return Step(
        "url",
        title,
        State.TODO,
        "it never asked this server",
        "bootwave url MAC prints the URL and where to type it in",
    )


def _multicast_off(seen: Seen) -> Step:
    title = "Turn PnP off where another PBX is on the LAN"
    if seen.served_at is None:
        because = (
            "it asks by multicast, and another PBX could answer"
            if seen.multicast_at is not None
            else "it never asked by multicast that this server heard"
        )
        return Step(
            "multicast",
            title,
            State.UNSEEN,
            because,
            "set PnP Config to off on the phone, if there is another PBX",
        )
    if seen.multicast_at is not None and seen.multicast_at > seen.served_at:
        return Step(
            "multicast",
            title,
            State.TODO,
            "it asked by multicast after it had its settings, which turn that off",
            "see whether a layer says pnp_config: bootwave settings explain MAC "
            "pnp_config",
        )
    return Step("multicast", title, State.DONE, "its settings turn it off")


def _opened(seen: Seen) -> Step:
    title = "Open its account"
    if seen.opened:
        names = ", ".join(seen.opened)
        return Step("open", title, State.DONE, f"{names} is open, or was used by it")
    if seen.served_at is not None and seen.credentials is not None:
        return Step(
            "open",
            title,
            State.DONE,
            "it has credentials of its own, and needs no window any more",
        )
    return Step(
        "open",
        title,
        State.TODO,
        "no account of it is open",
        "bootwave window open NUMBER@DOMAIN, right before the next step",
    )


def _certificate(seen: Seen) -> Step:
    title = "Let it show its factory certificate over HTTPS"
    if seen.last is not None and seen.last["code"] == int(Reason.CERTIFICATE_BLOCKED):
        return Step(
            "certificate",
            title,
            State.TODO,
            f"when it last came, {seen.last['sentence']}",
            seen.last["advice"],
        )
    if seen.certificate_at is not None or seen.owns_certificate:
        return Step("certificate", title, State.DONE, "its certificate proved its MAC")
    if seen.opened or seen.served_at is not None:
        return Step(
            "certificate",
            title,
            State.DONE,
            "its account was opened instead",
        )
    return Step(
        "certificate",
        title,
        State.TODO,
        "it never showed one",
        "serve HTTPS (https.listen, https.factory_cas), or open its account: bootwave "
        "window open NUMBER@DOMAIN",
    )


def _restarted(seen: Seen) -> Step:
    title = "Restart it, and wait two to five minutes"
    if seen.served_at is not None:
        return Step("restart", title, State.DONE, "it came for its settings")
    return Step(
        "restart",
        title,
        State.TODO,
        "it has not come for its settings"
        if seen.last is None
        else f"when it last came, {seen.last['sentence']}",
        "restart it" if seen.last is None else seen.last["advice"] or "restart it",
    )


def _served(seen: Seen) -> Step:
    title = "It has its settings"
    if seen.served_at is not None:
        return Step("settings", title, State.DONE, "it was given them")
    because = "it has not come for them"
    advice = ""
    if seen.last is not None:
        because = f"when it last came, {seen.last['sentence']}"
        advice = seen.last["advice"]
    return Step("settings", title, State.TODO, because, advice or "restart it")


def _returns(
    seen: Seen,
    when: str = "it does so within three hours by itself; restart it to see it now",
) -> Step:
    title = "It comes back with its own credentials"
    pair = seen.credentials
    if pair is not None and pair["used_at"] is not None:
        return Step("return", title, State.DONE, "it authenticated with them")
    if seen.certificate_at is not None:
        return Step("return", title, State.DONE, "it shows its certificate each time")
    return Step(
        "return",
        title,
        State.TODO,
        "it has not used them"
        if pair is not None
        else "it has none: they come with its first settings",
        when if pair is not None else "",
    )


def _returns_when_restarted(seen: Seen) -> Step:
    """Return the step of a base, which is told no refresh timer (settings.dialects)."""
    return _returns(seen, "restart it: nothing tells it to come back by itself")


def _few_identities(seen: Seen) -> Step:
    title = f"Use identities 1 to {M9_IDENTITIES}"
    over = [
        each["account"] for each in seen.accounts if each["identity"] > M9_IDENTITIES
    ]
    if over:
        return Step(
            "identities",
            title,
            State.TODO,
            f"{', '.join(over)} has one that an m9 does not have",
            "bind it again while the phone has fewer accounts, or to another base",
        )
    if not seen.accounts:
        return Step("identities", title, State.TODO, "it is bound to no account")
    return Step("identities", title, State.DONE, "every account has one of those")


def _no_m3(seen: Seen) -> Step:
    return Step(
        "model",
        "Provision it by hand",
        State.TODO,
        "the m3 reads files that this version does not write",
        "see docs/dialects.md",
    )


_RESET: Final = _on_the_phone("reset", "Reset it to factory default", _AFTER_RESET)
_POLICY: Final = _on_the_phone(
    "policy",
    "Set Advanced > Update > Update Policy to Always",
    "log in to the phone's web page as administrator",
    "its settings say auto_update",
)

_PROCEDURES: Final[dict[str, tuple[Callable[[Seen], Step], ...]]] = {
    # The steps of the Vodia page "Plug and Play for snom phones", in their order.
    "classic": (
        *(_RESET, _bound, _POLICY, _asked, _multicast_off, _opened, _restarted),
        _returns,
    ),
    "certified": (_bound, _asked, _certificate, _served, _multicast_off, _returns),
    "m9": (
        _RESET,
        _on_the_phone(
            "licence",
            "Accept the licence on the base's web page",
            "open the base's address in a browser: it does nothing before",
            "it came for its settings",
        ),
        *(_bound, _few_identities, _asked, _certificate, _served),
        _on_the_phone(
            "handsets",
            "Register each handset at the base with its PIN",
            "Menu > Settings > Registration on the handset; the PIN is base_pin, 0000 "
            "unless it is set",
        ),
        _on_the_phone(
            "assignment",
            "Assign each handset its identities",
            "on the base's web page: no setting says which handset has which",
        ),
        _returns,
    ),
    "dect": (
        *(_bound, _asked, _opened, _served),
        _on_the_phone(
            "handsets",
            "Register each handset with the code of its extension",
            "let the base register (its web page, Extensions), then Menu > Register on "
            "the handset with subscr_dect_ac_code, 0001 for extension 1 unless it is "
            "set",
        ),
        _returns_when_restarted,
    ),
    "m3": (_no_m3,),
}
