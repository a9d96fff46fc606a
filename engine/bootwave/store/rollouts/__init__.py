"""Roll-outs: live phones told stage by stage to fetch again, or to load a firmware.

    rollouts (chosen, stored) ──► steps (several a second) ──► errands (one NOTIFY each)

What administrators do stands in ``rollouts``; ``steps`` carries out what is stored, so
that a roll-out goes on after a restart.
"""
