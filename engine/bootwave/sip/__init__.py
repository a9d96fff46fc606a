"""SIP wire format and the PnP state machines (RFC 3261, 6665, 6080): no sockets, time is an argument."""
