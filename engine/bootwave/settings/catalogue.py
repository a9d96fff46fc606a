"""The settings phones are known to have, by topic, and what is dangerous about some.

The names are those of the vendor's public templates and of phones' own exports.  Newer
firmware adds names faster than any list, so an unknown one is allowed with a warning;
a known one is checked for what would certainly fail.
"""

import re
from enum import StrEnum
from types import MappingProxyType
from typing import Final, NamedTuple, get_args

from bootwave.directory.records import Permission, Setting
from bootwave.errors import SettingError
from bootwave.settings.spelling import nearest
from bootwave.xml.legal import checked_text

IDENTITIES: Final = 12  # the most a desk phone has (870, 760, D7xx)
MAX_INDEX: Final = 999  # of settings whose index is no identity: DECT bases go to 999

_NAME = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]{0,63}")


class Topic(StrEnum):
    """What a setting is about."""

    IDENTITY = "identity"
    NETWORK = "network"
    SIP = "SIP"
    AUDIO = "audio and calls"
    LOCALE = "locale and time"
    DISPLAY = "display"
    SECURITY = "security"
    UPDATE = "update and provisioning"
    ACTIONS = "directory and actions"


class Known(NamedTuple):
    """What is known of one name.

    ``general`` settings may stand in the document that anybody may read: they hold no
    secret and say nothing about the network.  ``danger`` is a sentence, "" for none.
    """

    topic: Topic
    per_identity: bool
    general: bool
    danger: str


