from alembic.config import Config
from alembic.script import ScriptDirectory

from bootwave.store.revisions import HEAD, REVISIONS


def test_the_revisions_are_those_of_the_migration_scripts() -> None:
    options = Config()
    options.set_main_option("script_location", "bootwave.store:migrations")
    scripts = ScriptDirectory.from_config(options)
    oldest_first = [script.revision for script in scripts.walk_revisions()][::-1]
    assert tuple(oldest_first) == REVISIONS
    assert scripts.get_current_head() == HEAD
