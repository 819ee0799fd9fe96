"""What a query costs, beside what it could cost and what other ways cost; `python -m benchmarks` runs all of it."""
