"""Audio in, words with times out: a plain library.

Owns: no table; the files below the scratch folder its caller names, and the folder of speech models.
Publishes: nothing.
Listens: nothing.
Never: opens a database, a socket of the server or the settings; every limit, folder and threshold is an argument.

The way of a recording: ``sniffing`` names the container by its first bytes, ``decoding`` turns it into one 16 kHz file
a channel in a limited child process, ``crosstalk`` mutes the other party's leak on stereo, ``voice`` finds the speech,
``recognition`` writes it down, ``transcription`` joins the steps. ``models`` brings the Whisper models to this machine.
"""
