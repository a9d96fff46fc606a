"""Where options come from, and the sentences that say what is wrong."""

from pathlib import Path

import pytest

from bootwave.errors import OptionError
from bootwave.optionsfile import inspect, load, locate


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "bootwave.toml"


def sentence(file: Path, text: str, **environ: str) -> str:
    file.write_text(text)
    with pytest.raises(OptionError) as caught:
        load(file, environ)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_a_variable_beats_the_file_and_the_file_beats_the_default(file: Path) -> None:
    file.write_text(
        '[server]\nworkers = 4\n[http]\nlisten = ["127.0.0.1:80"]\nurl = ""\n'
    )
    loaded = load(file, {"BOOTWAVE_SERVER__WORKERS": "0", "PATH": "/bin"})
    assert loaded.options.server.workers == 0
    assert loaded.options.http.listen == ("127.0.0.1:80",)
    assert loaded.options.pnp.group == "224.0.1.75"
    assert loaded.origins["server.workers"] == "BOOTWAVE_SERVER__WORKERS"
    assert loaded.origins["http.listen"] == str(file)
    assert loaded.origins["http.url"] == str(file)
    assert loaded.origins["pnp.group"] == "default"


def test_lists_are_separated_by_commas_in_a_variable(file: Path) -> None:
    file.write_text("")
    environ = {
        "BOOTWAVE_HTTP__LISTEN": "127.0.0.1:1, [::1]:2,",
        "BOOTWAVE_PNP__INTERFACES": "",
    }
    options = load(file, environ).options
    assert options.http.listen == ("127.0.0.1:1", "[::1]:2")
    assert options.pnp.interfaces == ()


def test_one_text_stands_for_a_list_of_one_in_the_file(file: Path) -> None:
    file.write_text('[http]\nlisten = "127.0.0.1:80"\n')
    assert load(file, {}).options.http.listen == ("127.0.0.1:80",)


@pytest.mark.parametrize("word", ["false", "off", "no", "0"])
def test_a_switch_understands_the_usual_words(file: Path, word: str) -> None:
    file.write_text("")
    assert not load(file, {"BOOTWAVE_PNP__ENABLED": word}).options.pnp.enabled


def test_paths_of_the_store_count_from_the_file(file: Path) -> None:
    file.write_text('[store]\ndatabase = "d/x.db"\nkey = "/etc/bootwave.key"\n')
    store = load(file, {"BOOTWAVE_STORE__SIGHTINGS": "s.db"}).options.store
    assert store.database == file.parent / "d/x.db"
    assert store.key == Path("/etc/bootwave.key")
    assert store.sightings == file.parent / "s.db"
    assert store.control_socket == file.parent / "control.sock"


def test_an_unknown_key_names_the_nearest_known_one(file: Path) -> None:
    text = sentence(file, "[http]\nlisen = []\n")
    assert text == (
        f"There is no option http.lisen, which {file} sets; did you mean http.listen?"
    )
    assert "did you mean server.workers?" in sentence(file, "[http]\nworkers = 1\n")
    proxy = sentence(file, "[http]\nproxy_protocoll = []\n")
    assert "did you mean http.proxy_protocol?" in proxy
    assert "did you mean [pnp]?" in sentence(file, "[pnpp]\nenabled = true\n")
    assert "did you mean server.workers?" in sentence(file, "workers = 1\n")
    assert "must be a section, written [http]" in sentence(file, "http = 1\n")


def test_an_unknown_variable_names_the_nearest_known_one(file: Path) -> None:
    text = sentence(file, "", BOOTWAVE_HTTP__LISTN="x")
    assert text == (
        "The variable BOOTWAVE_HTTP__LISTN names no option; "
        "did you mean BOOTWAVE_HTTP__LISTEN?"
    )
    assert "BOOTWAVE_PNP__URL?" in sentence(file, "", BOOTWAVE_pnp__url="x")
    assert "mean BOOTWAVE_OPTIONS?" in sentence(file, "", BOOTWAVE_OPTION="x")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            '[server]\nworkers = "two"\n',
            'server.workers = "two" in {} must be a whole number from 0 to 64.',
        ),
        (
            "[server]\nworkers = true\n",
            "server.workers = true in {} must be a whole number from 0 to 64.",
        ),
        (
            "[server]\nworkers = 65\n",
            "server.workers = 65 in {} must be a whole number from 0 to 64.",
        ),
        (
            '[pnp]\nbind = "all"\n',
            'pnp.bind = "all" in {} must be one of any, group.',
        ),
        (
            '[http]\nlisten = ["127.0.0.1:80", "8080"]\n',
            'http.listen = ["127.0.0.1:80", "8080"] in {} must be a numeric address '
            "and a port, such as 0.0.0.0:8080 or [::]:8080.",
        ),
        (
            '[http]\nproxy_protocol = ["10.0.0.1/8"]\n',
            'http.proxy_protocol = ["10.0.0.1/8"] in {} must be addresses or subnets, '
            "such as 192.0.2.1 or 192.0.2.0/24, with no bit set behind the length.",
        ),
        (
            "[pairing]\nwindow_minutes = nan\n",
            "pairing.window_minutes = nan in {} must be a number above 0, "
            "at most 1440.",
        ),
        (
            "[http]\nurl = 1979-05-27\n",
            "http.url = 1979-05-27 in {} must be text.",
        ),
    ],
)
def test_a_wrong_value_is_named_with_its_key_and_its_source(
    file: Path, text: str, expected: str
) -> None:
    assert sentence(file, text) == expected.format(file)


