"""What the bot does next; pure."""
