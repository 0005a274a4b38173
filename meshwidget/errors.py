"""Every exception that meshwidget raises on purpose.

::

    MeshError
    ├── MeshClosedError        the mesh is closed; make a new one
    ├── RoomFullError          max_peers are in the room
    ├── DuplicateNameError     that name is in the room already
    ├── InvalidNameError       empty, too long, or not printable
    ├── UnknownPeerError       nobody of that name is in the call
    ├── MeshTimeoutError       also a TimeoutError; names what did not happen
    ├── SourceError            a file, camera, function or track that cannot be read
    ├── NoAddressError         no network address that ICE could use
    ├── SignalingError         the signaling server refused a message; has a code
    ├── ProtocolError          a message breaks the wire protocol; has a code
    ├── SteppingError          nothing to step, or that message is not pending any more
    ├── EditError              an edit that the message cannot take
    ├── FaultError             a fault that a view's menu asks for and that cannot be
    ├── MissingExtraError      a part that is installed on its own is not
    ├── SessionFileError       a saved session that cannot be read
    └── NestedLoopError        an event loop cannot be entered from here

Each message is a sentence that names the peer or the value, and the way out.
"""


class MeshError(Exception):
    """Base of all errors of this package."""


class MeshClosedError(MeshError):
    """The mesh was closed, so there is no call to act on."""


class RoomFullError(MeshError):
    """The room holds ``max_peers`` participants already."""


class DuplicateNameError(MeshError):
    """A participant of that name is in the room already."""


class InvalidNameError(MeshError):
    """A name that is empty, too long, reserved, or has unprintable characters."""


class UnknownPeerError(MeshError):
    """Nobody of that name is in the call."""


class MeshTimeoutError(MeshError, TimeoutError):
    """Something did not happen in time; the message says what, and why."""


class SourceError(MeshError):
    """A picture or sound source cannot be read."""


class NoAddressError(MeshError):
    """ICE gathered no host candidate: the machine offers no usable address."""


class SignalingError(MeshError):
    """The signaling server refused a message.

    Attributes
    ----------
    code : str
        The server's word for the reason, for instance ``"unknown_target"``.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class ProtocolError(MeshError):
    """A message that breaks the wire protocol.

    Attributes
    ----------
    code : str
        A short word for programs, for instance ``"invalid_payload"``.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class SteppingError(MeshError):
    """There is no such message to deliver, drop or change."""


class EditError(MeshError):
    """A message cannot be changed like that."""


class FaultError(MeshError):
    """A fault cannot be put like that, or not any more."""


class SessionFileError(MeshError):
    """A saved session cannot be read; the message names the file and the line."""


class MissingExtraError(MeshError):
    """Something needs a library that is not installed; the message says how to."""


class NestedLoopError(MeshError):
    """An event loop cannot be entered from here."""
