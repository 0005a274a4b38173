"""One participant: its socket, its connections, what it sends and receives.

Knows the server's address and the log it reports to, and nothing of who watches.
"""
