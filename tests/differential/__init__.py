"""What the differential tests stand on: accounts, a copy of the truth made by hand, queries, comparing answers."""
