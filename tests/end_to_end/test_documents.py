"""What an administrator typed in is what the phone reads."""

from xml.etree import ElementTree

from tests.end_to_end.conftest import Serving
from tests.end_to_end.program import DOMAIN, Program

PHONE = "0004132E08B4"
NAME = '"Änne & Söhne" <Köln> \U0001f98a'
OTHER_NAME = "Empfang ]]> 'Ost' &amp;"
PASSWORD = "p&<1>\"'ß€\U0001f511"
MAILBOX = "8401"
URLS = ("setting_server", "firmware_status")
# What is typed for each key, its label, and what the phone is told.
KEYS = {
    "P1": ("line", "", "line"),
    "P2": (
        "blf 402|*87",
        "A & B <C>",
        f"blf <sip:402@{DOMAIN};user=phone>|*87",
    ),
    "P3": ("dest 403", 'says "hi"', f"dest <sip:403@{DOMAIN};user=phone>"),
    "P4": ("speed 0049301234567", "Müller-Lüdenscheidt", "speed 0049301234567"),
    "P5": ("orbit 701", "'", "orbit 701"),
    "P6": ("keyevent F_REDIAL", "\U0001f501", "keyevent F_REDIAL"),
    "P7": (
        "url http://pbx.example.com/x?a=1&b=<2>",
        "&lt;",
        "url http://pbx.example.com/x?a=1&b=<2>",
    ),
    "P8": (
        "xml <initialization><state value='off'/></initialization>",
        "]]>",
        "xml <initialization><state value='off'/></initialization>",
    ),
    "P9": ("icom 405", "日本", f"icom <sip:405@{DOMAIN};user=phone>"),
    "P10": ("dtmf *9&1", "DTMF", "dtmf *9&1"),
    "P11": ("button", "  inner  blanks ", "button"),
    "P12": ("none", "", "none"),
}


def enter(program: Program) -> None:
    """Type everything in by the command line."""
    program.command(
        *("account", "add", f"401@{DOMAIN}", "--name", NAME, "--mac", PHONE),
        *("--mailbox", MAILBOX, "--password-stdin"),
        stdin=PASSWORD + "\n",
    )
    program.command(
        *("account", "add", f"402@{DOMAIN}", "--name", OTHER_NAME, "--mac", PHONE),
        *("--password", "plain", "--auth-user", "auth & 402"),
    )
    for key, (value, label, _) in KEYS.items():
        program.command("keys", "set", key, value, "--label", label, "--device", PHONE)
    program.command("window", "open", f"401@{DOMAIN}", f"402@{DOMAIN}")


def test_a_document_parses_to_exactly_what_was_entered(serving: Serving) -> None:
    program = serving()
    enter(program)
    verdict = program.boot("--server", "{}:{}".format(*program.pnp), "--mac", PHONE)
    assert verdict["outcome"] == "booted", verdict
    assert verdict["identities"] == [f"401@{DOMAIN}", f"402@{DOMAIN}"]
    root = ElementTree.fromstring(program.get(f"/{PHONE}.xml").body)
    told = {
        (setting.tag, setting.get("idx")): setting.text or ""
        for setting in root.findall("phone-settings/*")
    }
    accounts = {one["account"]: one for one in program.command("account", "list")}
    expected = {
        "1": (f"401@{DOMAIN}", NAME, "401", PASSWORD, MAILBOX),
        "2": (f"402@{DOMAIN}", OTHER_NAME, "auth & 402", "plain", ""),
    }
    for idx, (account, name, user, password, mailbox) in expected.items():
        assert accounts[account]["name"] == name
        assert told["user_active", idx] == "on"
        assert told["user_realname", idx] == name
        assert told["user_name", idx] == account.partition("@")[0]
        assert told["user_pname", idx] == user
        assert told["user_pass", idx] == password
        assert told["user_mailbox", idx] == mailbox
        assert told["user_host", idx] == DOMAIN
    for number in range(3, 13):
        assert told["user_active", str(number)] == "off"
        assert ("user_pass", str(number)) not in told
    keys = {key.get("idx"): key for key in root.findall("functionKeys/fkey")}
    assert len(keys) == len(KEYS) == 12
    listed = program.command("keys", "list", "--device", PHONE)
    for stored, (name, (value, label, phones)) in zip(
        listed, KEYS.items(), strict=True
    ):
        key = keys[str(int(name[1:]) - 1)]
        assert stored["value"] == value
        assert stored["label"] == label
        assert key.text == phones
        assert key.get("label") == label


def test_the_document_command_prints_what_the_phone_gets(serving: Serving) -> None:
    program = serving()
    enter(program)
    # By its name, for the command knows the model by its MAC.
    fetched = program.get(f"/snom370-{PHONE}.xml").body.decode()
    shown = program.run("document", PHONE, "--reveal").stdout
    # The command does not know which address the phone will connect to.
    mine, theirs = (
        [
            (each.tag, each.get("idx"), each.text)
            for each in ElementTree.fromstring(text).iter()
            if each.tag not in (*URLS, "settings", "phone-settings")
        ]
        for text in (shown, fetched)
    )
    assert mine == theirs
    assert PASSWORD not in program.run("document", PHONE).stdout
