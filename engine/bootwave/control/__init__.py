"""The control process: the one that writes, and the control socket that reaches it.

A command opens a ``Session`` and calls operations.  When an engine is alive they
travel to it through the control socket (``ControlClient``, ``ControlServer``), so
that it learns of a change before the command ends; else they are run on the store
directly.  ``operations`` is the list of them, the same either way.
"""
