"""Run migrations on the connection that ``store.create`` hands over.

There is no alembic.ini and no database address here: ``create`` owns the connection
and its transaction, so that an upgrade killed halfway leaves the old schema.
"""

from alembic import context

from bootwave.store.schema.tables import metadata

connection = context.config.attributes["connection"]
context.configure(
    connection=connection,
    target_metadata=metadata,
    transactional_ddl=True,  # SQLite's is, though Alembic assumes otherwise
    render_as_batch=True,  # SQLite alters a table by copying it
)
context.run_migrations()
