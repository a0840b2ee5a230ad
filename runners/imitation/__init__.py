"""Demonstrations: record them, exchange them, count how many imitation needs."""
