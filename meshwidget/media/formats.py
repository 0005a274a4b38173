"""The one media format of a call: what every source gives and every encoder takes."""

from fractions import Fraction

VIDEO_WIDTH = 240
"""Pixels. The seed's own ``getUserMedia`` request, and small enough for many tiles."""
VIDEO_HEIGHT = 240
"""Pixels."""
VIDEO_FRAME_RATE = 30
"""Frames a second, at most; a file may have fewer."""
VIDEO_CLOCK_RATE = 90_000
"""Hz. The RTP clock of every video payload format (RFC 7741, section 4.1, for VP8)."""
VIDEO_TIME_BASE = Fraction(1, VIDEO_CLOCK_RATE)

AUDIO_SAMPLE_RATE = 48_000
"""Hz. The RTP clock of opus, whatever the sound's own rate (RFC 7587, section 4.1)."""
AUDIO_FRAME_SAMPLES = 960
"""Samples in one frame: 20 ms, one opus packet."""
AUDIO_TIME_BASE = Fraction(1, AUDIO_SAMPLE_RATE)

CLOCK_RATES = {"video": VIDEO_CLOCK_RATE, "audio": AUDIO_SAMPLE_RATE}
"""Hz. RTP's, by kind."""
