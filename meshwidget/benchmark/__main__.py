"""The door for ``python -m meshwidget.benchmark``."""

from .command import main

raise SystemExit(main())
