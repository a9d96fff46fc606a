"""What ``dhcp render`` writes, handed out by real servers to phones that boot by it."""

import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from bootwave.dhcp.fragments import Server, fragment
from bootwave.dhcp.handout import handouts
from tests.end_to_end.conftest import LANES, Serving
from tests.end_to_end.dhcpclient import Lease, leased, text
from tests.end_to_end.program import DOMAIN, PATIENCE, Program, wait_until
from tests.namespaces import Machine, in_namespace, ip
from tests.peers.peer import require

HERE = "10.9.0.1"
BASE = f"http://{HERE}:8080"
DESK, BASE_STATION = "0004132E08B4", "000413611234"


def kea(part: Path, home: Path) -> list[str]:
    file = home / "kea.json"
    file.write_text(
        '{ "Dhcp4": { "interfaces-config": { "interfaces": [ "lan0" ] },'
        ' "lease-database": { "type": "memfile", "persist": false },'
        ' "subnet4": [ { "subnet": "10.9.0.0/24",'
        ' "pools": [ { "pool": "10.9.0.100 - 10.9.0.200" } ] } ],'
        f' <?include "{part}"?> }} }}'
    )
    return [require("kea-dhcp4", "kea-dhcp4-server"), "-c", str(file)]


def isc(part: Path, home: Path) -> list[str]:
    file = home / "dhcpd.conf"
    file.write_text(
        f'authoritative;\nping-check false;\ninclude "{part}";\n'
        "subnet 10.9.0.0 netmask 255.255.255.0 { range 10.9.0.100 10.9.0.200; }\n"
    )
    leases = home / "leases"
    leases.touch()
    paths = ["-cf", str(file), "-lf", str(leases), "-pf", str(home / "pid")]
    return [require("dhcpd", "isc-dhcp-server"), "-f", "-d", *paths, "lan0"]


def dnsmasq(part: Path, home: Path) -> list[str]:
    return [
        require("dnsmasq", "dnsmasq-base"),
        *("--no-daemon", "--port=0", "--user=root", "--interface=lan0"),
        *("--dhcp-authoritative", "--no-ping", "--dhcp-range=10.9.0.100,10.9.0.200"),
        *(f"--dhcp-leasefile={home / 'leases'}", f"--conf-file={part}"),
    ]


SERVERS = {"kea": kea, "isc": isc, "dnsmasq": dnsmasq}


@contextmanager
def handing_out(server: str, written: str, home: Path) -> Iterator[None]:
    """Have *server* run with *fragment* for as long as the context lasts."""
    file = home / f"{server}.fragment"
    file.write_text(written)
    command = SERVERS[server](file, home)
    with (home / f"{server}.txt").open("wb") as said:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=said,
            env={"KEA_PIDFILE_DIR": str(home), "KEA_LOCKFILE_DIR": str(home)},
        )
        try:
            yield
        except BaseException:
            print((home / f"{server}.txt").read_text()[-4000:])
            raise
        finally:
            process.terminate()
            process.wait(PATIENCE)


def lan() -> tuple[Machine, socket.socket]:
    """Make the LAN; return the phones' machine and its socket for DHCP."""
    machine = Machine()
    machine.plug("lan0", "eth0", "10.9.0.2/24")
    ip(f"addr add {HERE}/24 dev lan0")
    ip("link set lan0 up")
    wait_until(lambda: "LOWER_UP" in shown("link show lan0"), "the LAN is up")
    with machine.entered():
        end = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        end.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
        end.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, b"eth0\0")
        end.bind(("0.0.0.0", 68))
    return machine, end


def shown(command: str) -> str:
    """Return what a command of ip(8) prints."""
    done = subprocess.run(["ip", *command.split()], check=True, capture_output=True)
    return done.stdout.decode()


def moved(machine: Machine, lease: Lease) -> None:
    """Give the phones' machine the address that was leased, and no other."""
    with machine.entered():
        ip("addr flush dev eth0")
        ip(f"addr add {lease.address}/24 dev eth0")


def boots(program: Program, machine: Machine, *arguments: str) -> None:
    """Boot a simulated phone on *machine*."""
    with machine.entered():
        done = program.run("phone", "boot", *arguments)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("lane", LANES[:1])  # what is fetched is tested elsewhere
@pytest.mark.parametrize("server", SERVERS)
def test_phones_boot_by_the_options_that_a_server_hands_out(
    server: str, programs: Serving, tmp_path: Path
) -> None:
    def run() -> None:
        machine, end = lan()
        with end:
            program = programs(PNP__ENABLED="false", HTTP__LISTEN=f"{HERE}:8080")
            try:
                served(program.start(), machine, end)
            finally:
                program.clean_up()

    def served(program: Program, machine: Machine, end: socket.socket) -> None:
        program.import_accounts({"401": DESK, "402": BASE_STATION}, minutes=10)
        token = program.command("domain", "token", "make", DOMAIN, "--required")
        name = token["token"]
        render = ("dhcp", "render", "--server", server, "--domain", DOMAIN)
        vlan = ("--vlan", "114", "--vlan-priority", "5")
        written = program.run(*render, *vlan).stdout
        with handing_out(server, written, tmp_path):
            told = leased(end, DESK, vendor_class="snom370")
            assert text(told.options[66]) == BASE
            assert text(told.options[67]) == f"{name}/{{mac}}.xml"
            assert (told.options[132], told.options[133]) == (b"114", b"5")
            assert told.encapsulated == {
                66: BASE.encode() + b"\0",
                67: f"{name}/{{mac}}.xml\0".encode(),
                132: b"114\0",
                133: b"5\0",
            }
            old = told._replace(options={**told.options, 43: b""})
            assert old.url == told.url == f"{BASE}/{name}/{{mac}}.xml"
            moved(machine, told)
            boots(program, machine, "--mac", DESK, "--url", told.url)

            told = leased(end, BASE_STATION, vendor_class="snomM700")
            assert told.url == f"{BASE}/{name}/"
            assert not {43, 67, 132, 133} & set(told.options)
            moved(machine, told)
            base = ("--model", "snomM700", "--firmware", "03.23.0005")
            boots(program, machine, "--mac", BASE_STATION, *base, "--url", told.url)

            told = leased(end, "000413321234", vendor_class="snomMP")
            assert told.url == f"{BASE}/{name}/{{mac}}.xml"
            told = leased(end, "000413301234", host_name="snom-m9")
            assert told.url == f"{BASE}/{name}/snomm9-{{mac}}.htm"
            told = leased(end, "0004132A1234", vendor_class="snom-m3-SIP")
            assert told.url == f"{BASE}/{name}/"
            for vendor_class in ("", "yealink", "udhcp 1.30"):
                told = leased(end, "805E0C112233", vendor_class=vendor_class)
                assert not {43, 66, 67, 132, 133} & set(told.options)

    in_namespace(run)


@pytest.mark.parametrize("server", SERVERS)
def test_a_vlan_of_one_digit_is_told_in_digits(server: str, tmp_path: Path) -> None:
    written = fragment(Server(server), handouts(BASE, 7, 0))

    def run() -> None:
        _machine, end = lan()
        with end, handing_out(server, written, tmp_path):
            told = leased(end, DESK, vendor_class="snomD785")
            assert (told.options[132], told.options[133]) == (b"7", b"0")
            assert told.url == f"{BASE}/{{mac}}.xml"

    in_namespace(run)
