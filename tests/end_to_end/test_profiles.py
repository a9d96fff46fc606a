"""Buttons set once, as in the PBX, reach every phone that has them; so does a range."""

from xml.etree import ElementTree

from tests.end_to_end.conftest import Serving
from tests.end_to_end.program import DOMAIN, Program

PHONE, OTHER = "0004132E08B4", "0004132E08B5"
AGENT = "User-Agent: Mozilla/4.0 (compatible; snom370-SIP {} 1.1.3-u)"
SALES = ("--profile", f"sales@{DOMAIN}")


def enter(program: Program) -> None:
    """Type in two accounts with one profile, and what phones of a firmware are told."""
    for number, name, mac in (("401", "Anna", PHONE), ("402", "Bob & Co", OTHER)):
        program.command(
            *("account", "add", f"{number}@{DOMAIN}", "--name", name, "--mac", mac),
            *("--password", f"secret-{number}"),
        )
    program.command("profile", "add", DOMAIN, "sales")
    label = ("--label", "of {{display_name}}")
    program.command("keys", "set", "P1", "blf {{number}}9|*87", *label, *SALES)
    program.command("keys", "set", "P2", "speed 0", *SALES)
    program.command("settings", "set", "user_idle_text", "{{number}}", *SALES)
    program.command("profile", "assign", DOMAIN, "sales", "--numbers", "401-402")
    program.command(
        *("settings", "set", "ring_sound", "Ringer4"),
        *("--model", "snom370", "--firmware", "8.4-8.6"),
    )
    program.command("window", "open", "--domain", DOMAIN)


def told(program: Program, mac: str, firmware: str) -> tuple[dict[str, str], list[str]]:
    """Return the settings, and the labels and values of the keys, of one fetch."""
    client = program.client()
    client.ask(f"/{mac}.xml", AGENT.format(firmware))
    answer = client.answer()
    assert answer.status == 200
    root = ElementTree.fromstring(answer.body)
    settings = {one.tag: one.text or "" for one in root.findall("phone-settings/*")}
    keys = [
        f"{key.get('label')}: {key.text}" for key in root.findall("functionKeys/fkey")
    ]
    return settings, keys


def test_phones_are_told_their_profile_and_what_is_for_their_firmware(
    serving: Serving,
) -> None:
    program = serving()
    enter(program)
    server = "{}:{}".format(*program.pnp)
    for mac in (PHONE, OTHER):
        verdict = program.boot("--server", server, "--mac", mac)
        assert verdict["outcome"] == "booted", verdict
    settings, keys = told(program, PHONE, "8.4.35")
    assert settings["ring_sound"] == "Ringer4"
    assert settings["user_idle_text"] == "401"
    pickup = f"blf <sip:4019@{DOMAIN};user=phone>|*87"
    # The snom370 has twelve keys, and ten of them nobody said anything of.
    assert keys == [f"of Anna: {pickup}", ": speed 0", *[": line"] * 10]
    _settings, keys = told(program, OTHER, "8.4.35")
    assert keys[0] == f"of Bob & Co: {pickup.replace('401', '402')}"
    # With another firmware it is another document, and the one before is not lost.
    settings, keys = told(program, PHONE, "8.7.5.48")
    assert "ring_sound" not in settings
    assert keys[0] == f"of Anna: {pickup}"
    assert told(program, PHONE, "8.4.35")[0]["ring_sound"] == "Ringer4"


def test_a_changed_profile_is_told_with_the_next_fetch(serving: Serving) -> None:
    program = serving()
    enter(program)
    server = "{}:{}".format(*program.pnp)
    program.boot("--server", server, "--mac", PHONE)
    assert told(program, PHONE, "8.4.35")[1][1] == ": speed 0"
    program.command("keys", "set", "P2", "speed 1", *SALES)
    assert told(program, PHONE, "8.4.35")[1][1] == ": speed 1"
    program.command("keys", "clear", "P2", *SALES)
    assert told(program, PHONE, "8.4.35")[1][1] == ": line"
    program.command("profile", "unassign", DOMAIN, "401")
    assert told(program, PHONE, "8.4.35")[1] == [": line"] * 12
