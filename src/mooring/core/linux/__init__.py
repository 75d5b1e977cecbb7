"""Host networking as values: facts and plans, what is seen, what drifted, and the bytes for it."""
