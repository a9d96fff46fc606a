"""The settings server over TLS: handshakes, and the streams that come of them.

``contexts`` makes what every handshake begins with, before the workers are forked;
``acceptor`` accepts and shakes hands; ``identity`` says whose the client certificate
is; ``stream`` is the connection afterwards, which ``server.tcp`` reads and writes like
a socket.  ``hello`` reads what a client says first.
"""
