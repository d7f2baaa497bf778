"""One file for each group of routes. A route reads a request and says it in services' words."""
