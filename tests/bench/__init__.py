"""The benchmark: the twin beside other ways to ask the same city the same questions."""
