"""What a team calls its specs: names with versions that never change."""
