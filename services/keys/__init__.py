"""Who may: keys, what each of them opens, and how much of it."""
