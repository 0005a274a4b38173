"""Every reach into aiortc's and aioice's internals, and nothing but.

Each module here replaces one thing that aiortc does slowly, or does what it offers no
way to do. It first looks whether the thing is still what it was in the versions this
was written for, and otherwise changes nothing and says why: the caller then goes on
with plain aiortc, slower but not broken.

Verified with aiortc 1.16 and aioice 0.13.
"""

from .base import TuningError
from .checking import check_at_once
from .closing import abort
from .consent import watch_consent
from .counting import ReceiverCounter, SenderCounter, transport_bytes
from .estimating import estimate_later
from .listening import ignore_empty
from .receiving import DirectStream, MediaHandlers, receive_directly
from .refusing import refuse_malformed
from .sending import SenderFeedback, listen_to_feedback, send_directly
from .wire import Splice

__all__ = [
    "DirectStream",
    "MediaHandlers",
    "ReceiverCounter",
    "SenderCounter",
    "SenderFeedback",
    "Splice",
    "TuningError",
    "abort",
    "check_at_once",
    "estimate_later",
    "ignore_empty",
    "listen_to_feedback",
    "receive_directly",
    "refuse_malformed",
    "send_directly",
    "transport_bytes",
    "watch_consent",
]
