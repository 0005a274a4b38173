"""What a call is like: frames, bits, losses and delays of each directed link.

Plain values and what is computed from them, in the names and units of webrtc-stats
(https://www.w3.org/TR/webrtc-stats/). Pure: nothing here knows a connection, a loop or
a clock; readings are given, with their times.
"""

from .link import LinkStats
from .table import StatsTable

__all__ = ["LinkStats", "StatsTable"]
