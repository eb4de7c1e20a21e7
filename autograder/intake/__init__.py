"""From what an instructor drops in to notebooks that may be run: find, parse, rebuild. Nothing here runs anything."""
