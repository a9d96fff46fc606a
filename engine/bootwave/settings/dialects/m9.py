"""What a snom m9 reads: XML with names of its own, R and RW only, nine identities.

| setting of desk phones        | of the m9                                  | source  |
| ----------------------------- | ------------------------------------------ | ------- |
| user_pname                    | user_authname                              | G       |
| user_srtp                     | rtp_encryption                             | G       |
| user_server_type              | user_pbxtype                               | G       |
| settings_refresh_timer        | settings_refresh_time and _timer           | G and E |
| vlan_qos                      | vlan_priority and vlan_prio                | G and E |
| codec_tos, signaling_tos      | rtp_type_of_service, sip_type_of_service   | G       |
| http_user, http_pass          | http_username, http_password               | G       |
| http_client_pass              | http_client_password                       | G       |
| http_proxy_pass               | http_proxy_password                        | G       |
| stun_server (per identity)    | stun_server of the base                    | G       |
| stun_binding_interval         | stun_interval of the base                  | G       |
| language Deutsch              | language de                                | G       |
| tone_scheme GER               | tones 3                                    | G       |
| timezone GER+1                | zone_id 343                                | G       |

G is Gemeinschaft 3, prov/snom/settings-m9.php and init-m9.php; E is a script of Elastix
for m9 bases.  Where they differ it is not known which firmware takes which, so both are
told.  Of tones and time zones only those are known that a source attests (locales);
others are left out, and may be said by the m9's own names in the layer of the model.

The m9 has neither function keys nor dial plan, languages or certificates.  Its phone
book is a file of its own (``tbook``), and its list of files takes the place of
firmware_status.
"""

from types import MappingProxyType
from typing import Final

from bootwave.native.xml import Plan
from bootwave.settings.catalogue import M9_IDENTITIES, Dialect
from bootwave.settings.dialects.names import Names, translated
from bootwave.settings.dialects.pieces import PROLOGUE, Pieces
from bootwave.settings.dialects.xml import Place, add_settings, in_order
from bootwave.settings.layers import Merged, Told
from bootwave.settings.locales import languages, m9_value, timezones, tones

NAMES: Final = Names(
    Dialect.M9,
    MappingProxyType(
        {
            "user_pname": ("user_authname",),
            "user_srtp": ("rtp_encryption",),
            "user_server_type": ("user_pbxtype",),
            "settings_refresh_timer": (
                "settings_refresh_time",
                "settings_refresh_timer",
            ),
            "vlan_qos": ("vlan_priority", "vlan_prio"),
            "codec_tos": ("rtp_type_of_service",),
            "signaling_tos": ("sip_type_of_service",),
            "http_user": ("http_username",),
            "http_pass": ("http_password",),
            "http_client_pass": ("http_client_password",),
            "http_proxy_pass": ("http_proxy_password",),
            "stun_binding_interval": ("stun_interval",),
            "language": ("language",),
            "tone_scheme": ("tones",),
            "timezone": ("zone_id",),
        }
    ),
    MappingProxyType(
        {
            # An m9's own word may be said, too.
            "language": lambda text: m9_value(languages(), text) or _iso(text),
            "tone_scheme": lambda text: m9_value(tones(), text),
            "timezone": lambda text: m9_value(timezones(), text),
        }
    ),
)


def _iso(text: str) -> str:
    return text if text in {place.m9 for place in languages().by_code.values()} else ""


# Desk phones have these in each identity, the m9 once.
_OF_THE_BASE: Final = frozenset({"stun_server", "stun_interval"})

# The PBX's NOTIFY (check-sync) must be heard, as with desk phones (layers).
_CHECK_SYNC: Final = ("allow_check_sync", None)


def m9_document(merged: Merged) -> Plan:
    """Return the plan of the document that tells an m9 *merged*.

    Raises SettingError for a name or a value that XML cannot carry.
    """
    settings: dict[Place, Told] = {_CHECK_SYNC: Told("on", "R")}
    for (name, index), told in in_order(translated(merged.settings, NAMES)):
        if told.permission == "!":  # it knows no such permission
            told = told._replace(permission="RW")
        if name in _OF_THE_BASE:
            # In order: what is said of the base comes first, then the lowest identity.
            settings.setdefault((name, None), told)
        elif index is None or index <= M9_IDENTITIES:
            settings[name, index] = told
    out = Pieces()
    out.markup(PROLOGUE + b"<settings>\n <phone-settings>\n")
    add_settings(out, settings)
    out.markup(b" </phone-settings>\n</settings>\n")
    return out.plan()
