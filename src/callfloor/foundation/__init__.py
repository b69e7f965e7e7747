"""What every domain stands on: settings, database, jobs, outbox, files, clock, ids, errors, logging; it knows no domain."""
