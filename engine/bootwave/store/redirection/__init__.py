"""The vendor's redirection service: our account there, and what it holds of each MAC.

``account`` is what administrators do, ``rows`` what whoever carries it out works on.
"""
