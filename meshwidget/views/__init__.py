"""Pictures of a call: of its log and of its frames. No call logic.

From the inside out: ``stream`` (flow control) and ``tiles`` (words) are pure,
``messages`` is what a page may say, ``reading`` is one look at a call, ``session``
feeds the pages of one view, ``widget`` is what the notebook sees. Only ``widget``
imports ipywidgets.
"""
