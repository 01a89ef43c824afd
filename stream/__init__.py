"""The stream path: Kafka in, Faust agents, alerts out. All I/O of Tocsin lives here."""
