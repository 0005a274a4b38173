"""Types that several threads use for the first time at once."""

import subprocess
import sys

RACE = """
import sys
import threading

import msgspec

from meshwidget.history.storage import _TYPES
from meshwidget.invitation import JupyterServer
from meshwidget.registration import Registration
from meshwidget.signaling.pages import PageMessage
from meshwidget.signaling.protocol import parse

sys.setswitchinterval(1e-6)
started = threading.Barrier(6)
messages = {
    "join_room": {"room": "1", "email": "alice"},
    "offer": {
        "sdp": {"type": "offer", "sdp": ""},
        "offerSendID": "a", "offerSendEmail": "alice", "offerReceiveID": "b",
    },
    "candidate": {
        "candidate": {"candidate": ""}, "candidateSendID": "a",
        "candidateReceiveID": "b",
    },
}


def use():
    started.wait()
    for event, payload in messages.items():
        parse(event, [payload])
    for each in (PageMessage, Registration, JupyterServer, *_TYPES.values()):
        try:
            msgspec.convert({}, each)
        except msgspec.ValidationError:
            pass


threads = [threading.Thread(target=use) for _ in range(6)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
"""


def test_two_calls_that_begin_at_once_do_not_end_the_kernel() -> None:
    """19 times in 20 they did, where msgspec was left to itself."""
    for _ in range(3):
        subprocess.run([sys.executable, "-c", RACE], check=True, timeout=60)
