"""The parts of `benchmarks/year.py`: the company, the receivers, the people, the story, the ledger."""
