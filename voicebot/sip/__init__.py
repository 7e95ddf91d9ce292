"""The SIP user agent: decisions without I/O, and one thin transport."""
