"""`make run`, `make web`, `make test`: environment, embedded services and processes, without Django."""
