"""The programs, judged from outside: real processes, real sockets."""
