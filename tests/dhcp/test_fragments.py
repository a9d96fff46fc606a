"""The fragments, as the servers themselves read them; end_to_end has what they do."""

import json
import re
import subprocess
from pathlib import Path

import pytest

from bootwave.dhcp.fragments import Server, fragment
from bootwave.dhcp.handout import handouts
from tests.peers.peer import require

BASES = [
    "http://10.1.2.3:8080",
    "https://pbx.example.com/a/b~c;d=e&f/tgmzw3kcm5j2ohvq4yfx6a7nuse",
    "http://[fd00::1]:8080/$p",
]
VLANS = [(None, None), (114, None), (7, 5)]


def written(server: Server, base: str, vlan: tuple[int | None, int | None]) -> str:
    return fragment(server, handouts(base, *vlan))


@pytest.mark.parametrize("base", BASES)
@pytest.mark.parametrize("vlan", VLANS)
def test_dnsmasq_reads_its_fragment(
    base: str, vlan: tuple[int | None, int | None], tmp_path: Path
) -> None:
    dnsmasq = require("dnsmasq", "dnsmasq-base")
    file = tmp_path / "snom.conf"
    file.write_text(written(Server.DNSMASQ, base, vlan))
    subprocess.run([dnsmasq, "--test", "-C", file], check=True, capture_output=True)


@pytest.mark.parametrize("base", BASES)
@pytest.mark.parametrize("vlan", VLANS)
def test_isc_dhcpd_reads_its_fragment(
    base: str, vlan: tuple[int | None, int | None], tmp_path: Path
) -> None:
    dhcpd = require("dhcpd", "isc-dhcp-server")
    file = tmp_path / "dhcpd.conf"
    file.write_text(
        written(Server.ISC, base, vlan) + "subnet 10.1.2.0 netmask 255.255.255.0 {}\n"
    )
    done = subprocess.run(
        [dhcpd, "-t", "-cf", file], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("base", BASES)
@pytest.mark.parametrize("vlan", VLANS)
def test_kea_reads_its_fragment(
    base: str, vlan: tuple[int | None, int | None], tmp_path: Path
) -> None:
    kea = require("kea-dhcp4", "kea-dhcp4-server")
    included = tmp_path / "snom.json"
    included.write_text(written(Server.KEA, base, vlan))
    file = tmp_path / "kea.json"
    file.write_text(f'{{ "Dhcp4": {{ "subnet4": [], <?include "{included}"?> }} }}')
    done = subprocess.run(
        [kea, "-t", file], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_fragment_of_kea_is_json_but_for_its_comments() -> None:
    text = written(Server.KEA, BASES[0], (114, 5))
    plain = re.sub(r"(^|\s)//.*", "", text)
    classes = json.loads("{" + plain + "}")["client-classes"]
    names = [each["name"] for each in classes]
    assert names == ["snom-m9", "snom-m3", "snom-dect", "snom-desk"]
    for at, each in enumerate(classes):
        for used in re.findall(r"member\('(.+?)'\)", each["test"]):
            assert used in names[:at]


@pytest.mark.parametrize("server", Server)
def test_comments_say_where_a_fragment_belongs(server: Server) -> None:
    first = written(server, BASES[0], (None, None)).splitlines()[0]
    assert first.lstrip("/# ").startswith("snom phones find their settings (")
