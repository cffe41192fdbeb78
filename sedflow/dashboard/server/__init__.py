"""The server: what visitors can reach, their limits and turns, and its processes."""
