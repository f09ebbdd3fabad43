"""Numbers and texts for a reader: curves in bounded memory, differences of texts, intervals. Numpy only."""
