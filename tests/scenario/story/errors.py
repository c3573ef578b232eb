"""What can go wrong in a scenario."""


class StoryError(Exception):
    """A step that did not hold; the text says what was wanted and what was there."""


class Skip(Exception):
    """The scenario cannot run here; the text says why."""


class SyntaxProblem(Exception):
    """A mistake in a .scn file; the text begins with file:line."""
