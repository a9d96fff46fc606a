"""Schema, migrations, hot reads, the writer thread, the change log, sightings, secrets at rest."""
