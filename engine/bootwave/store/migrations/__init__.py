"""Alembic's scripts: how the schema of one version becomes that of the next."""
