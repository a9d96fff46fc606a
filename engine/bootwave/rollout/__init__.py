"""Waves of live phones: who is told to fetch its settings again, when, and what then.

A ``Plan`` says how fast, in which stages and within which hours.  A ``Course`` is how
far a roll-out of it is: time goes in, and which phones are to be told now comes out;
what they answered and that they came back goes in again.  A ``Notifier`` tells them by
SIP: datagrams and time in, effects out.  The simulator of booting phones is ``wave``.
"""
