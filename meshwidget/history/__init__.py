"""Readings of a log: what was, what is missing, and what it means, in words.

Everything here is pure: events go in; moments, texts and files' contents come out. No
clock, no event loop, no network, no media.
"""
