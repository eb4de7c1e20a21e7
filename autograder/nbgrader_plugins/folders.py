"""Where the course and its workspace lie, by nbgrader's settings."""

from pathlib import Path

from traitlets.config import Config


def solutions_folder(config: Config) -> Path:
    """The folder with the solutions of all assignments."""
    return _folder(config, "source_directory")


def workspace_of(config: Config) -> Path:
    """The workspace."""
    return _folder(config, "submitted_directory").parent


def _folder(config: Config, step: str) -> Path:
    return Path(config.CourseDirectory.root, config.CourseDirectory[step])
