"""SIP plug and play (RFC 3261, 6665, 6080): wire format and state machines, pure.

A ``Message`` comes in as a datagram from an ``Endpoint``, heard at a ``Local``.
``PnpCore`` turns it into effects, which go out: ``SendDatagram`` to the phone,
``LookUp`` to whoever knows the settings URL (it comes back by ``answer()``), ``Sight``
to the time-line.  No sockets here, and time is an argument.
"""
