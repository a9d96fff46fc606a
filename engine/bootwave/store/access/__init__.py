"""Who may use the API of administrators, and what opens it.

Administrators and their sessions, the tokens of programs, and the keys that make it
safe to ask for a change twice.  Of what opens the API only hashes are stored.
"""
