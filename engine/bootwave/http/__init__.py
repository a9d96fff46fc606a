"""HTTP/1.1 around h11 and the strict layer over it: no sockets, time is an argument."""
