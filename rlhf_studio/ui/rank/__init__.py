"""The parts of the Rank tab: the order being made, the answers, and the sets that wait."""
