"""Which firmware phones shall run, as administrators say it, and its images.

Said for a scope: the engine, a domain, a group or a device.  ``precedence`` is what
roll-outs that are not over have to do with it.
"""
