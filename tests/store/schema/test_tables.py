from bootwave.store.schema import tables


def test_the_tables_of_every_topic_are_there() -> None:
    assert {
        *("domains", "profiles", "groups", "firmware_ranges"),
        *("phone_books", "dial_templates", "language_files", "rollouts"),
        *("redirection_accounts", "redirection_phones"),
    } <= set(tables.metadata.tables)
    assert all(topic.metadata is tables.metadata for topic in tables.TOPICS)
