"""Files: packaged ones, hashes, bounds on what is read, and atomic writing."""
