"""Legs: RTP, media streams, playout, bridging."""
