"""The control process: the one that writes, and the control socket that reaches it."""
