"""One tree of migrations for both databases; files are named by date and subject."""