_NAMES: Final = {
    Topic.IDENTITY: """
        user_active user_realname user_name user_pname user_pass user_hash user_host
        user_outbound user_mailbox user_expiry user_subscription_expiry
        user_server_type user_srtp user_savp user_auth_tag user_idle_text
        user_idle_number user_dtmf_info user_symmetrical_rtp user_ice user_shared_line
        user_sipusername_as_line user_ringer user_custom user_uid user_dp_str
        user_dp_exp user_q user_failover_identity user_proxy_require user_moh
        user_media_transport_offer user_full_sdp_answer user_descr_contact
        codec_priority_list codec1_name codec2_name codec3_name codec4_name codec5_name
        codec6_name codec7_name codec_size stun_server stun_binding_interval
        keepalive_interval ring_after_delay record_missed_calls record_dialed_calls
        record_received_calls retry_after_failed_subscribe hide_identity
        mac_info_in_sip_register mc_address dnd_mode fwd_all_enabled fwd_all_target
        """,
    Topic.NETWORK: """
        dhcp dhcp_v6 ip_adr netmask gateway dns_server1 dns_server2 dns_domain
        phone_name vlan_id vlan_qos vlan_port_tagging vlan_net_id vlan_pc_id
        vlan_pc_priority lldp_enable eth_net eth_pc ethernet_replug ethernet_detect
        signaling_tos codec_tos rtp_port_start rtp_port_end rtp_keepalive syslog_server
        snmp_port snmp_trusted_addresses tcp_listen http_proxy
        dhcp_options_on_ip_aquire dhcp_options_on_inform ignore_dhcp_findings
        ieee8021x_eap_md5_username vpn_on vpn_tarball_url
        """,
    Topic.SIP: """
        network_id_port session_timer timer_support sip_retry_t1 max_forwards
        challenge_response challenge_reboot challenge_checksync filter_registrar
        user_phone subscribe_config publish_presence enable_rport_rfc3581 offer_gruu
        offer_outbound require_prack send_prack retry_after_failed_register
        subscription_delay terminate_subscribers_on_reboot call_completion
        peer_to_peer_cc privacy_in privacy_out sip_max_challenges xml_notify
        pbx_buttons csta_control dirty_host_ttl short_form encode_display_name
        """,
    Topic.AUDIO: """
        vol_handset vol_headset vol_speaker vol_ringer vol_handset_mic ring_sound
        alert_internal_ring_text alert_internal_ring_sound friends_ring_sound
        custom_melody_url mwi_notification mwi_dialtone cw_dialtone call_waiting
        intercom_enabled intercom_connect_type answer_after_policy transfer_on_hangup
        transfer_dialing_on_transfer conf_hangup auto_connect_type redirect_event
        redirect_number multicast_listen multicast_address multicast_port
        """,
    Topic.LOCALE: """
        language web_language tone_scheme timezone utc_offset dst ntp_server
        ntp_refresh_timer date_us_format time_24_format dialnumber_us_format
        edit_alpha_mode
        """,
    Topic.DISPLAY: """
        display_method backlight backlight_idle use_backlight dim_timer
        custom_bg_image_url screen_saver_timeout led_call_indicator_usage
        status_msgs_that_are_blocked logon_wizard ui_theme contrast user_xml_screen_url
        dkey_retrieve dkey_directory dkey_menu dkey_transfer dkey_hold dkey_dnd
        dkey_redial dkey_record dkey_conf dkey_help dkey_snom gui_fkey1 gui_fkey2
        gui_fkey3 gui_fkey4 idle_ok_key_action idle_left_key_action
        """,
    Topic.SECURITY: """
        http_user http_pass http_scheme http_port https_port webserver_type
        webserver_admin_name webserver_admin_password webserver_user_name
        webserver_user_password admin_mode admin_mode_login admin_mode_password
        admin_mode_password_confirm web_logout_timer use_hidden_tags
        ignore_security_warning restrict_uri_queries mb_trusted_hosts
        tls_server_authentication empty_tls_client_cert cert_provisioning_service
        keyboard_lock enable_keyboard_lock keyboard_lock_pw keyboard_lock_emergency
        """,
    Topic.UPDATE: """
        setting_server update_policy firmware_status firmware firmware_uxm
        firmware_interval settings_refresh_timer settings_cyclic_store_timer
        update_after_idle_timeout prov_polling_enabled prov_polling_mode
        prov_polling_period prov_polling_time prov_polling_time_rand_end
        prov_back_off_timer pnp_config pnp_server provisioning_order update_server
        update_host_f update_filename auto_reboot_on_setting_change http_client_user
        http_client_pass http_client_hash http_client_save_credentials http_proxy_user
        http_proxy_pass tr69_acs_url tr69_acs_user reboot_after_nr max_boot_delay
        advertisement phone_type
        """,
    Topic.ACTIONS: """
        ldap_server ldap_port ldap_base ldap_username ldap_password ldap_search_filter
        ldap_number_filter ldap_name_attributes ldap_number_attributes
        ldap_display_name ldap_over_tls action_incoming_url action_outgoing_url
        action_setup_url action_missed_url action_reg_failed action_offhook_url speed
        """,
}

# An allow list: a name that is not here, known or not, stays out of what anybody may
# read.  pnp_config and provisioning_order are missing on purpose (layers.general).
_GENERAL: Final = frozenset(
    """
    setting_server update_policy firmware_status settings_refresh_timer
    prov_polling_enabled prov_polling_mode prov_polling_period prov_polling_time
    prov_polling_time_rand_end prov_back_off_timer max_boot_delay language
    web_language tone_scheme timezone utc_offset dst ntp_server ntp_refresh_timer
    date_us_format time_24_format logon_wizard tls_server_authentication
    """.split()
)

