from bootwave.store.administration import Administration


def test_an_imported_document_that_is_only_tried_defines_nothing(
    admin: Administration,
) -> None:
    admin.firmware_set(
        "engine",
        "",
        "snom370",
        "8.7.5.35",
        location="http://downloads.snom.com/a-f.bin",
    )
    exported = admin.firmware_export("engine")
    admin.firmware_unset("engine", "", "snom370")
    tried = admin.firmware_import("engine", "", exported["document"], dry_run=True)
    assert not tried["stored"]
    assert tried["added"]
    assert admin.firmware_list("engine")["definitions"] == []
    assert admin.firmware_import("engine", "", exported["document"])["stored"]
    assert len(admin.firmware_list("engine")["definitions"]) == 1
