import gc
import socket
from pathlib import Path
from typing import Any

import pytest

from bootwave.control.api import installed
from bootwave.engine import local_options
from bootwave.errors import OptionError
from bootwave.options import ControlOptions, HttpOptions, Options
from bootwave.server.shared import control_addresses, open_shared


def options(tmp_path: Path, *listen: str) -> Options:
    return local_options(tmp_path).model_copy(
        update={"http": HttpOptions(listen=listen or ("127.0.0.1:0",))}
    )


def test_every_slot_has_listeners_of_its_own_on_the_same_port(tmp_path: Path) -> None:
    shared = open_shared(options(tmp_path), 3)
    try:
        ports = {one.getsockname()[1] for (one,) in shared.listeners}
        assert shared.slots == 3
        assert ports == {shared.addresses[0].port}
        assert len({one.fileno() for (one,) in shared.listeners}) == 3
    finally:
        shared.close()


def test_phones_are_sent_to_the_listener_of_all_addresses_first(tmp_path: Path) -> None:
    shared = open_shared(options(tmp_path, "127.0.0.1:0", "0.0.0.0:0", "[::1]:0"), 1)
    try:
        everywhere = next(a.port for a in shared.addresses if a.host == "0.0.0.0")
        assert shared.http_port == everywhere
    finally:
        shared.close()


def test_its_secrets_are_not_in_its_repr(tmp_path: Path) -> None:
    shared = open_shared(options(tmp_path), 1)
    try:
        assert repr(shared.nonce_secret) not in repr(shared)
        assert repr(shared.pnp_secret) not in repr(shared)
    finally:
        shared.close()


def test_without_an_ipv4_listener_phones_can_be_sent_nowhere(tmp_path: Path) -> None:
    shared = open_shared(options(tmp_path, "[::1]:0"), 1)
    try:
        assert shared.http_port == 0
    finally:
        shared.close()


def test_a_worker_keeps_its_own_slot_only(tmp_path: Path) -> None:
    shared = open_shared(options(tmp_path), 2)
    assert shared.pnp is not None
    try:
        shared.keep_slot(1)
        assert shared.listeners[0][0].fileno() == -1
        assert shared.listeners[1][0].fileno() != -1
        assert shared.pnp.unicast.fileno() == -1
    finally:
        shared.close()


def test_what_was_opened_is_closed_when_the_rest_cannot_be(tmp_path: Path) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))
        listen = f"127.0.0.1:{taken.getsockname()[1]}"
        wanted = options(tmp_path)
        wanted = wanted.model_copy(
            update={"pnp": wanted.pnp.model_copy(update={"listen": listen})}
        )
        gc.collect()  # what other tests left closes its descriptors now, not within
        before = len(list(Path("/proc/self/fd").iterdir()))
        with pytest.raises(OptionError):
            open_shared(wanted, 2)
        assert len(list(Path("/proc/self/fd").iterdir())) == before


def with_api(tmp_path: Path, **control: Any) -> Options:
    return options(tmp_path).model_copy(update={"control": ControlOptions(**control)})


def test_the_api_has_one_listener_that_no_worker_keeps(tmp_path: Path) -> None:
    shared = open_shared(with_api(tmp_path, listen="127.0.0.1:0"), 2)
    try:
        (address,) = shared.control.addresses
        assert f"control {address}" in shared.lines()
        shared.keep_slot(0)
        assert [one.fileno() for (one,) in shared.control.by_slot] == [-1]
    finally:
        shared.close()


def test_without_its_libraries_there_is_an_api_only_for_who_asks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(installed, "LIBRARIES", ("not_there",))
    by_default, asked = ControlOptions(), ControlOptions(listen="127.0.0.1:0")
    assert control_addresses(by_default, embedded=False) == []
    with pytest.raises(OptionError, match=r"install bootwave\[control\]"):
        open_shared(with_api(tmp_path, listen="127.0.0.1:0"), 1)
    monkeypatch.undo()
    assert control_addresses(by_default, embedded=False) == ["127.0.0.1:8095"]
    assert control_addresses(by_default, embedded=True) == []
    assert control_addresses(asked, embedded=True) == ["127.0.0.1:0"]
    assert control_addresses(ControlOptions(listen=""), embedded=False) == []


def test_a_certificate_of_the_api_that_cannot_be_used_is_said_at_the_start(
    tmp_path: Path,
) -> None:
    missing = (tmp_path / "none.pem",)
    wanted = with_api(tmp_path, listen="127.0.0.1:0", certificates=missing)
    with pytest.raises(OptionError, match=r"control\.certificates"):
        open_shared(wanted, 1)


def test_who_has_another_program_on_the_usual_port_is_served_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        text = f"127.0.0.1:{taken.getsockname()[1]}"
        usual = ControlOptions.model_construct(_fields_set=set(), listen=text)
        wanted = options(tmp_path).model_copy(update={"control": usual})
        shared = open_shared(wanted, 1)
        try:
            assert shared.control.addresses == []
            assert shared.addresses
        finally:
            shared.close()
        with pytest.raises(OptionError, match=r"control\.listen: another program"):
            open_shared(with_api(tmp_path, listen=text), 1)
