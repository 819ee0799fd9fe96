"""`python -m duckdb_videsk` is the command `videsk`."""

from duckdb_videsk.cli import main

raise SystemExit(main())
