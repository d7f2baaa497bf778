"""What makes chunks: threads of this process, worker processes, other machines."""
