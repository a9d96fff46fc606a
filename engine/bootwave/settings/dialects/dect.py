"""What the DECT bases M300, M700 and M900 read: servers and extensions apart.

A desk phone's identity is an account with its registrar.  A base has *servers*,
numbered for themselves, and *extensions*, each of which names the number of its server:

    <srv_sip_server_alias idx="1">pbx.example.com</srv_sip_server_alias>
    <user_host idx="1">pbx.example.com</user_host>        idx is the server's
    <user_name idx="3">403</user_name>                    idx is the extension's
    <subscr_sip_ua_data_server_id idx="3">1</subscr_sip_ua_data_server_id>

Identities with the same registrar and outbound proxy share a server; what the lowest of
them says of it holds.  An extension belongs to the handset of its own number, which is
registered with the code of four digits that ``subscr_dect_ac_code`` says, else with its
number (0003).

| settings                                                       | idx       | source |
| -------------------------------------------------------------- | --------- | ------ |
| srv_*, user_host user_outbound user_expiry user_srtp           | server    | W, P   |
| user_dtmf_info user_moh user_full_sdp_answer user_auth_tag     | server    | W, P   |
| session_timer timer_support codec_size                         | server    | P      |
| subscr_*, user_active user_name user_pname user_pass           | extension | W, P   |
| user_realname user_mailbox (also as user_mailnumber)           | extension | W      |
| codec_priority_list                                            | extension | W      |
| http_client_pass, as http_client_password; others of the base  | none      | W, P   |

W is wazo-provd-plugins, wazo_snom/common_dect; P a public generator for M300 to M900
that writes each setting of a base.  Function keys, dial plan and phone book of desk
phones have no place in the document, and a base is told its firmware by a document of
its own.
"""

from functools import lru_cache
from types import MappingProxyType
from typing import Final

from bootwave.native.xml import Plan
from bootwave.settings.catalogue import SERVER, Dialect, meanings
from bootwave.settings.dialects.names import Names, translated
from bootwave.settings.dialects.pieces import PROLOGUE, Pieces
from bootwave.settings.dialects.xml import Place, add_settings
from bootwave.settings.layers import Content, Merged, Told

NAMES: Final = Names(
    Dialect.DECT,
    MappingProxyType(
        {
            "http_client_pass": ("http_client_password",),
            "user_mailbox": ("user_mailbox", "user_mailnumber"),
        }
    ),
    MappingProxyType({}),
)

_SERVER_PREFIX: Final = "srv_"
_EXTENSION_PREFIX: Final = "subscr_"


@lru_cache(256)
def _is_of_server(name: str) -> bool:
    """Whether *name* is said of servers, also where desk phones have it."""
    return any(known.space == SERVER for known in meanings(name, Dialect.DECT))


def dect_document(merged: Merged) -> Plan:
    """Return the plan of the document that tells a DECT base *merged*.

    Raises SettingError for a name or a value that XML cannot carry.
    """
    out = Pieces()
    out.markup(PROLOGUE + b"<settings>\n <phone-settings>\n")
    add_settings(out, dect_settings(translated(merged.settings, NAMES)))
    out.markup(b" </phone-settings>\n</settings>\n")
    return out.plan()


def dect_settings(said: dict[Place, Told]) -> dict[Place, Told]:
    """Return what is *said* of identities as said of servers and extensions."""
    servers = _servers(said)
    settings: dict[Place, Told] = {}
    exactly: dict[Place, Told] = {}
    shared = list(
        dict.fromkeys(
            name
            for name, _index in said
            if _is_of_server(name) and not name.startswith(_SERVER_PREFIX)
        )
    )
    for server, (identity, host) in _owners(said, servers).items():
        settings["srv_sip_server_alias", server] = Told(host, "R")
        for name in shared:
            told = said.get((name, identity), said.get((name, None)))
            if told is not None:
                settings[name, server] = told
    for identity, server in servers.items():
        for name, word in (
            ("subscr_sip_hs_idx", str(identity)),
            ("subscr_dect_ac_code", f"{identity:04}"),
            ("subscr_sip_ua_data_server_id", str(server)),
        ):
            settings[name, identity] = Told(word, "R")
    for (name, index), told in said.items():
        if name in shared:
            continue
        if index is not None:
            exactly[name, index] = told
        elif name.startswith(_SERVER_PREFIX):
            settings.update({(name, server): told for server in servers.values()})
        elif name.startswith(_EXTENSION_PREFIX):
            settings.update({(name, identity): told for identity in servers})
        else:
            settings[name, None] = told
    return settings | exactly


def _servers(said: dict[Place, Told]) -> dict[int, int]:
    """Return the number of the server of each identity that registers somewhere."""
    numbers: dict[tuple[Content, Content], int] = {}
    servers: dict[int, int] = {}
    identities = sorted(
        index for name, index in said if name == "user_host" and index is not None
    )
    for identity in identities:
        proxy = said.get(("user_outbound", identity), Told("", "R"))
        registrar = said["user_host", identity].content, proxy.content
        servers[identity] = numbers.setdefault(registrar, len(numbers) + 1)
    return servers


def _owners(
    said: dict[Place, Told], servers: dict[int, int]
) -> dict[int, tuple[int, Content]]:
    """Return for each server its lowest identity, and the registrar it names."""
    owners: dict[int, tuple[int, Content]] = {}
    for identity, server in servers.items():
        owners.setdefault(server, (identity, said["user_host", identity].content))
    return owners
