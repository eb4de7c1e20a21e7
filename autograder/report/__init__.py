"""Renders grades for people. Pure: results in, text or HTML out; nothing here reads a notebook or runs one."""
