"""Domains and what is in them: accounts, devices, who is bound to what, windows.

A device comes into a domain by its first binding and is in one at a time (``claims``);
an account is open to who has no proof while its window is.
"""
