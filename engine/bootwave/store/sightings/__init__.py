"""What phones did: a file of sightings, and one of what each device did last.

Not in the database: a sighting slows no commit and wakes no reader.  ``writer`` writes,
``sightings`` finds, ``tail`` follows, and ``contactkeeper`` keeps ``contacts`` from it.
"""
