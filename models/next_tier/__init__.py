"""The next-tier path: the least change of what a customer can act on that reaches the next tier.

`paths` finds it; `answer` says it. How and under which assumptions: docs/decisions/009-next-tier-path.md.
"""
