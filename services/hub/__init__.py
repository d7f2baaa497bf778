"""The Hugging Face Hub: what it has, who may read it, and how its files come here."""
