"""From audio frames to transcribed turns."""
