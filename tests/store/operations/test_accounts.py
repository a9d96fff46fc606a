from bootwave.store.administration import Administration
from tests.store.listed import windows_of

ACCOUNT = "401@a.example.com"


def test_what_is_not_given_stays_as_it_is(admin: Administration) -> None:
    admin.domain_add("a.example.com")
    admin.account_add(ACCOUNT, password="hunter2", name="Desk", mailbox="4010")
    admin.account_set(ACCOUNT, name="Lobby")
    shown = admin.account_show(ACCOUNT)
    assert (shown["name"], shown["mailbox"]) == ("Lobby", "4010")


def test_a_window_of_an_account_ends_with_its_close(admin: Administration) -> None:
    admin.domain_add("a.example.com")
    admin.account_add(ACCOUNT, password="hunter2", mac="0004132E08B4")
    admin.window_open([ACCOUNT], minutes=5)
    assert len(windows_of(admin)) == 1
    admin.window_close([ACCOUNT])
    assert windows_of(admin) == []
