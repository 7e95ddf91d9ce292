"""From text to meaning; pure."""
