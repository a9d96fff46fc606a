"""The rows the engine knows: domains, accounts, devices, bindings, windows.

Plain frozen records: the store makes them, pairing decides by them, settings writes
documents from them.
"""
