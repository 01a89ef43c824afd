"""The page: bursts as they ring, for a team that watches. A process of its own, no database."""
