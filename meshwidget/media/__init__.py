"""Frames in, frames out: sources, encoding once, sinks. Knows no peer and no link."""
