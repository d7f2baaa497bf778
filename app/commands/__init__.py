"""What an operator can say: ``python -m app COMMAND``."""