_CLEAR = "it is kept in clear in the database and shown by every list of settings"
_LOST = "a wrong value takes phones off the network, out of this server's reach"
_ACCOUNT = "it is written from the account, and this value replaces the account's"
_LEAVES = "a wrong value makes phones ask elsewhere and never come back here"
_DANGERS: Final = {
    **dict.fromkeys(
        """
        http_pass webserver_admin_password webserver_user_password admin_mode_password
        admin_mode_password_confirm keyboard_lock_pw http_proxy_pass ldap_password
        """.split(),
        _CLEAR,
    ),
    **dict.fromkeys(
        "dhcp ip_adr netmask gateway vlan_id vlan_net_id vlan_port_tagging".split(),
        _LOST,
    ),
    **dict.fromkeys(
        "user_name user_pname user_realname user_host user_outbound".split(), _ACCOUNT
    ),
    **dict.fromkeys("setting_server provisioning_order tr69_acs_url".split(), _LEAVES),
    "user_active": "off takes the identity out of service",
    "update_policy": "never_update keeps phones from loading settings as well",
    "firmware": "a phone that has this image already loads it again at each boot",
    "settings_refresh_timer": "one value for all phones makes them ask all at once",
}

_FORBIDDEN: Final = {
    "phone_type": (
        "phone_type cannot be told to a phone: an empty or wrong one makes it ask for "
        "files no server has."
    ),
    **dict.fromkeys(
        ("user_pass", "user_hash"),
        "The SIP password belongs to the account, where it is encrypted: use "
        "bootwave account set NUMBER@DOMAIN --password-stdin.",
    ),
    **dict.fromkeys(
        ("http_client_user", "http_client_pass", "http_client_hash"),
        "Each phone gets credentials of its own with its first document: see bootwave "
        "device credentials.",
    ),
}

CATALOGUE: Final = MappingProxyType(
    {
        name: Known(
            topic, topic is Topic.IDENTITY, name in _GENERAL, _DANGERS.get(name, "")
        )
        for topic, names in _NAMES.items()
        for name in names.split()
    }
)


def is_per_identity(name: str) -> bool:
    """Whether *name* is known to be a setting of each identity."""
    known = CATALOGUE.get(name)
    return known is not None and known.per_identity


def is_general(name: str) -> bool:
    """Whether *name* may stand in a document that anybody may read."""
    known = CATALOGUE.get(name)
    return known is not None and known.general


def is_forbidden(name: str) -> bool:
    """Whether a layer may not say *name* at all."""
    return name in _FORBIDDEN


def checked_name(name: str) -> str:
    """Return *name*; raises SettingError when no layer may say it.

    A name is a letter or underscore followed by at most 63 letters, digits and
    underscores.
    """
    if not _NAME.fullmatch(name):
        raise SettingError(
            f"{name!r} is not the name of a setting: a letter or underscore, then "
            "letters, digits and underscores."
        )
    if name in _FORBIDDEN:
        raise SettingError(_FORBIDDEN[name])
    return name


def warning(name: str) -> str:
    """Return a sentence an administrator should read before *name* is used, or ""."""
    known = CATALOGUE.get(name)
    if known is None:
        meant = nearest(name, CATALOGUE)
        hint = f"; did you mean {meant}?" if meant else "."
        return f"{name} is not a setting this version knows{hint}"
    return f"{name}: {known.danger}." if known.danger else ""


def checked_permission(permission: str) -> Permission:
    """Return *permission*; raises SettingError when it is not R, RW or !."""
    for known in get_args(Permission):
        if permission == known:
            return known  # type: ignore[no-any-return]
    raise SettingError(
        f"{permission!r} is not a permission: R (users may not change it), RW (they "
        "may, until the next provisioning) or ! (they may, and theirs stays)."
    )


def checked_setting(
    name: str, value: str, index: int | None = None, permission: str = "R"
) -> tuple[Setting, str]:
    """Return the setting as it may be stored, and a warning sentence or "".

    *index* is the identity, 1 to 12, of settings that each identity has; None there
    means all identities in use (in an account's layer: the account's own).  Raises
    SettingError.
    """
    checked_name(name)
    checked_text(value, f"The value of {name}")
    if index is not None:
        least, most = (1, IDENTITIES) if is_per_identity(name) else (0, MAX_INDEX)
        if not least <= index <= most:
            raise SettingError(
                f"{name} has no index {index}: give one of {least} to {most}."
            )
    return Setting(name, value, index, checked_permission(permission)), warning(name)
