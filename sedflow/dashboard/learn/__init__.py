"""The lessons, a folder each: what it computes, and how it looks."""
