"""The pages for callers and agents, and their signalling, in the media process."""
