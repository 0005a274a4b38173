"""What a mesh costs on this machine: ``python -m meshwidget.benchmark``.

It runs plain aiortc (``Mesh(tuned=False)``, called *naive* here) and the mesh as it
comes (*ours*) in alternation, each run in a process of its own, and compares them.

Nothing here is imported by the rest of the package, and only ``child.py`` makes calls:
everything else is arithmetic, text and the running of that child.
"""