@pytest.mark.parametrize(
    "url",
    [
        "http://user:s3cret@pbx",
        "https://s3cret@pbx/{mac}",
        "user:s3cret@x:y@pbx",
        "http://user:my s3cret@pbx",
        "http:/user:s3cret@pbx",
        "user:s3cret/word@pbx",
        f"http://user:s3cret{'x' * 80}@pbx",
    ],
)
def test_a_password_in_a_url_that_is_refused_is_not_repeated(
    file: Path, url: str
) -> None:
    for kind in ('"{}"', '["{}"]', '{{ a = "{}" }}'):
        said = sentence(file, f"[http]\nurl = {kind.format(url)}\n")
        assert said.startswith("http.url = ")
        assert "********@pbx" in said
        assert "s3cret" not in said
    said = sentence(file, "", BOOTWAVE_PNP__URL=url)
    assert said.startswith('pnp.url = "********@pbx')
    assert "s3cret" not in said


@pytest.mark.parametrize("option", ["firmware.hosts", "http.listen"])
def test_nor_is_one_in_a_list(file: Path, option: str) -> None:
    section, _, key = option.partition(".")
    for urls in ('["http://user:s3cret@pbx/"]', '["s3cret", "a@pbx"]'):
        said = sentence(file, f"[{section}]\n{key} = {urls}\n")
        assert said.startswith(f'{option} = "********@pbx')
        assert "s3cret" not in said
    # A comma in a password is one between members of a list.
    variable = {f"BOOTWAVE_{section}__{key}".upper(): "http://u:s3cret,word@pbx"}
    said = sentence(file, "", **variable)
    assert said.startswith(f'{option} = "********@pbx')
    assert "s3cret" not in said


def test_a_wrong_variable_is_named_as_the_source(file: Path) -> None:
    assert sentence(file, "", BOOTWAVE_CACHE__BYTES="1 GB") == (
        'cache.bytes = "1 GB" in BOOTWAVE_CACHE__BYTES must be a whole number '
        "from 0 to 1099511627776."
    )


def test_several_problems_are_counted_in_one_sentence(file: Path) -> None:
    text = sentence(file, "[server]\nworkers = 99\nx = 1\n[cache]\nbytes = -1\n")
    assert text.startswith("There is no option server.x")
    assert text.endswith(" (and 2 more: bootwave options check).")


def test_an_inspection_reports_every_problem_and_keeps_the_rest(file: Path) -> None:
    file.write_text('[server]\nworkers = 99\n[pnp]\nlisten = "x"\noff_subnet = true\n')
    found = inspect(file, {"BOOTWAVE_CACHE__BYTES": "-1", "BOOTWAVE_NONE": "1"})
    assert {problem.key for problem in found.problems} == {
        "server.workers",
        "pnp.listen",
        "cache.bytes",
        "BOOTWAVE_NONE",
    }
    assert found.options.server.workers == 2
    assert found.options.pnp.off_subnet
    assert found.written["server.workers"] == 99


def test_options_that_contradict_each_other_are_a_problem(file: Path) -> None:
    assert sentence(file, '[store]\ndatabase = "a"\nsightings = "a"\n') == (
        "store.database and store.sightings are the same file."
    )


def test_a_section_that_comes_twice_is_put_together(file: Path) -> None:
    assert sentence(file, "[https]\n\n[log]\n[https]\n") == (
        f"{file} has [https] a second time in line 4: put its lines below the first "
        "[https]."
    )
    again = sentence(file, "[https.legacy]\n[https.legacy]\n")
    assert "has [https.legacy] a second time in line 2" in again


def test_a_file_that_cannot_be_read_is_one_sentence(file: Path) -> None:
    assert "is not TOML" in sentence(file, "[server\n")
    file.write_bytes(b"\xff\xfe")
    with pytest.raises(OptionError, match="is not TOML"):
        load(file, {})
    file.write_text("#" * 1024 * 1025)
    with pytest.raises(OptionError, match="is larger than"):
        load(file, {})
    with pytest.raises(OptionError, match="bootwave init makes one"):
        load(file.parent / "none.toml", {})
    with pytest.raises(OptionError, match="is a directory: name the file, such as"):
        load(file.parent, {})


def test_a_socket_path_that_no_kernel_takes_is_refused(file: Path) -> None:
    text = sentence(file, f'[store]\ncontrol_socket = "{"x" * 200}"\n')
    assert "longer than the 107 bytes a Unix socket may have" in text


def test_the_file_is_named_by_argument_variable_or_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert locate(None, {}) is None
    (tmp_path / "bootwave.toml").write_text("")
    assert locate(None, {}) == tmp_path / "bootwave.toml"
    assert locate(None, {"BOOTWAVE_OPTIONS": "b.toml"}) == tmp_path / "b.toml"
    assert locate(Path("c.toml"), {"BOOTWAVE_OPTIONS": "b"}) == tmp_path / "c.toml"


def test_without_a_file_defaults_hold_from_the_current_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    loaded = load(None, {})
    assert loaded.path is None
    assert loaded.options.store.database == tmp_path / "bootwave.db"
    assert set(loaded.origins.values()) == {"default"}


def test_loading_again_reads_the_same_file_anew(file: Path) -> None:
    file.write_text("[server]\nworkers = 1\n")
    loaded = load(file, {"BOOTWAVE_CACHE__BYTES": "5"})
    file.write_text("[server]\nworkers = 3\n")
    again = loaded.again()
    assert again.options.server.workers == 3
    assert again.options.cache.bytes == 5
