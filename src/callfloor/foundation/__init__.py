"""What every domain stands on: settings, database, jobs, outbox, files, clock, errors, logging; it knows no domain."""
