"""What phones are told beside firmware, as administrators say it.

Layers of settings and function keys, button profiles, phone books, dial plans,
languages, CA certificates, and when the fleet comes.
"""
