"""Why a phone is as it is: what is stored of it, beside what was seen.

Nothing is written here.
"""
