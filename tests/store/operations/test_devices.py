from bootwave.store.administration import Administration
from tests.store.listed import notes_of

MAC = "0004132E08B4"


def test_a_document_that_was_shown_to_somebody_is_in_the_audit_log(
    admin: Administration,
) -> None:
    admin.domain_add("a.example.com")
    admin.account_add("401@a.example.com", password="hunter2", mac=MAC)
    admin.actor = "anna"
    admin.document_revealed("00:04:13:2e:08:b4")
    (newest, *_) = notes_of(admin)
    assert (newest["actor"], newest["subject"]) == ("anna", MAC)


def test_a_certificate_is_blocked_until_it_is_not(admin: Administration) -> None:
    admin.certificate_block(serial="0a1b", reason="lost")
    assert len(admin.certificate_list()) == 1
    admin.certificate_unblock(serial="0A1B")
    assert admin.certificate_list() == []
